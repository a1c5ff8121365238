"""Seats: claimed once, held for a while, filled once, given back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils import timezone

from annotation import desk, seating, waiting
from annotation.models import Guidelines, Judgement, Project, Prompt, Sample, Seat, Skip, Task
from annotation.tasks import answer_tasks, write_tasks

DRAFT = {"text": "The river"}


@pytest.fixture
def other(db) -> User:
    return User.objects.create_user("other")


def ask(project, count=1, overlap=1) -> list[Task]:
    """`count` new write tasks."""
    prompts = [
        Prompt.objects.create(project=project, messages=[{"role": "user", "content": f"Question {timezone.now()} {number}?"}])
        for number in range(count)
    ]
    write_tasks(prompts, overlap=overlap)
    return list(Task.objects.filter(prompt__in=prompts).order_by("id"))


def lapse(seat) -> None:
    Seat.objects.filter(pk=seat.pk).update(held_until=timezone.now() - timedelta(minutes=1))


def test_a_claim_holds_the_first_free_seat(project, rater):
    first, _second = ask(project, 2)
    seat = desk.claim(rater, project)
    assert (seat.task, seat.rater) == (first, rater)
    assert timedelta(minutes=44) < seat.held_until - timezone.now() <= timedelta(minutes=45)


def test_a_rater_who_asks_again_keeps_their_seat(project, rater):
    ask(project, 2)
    assert desk.claim(rater, project) == desk.claim(rater, project)


def test_two_raters_get_two_seats(project, rater, other):
    ask(project, 1, overlap=2)
    assert desk.claim(rater, project) != desk.claim(other, project)


def test_nobody_judges_a_task_twice(project, rater):
    ask(project, 1, overlap=2)
    desk.fill(desk.claim(rater, project), rater, {"text": "Done."}, key="a")
    assert desk.claim(rater, project) is None


def test_a_paused_project_gives_no_new_seat_but_keeps_a_held_one(project, rater, other):
    ask(project, 2)
    seat = desk.claim(rater, project)
    Project.objects.update(state=Project.State.PAUSED)
    project.refresh_from_db()
    assert desk.claim(rater, project) == seat
    assert desk.claim(other, project) is None


def test_more_seats_bring_more_raters(project, rater, other):
    (task,) = ask(project)
    desk.claim(rater, project)
    assert desk.claim(other, project) is None
    seating.add_seats(task.prompt.project, [(task, 1)])
    assert desk.claim(other, project).task == task


def test_a_lapsed_seat_goes_to_the_next_rater_without_its_draft(project, rater, other):
    ask(project)
    seat = desk.claim(rater, project)
    desk.save_draft(seat, rater, DRAFT)
    lapse(seat)
    taken = desk.claim(other, project)
    assert (taken, taken.rater, taken.draft) == (seat, other, {})


def test_a_lapsed_seat_can_still_be_filled_by_its_rater_if_nobody_took_it(project, rater):
    ask(project)
    seat = desk.claim(rater, project)
    lapse(seat)
    assert desk.fill(seat, rater, {"text": "Late."}, key="a").written.text == "Late."


def test_a_seat_that_another_took_is_lost_with_the_reason(project, rater, other):
    ask(project)
    seat = desk.claim(rater, project)
    lapse(seat)
    desk.claim(other, project)
    with pytest.raises(desk.SeatLost, match="another rater took the place"):
        desk.fill(seat, rater, {"text": "Too late."}, key="a")
    with pytest.raises(desk.SeatLost, match="another rater"):
        desk.save_draft(seat, rater, DRAFT)
    assert not Judgement.objects.exists()


def test_a_draft_is_kept_and_renews_the_hold(project, rater):
    ask(project)
    seat = desk.claim(rater, project)
    lapse(seat)
    desk.save_draft(seat, rater, DRAFT)
    seat.refresh_from_db()
    assert seat.draft == DRAFT
    assert seat.held_until > timezone.now()


@pytest.mark.parametrize("draft", [{"text": "x" * desk.DRAFT_LIMIT}, {"text": "nul \0"}, {"tiers": [["\ud800"]]}])
def test_a_draft_that_cannot_be_kept_is_refused(project, rater, draft):
    ask(project)
    with pytest.raises(ValidationError):
        desk.save_draft(desk.claim(rater, project), rater, draft)


def test_the_same_key_is_the_same_judgement(project, rater):
    ask(project)
    seat = desk.claim(rater, project)
    first = desk.fill(seat, rater, {"text": "Once."}, key="a")
    assert desk.fill(seat, rater, {"text": "Twice."}, key="a") == first
    assert Sample.objects.get().text == "Once."


def test_another_key_for_a_filled_seat_is_refused(project, rater):
    ask(project)
    seat = desk.claim(rater, project)
    desk.fill(seat, rater, {"text": "Once."}, key="a")
    with pytest.raises(desk.SeatLost, match="already answered"):
        desk.fill(seat, rater, {"text": "Twice."}, key="b")


def test_a_key_serves_one_seat_only_and_the_other_stays_open(project, rater):
    ask(project, 2)
    desk.fill(desk.claim(rater, project), rater, {"text": "One."}, key="a")
    seat = desk.claim(rater, project)
    with pytest.raises(ValidationError, match="another seat"):
        desk.fill(seat, rater, {"text": "Two."}, key="a")
    assert desk.held(rater, project) == seat


@pytest.mark.parametrize(("sent", "kept"), [(-3.0, None), (float("nan"), None), (None, None), (60.0, 60.0)])
def test_seconds_that_cannot_be_are_not_kept(project, rater, sent, kept):
    ask(project)
    seat = desk.claim(rater, project)
    Seat.objects.update(held_since=timezone.now() - timedelta(minutes=5))
    seat.refresh_from_db()
    assert desk.fill(seat, rater, {"text": "Done."}, key="a", seconds=sent).seconds == kept


def test_nobody_works_longer_than_they_sat(project, rater):
    ask(project)
    assert desk.fill(desk.claim(rater, project), rater, {"text": "Done."}, key="a", seconds=9999).seconds < 60


def test_a_judgement_names_the_guidelines_that_its_rater_saw(project, rater):
    ask(project)
    seen = Guidelines.objects.create(project=project, version=1, text="Be brief.")
    seat = desk.claim(rater, project)
    Guidelines.objects.create(project=project, version=2, text="Be long.")
    assert desk.fill(seat, rater, {"text": "Done."}, key="a").guidelines == seen


def test_a_released_seat_is_free_again_for_everybody(project, rater, other):
    ask(project)
    seat = desk.claim(rater, project)
    desk.release(seat, rater)
    assert desk.claim(other, project) == seat


def test_only_its_rater_releases_a_seat(project, rater, other):
    ask(project)
    with pytest.raises(desk.SeatLost):
        desk.release(desk.claim(rater, project), other)


def test_a_skipped_task_is_not_offered_again_and_the_reason_is_kept(project, rater, other):
    ask(project)
    seat = desk.claim(rater, project)
    desk.skip(seat, rater, "I do not read Basque.")
    assert desk.claim(rater, project) is None
    assert desk.claim(other, project) == seat
    assert Skip.objects.get().reason == "I do not read Basque."


def test_a_skip_without_a_reason_is_refused(project, rater):
    ask(project)
    with pytest.raises(ValidationError, match="why you skip"):
        desk.skip(desk.claim(rater, project), rater, "  ")


def test_what_is_left_counts_tasks_and_not_seats(project, rater):
    ask(project, 3, overlap=2)
    assert waiting.left_for(rater, project, []) == 3
    desk.claim(rater, project)
    assert waiting.left_for(rater, project, []) == 2


def test_each_seat_has_its_own_order_of_all_answers(project):
    prompt = Prompt.objects.create(project=project, messages=[{"role": "user", "content": "Why?"}])
    answers = [Sample.objects.create(prompt=prompt, messages=[], model=f"model {number}") for number in range(9)]
    answer_tasks([answers], kind="rank", overlap=6)
    orders = [seat.order for seat in Seat.objects.in_project(project)]
    assert [sorted(order) for order in orders] == [[answer.pk for answer in answers]] * 6
    assert len({tuple(order) for order in orders}) > 1
