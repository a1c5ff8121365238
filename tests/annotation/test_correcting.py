"""A change of mind: a new judgement takes the old one's place, for a while or when a reviewer asks for it."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connections
from django.utils import timezone

from annotation import correcting, desk
from annotation.models import Grade, Guidelines, Judgement, Member, Project, Prompt, Review, Role, Sample, Seat, Task
from annotation.tasks import answer_tasks, write_tasks


def new_prompt(project, text="Name a river.") -> Prompt:
    return Prompt.objects.create(project=project, messages=[{"role": "user", "content": text}])


@pytest.fixture
def sent(project, rater) -> Judgement:
    """What the rater wrote a moment ago, in 40 seconds."""
    write_tasks([new_prompt(project)], overlap=1)
    seat = desk.claim(rater, project)
    Seat.objects.update(held_since=timezone.now() - timedelta(minutes=1))
    seat.refresh_from_db()
    return desk.fill(seat, rater, {"text": "Ebro."}, key="first", seconds=40)


@pytest.fixture
def ranked(project, rater) -> Judgement:
    prompt = new_prompt(project, "Which?")
    samples = [Sample.objects.create(prompt=prompt, messages=[{"role": "assistant", "content": text}], model="m") for text in "ab"]
    answer_tasks([samples], kind="rank", overlap=1)
    seat = desk.claim(rater, project)
    return desk.fill(seat, rater, {"tiers": [[seat.order[0]], [seat.order[1]]]}, key="ranked")


def review(judgement, lead, verdict, comment="") -> Review:
    return Review.objects.create(judgement=judgement, reviewer=lead, verdict=verdict, comment=comment)


def sent_ago(judgement, **ago) -> None:
    Seat.objects.filter(pk=judgement.seat_id).update(filled=timezone.now() - timedelta(**ago))


def test_a_change_takes_the_place_of_what_was_sent_and_both_are_kept(project, rater, sent):
    changed = correcting.amend(sent, rater, {"text": "Duero."}, key="second", seconds=0.5, comment="Better.")
    assert (changed.supersedes, changed.seat, changed.task, changed.order) == (sent, sent.seat, sent.task, sent.order)
    assert (changed.written.text, changed.comment, changed.seconds) == ("Duero.", "Better.", 40.5)
    assert Judgement.objects.get(pk=sent.pk).written.text == "Ebro."
    assert list(Judgement.objects.in_force()) == [changed]


def test_a_changed_ranking_has_grades_of_its_own_and_the_old_ones_stay(rater, ranked):
    best, other = ranked.order
    changed = correcting.amend(ranked, rater, {"tiers": [[other], [best]]}, key="second")
    overall = Grade.objects.filter(aspect="overall")
    assert dict(overall.filter(judgement=changed).values_list("sample_id", "value")) == {other: 1.0, best: 0.0}
    assert dict(overall.filter(judgement=ranked).values_list("sample_id", "value")) == {best: 1.0, other: 0.0}


def test_a_change_names_the_guidelines_in_force_now(project, rater, sent):
    now = Guidelines.objects.create(project=project, version=1, text="Be brief.")
    assert correcting.amend(sent, rater, {"text": "Duero."}, key="second").guidelines == now


def test_the_same_key_is_the_same_change(rater, sent):
    first = correcting.amend(sent, rater, {"text": "Duero."}, key="second")
    assert correcting.amend(sent, rater, {"text": "Tajo."}, key="second") == first
    assert Judgement.objects.count() == 2


def test_a_second_tab_is_told_that_a_change_came_first(rater, sent):
    correcting.amend(sent, rater, {"text": "Duero."}, key="one tab")
    with pytest.raises(correcting.NotYours, match="changed it already"):
        correcting.amend(sent, rater, {"text": "Tajo."}, key="another tab")
    assert [sample.text for sample in Sample.objects.order_by("pk")] == ["Ebro.", "Duero."]


@pytest.mark.parametrize("key", ["first", "", "k" * 81, "k\0"])
def test_a_key_that_cannot_name_this_change_is_refused(rater, sent, key):
    with pytest.raises(ValidationError):
        correcting.amend(sent, rater, {"text": "Duero."}, key=key)


def test_a_change_can_be_changed_but_the_time_runs_from_the_first_sending(project, rater, sent):
    changed = correcting.amend(sent, rater, {"text": "Duero."}, key="second")
    assert correcting.leave_of(changed, rater).until == Seat.objects.get().filled + timedelta(minutes=10)
    sent_ago(sent, minutes=10)
    with pytest.raises(correcting.NotYours, match="over"):
        correcting.amend(changed, rater, {"text": "Tajo."}, key="third")


@pytest.mark.parametrize(("seconds", "may"), [(9 * 60 + 58, True), (10 * 60, False)])
def test_the_time_has_an_edge(rater, sent, seconds, may):
    sent_ago(sent, seconds=seconds)
    if may:
        assert correcting.amend(sent, rater, {"text": "Duero."}, key="second").pk
    else:
        with pytest.raises(correcting.NotYours):
            correcting.amend(sent, rater, {"text": "Duero."}, key="second")


def test_a_project_may_allow_no_change(project, rater, sent):
    Project.objects.update(undo_minutes=0)
    with pytest.raises(correcting.NotYours):
        correcting.amend(Judgement.objects.get(), rater, {"text": "Duero."}, key="second")


def test_only_its_rater_changes_a_judgement(lead, sent):
    with pytest.raises(correcting.NotYours):
        correcting.amend(sent, lead, {"text": "Mine."}, key="second")


def test_what_a_reviewer_approved_stands(rater, lead, sent):
    review(sent, lead, "approved")
    with pytest.raises(correcting.NotYours):
        correcting.amend(sent, rater, {"text": "Duero."}, key="second")


def test_what_a_reviewer_returned_can_be_changed_without_an_end_and_once(project, rater, lead, sent):
    review(sent, lead, "approved")
    review(sent, lead, "returned", "Say why.")
    sent_ago(sent, days=30)
    assert [(judgement, judgement.leave) for judgement in correcting.returned(rater, project)] == [
        (sent, correcting.Leave(comment="Say why."))
    ]
    changed = correcting.amend(sent, rater, {"text": "Ebro, for it is long."}, key="second")
    assert correcting.returned(rater, project) == []
    with pytest.raises(correcting.NotYours):
        correcting.leave_of(changed, rater)


def test_the_last_word_of_reviewers_counts(project, rater, lead, sent):
    review(sent, lead, "returned", "Say why.")
    review(sent, lead, "approved")
    assert correcting.returned(rater, project) == []


def test_a_ruling_is_not_changed_here(project, lead, ranked):
    ruling = Judgement.objects.create(task=ranked.task, seat=ranked.seat, rater=lead, key="r", ruling=True, supersedes=ranked)
    with pytest.raises(correcting.NotYours):
        correcting.leave_of(ruling, lead)


def test_the_answers_of_an_entry_test_stand(project, rater, ranked):
    Task.objects.filter(pk=ranked.task_id).update(purpose=Task.Purpose.ENTRY, reference=ranked)
    with pytest.raises(correcting.NotYours):
        correcting.leave_of(ranked, rater)


def test_a_required_comment_is_required_of_a_change_too(project, rater, sent):
    Project.objects.update(comment_required=True)
    with pytest.raises(ValidationError, match="say why"):
        correcting.amend(Judgement.objects.get(), rater, {"text": "Duero."}, key="second")


def test_a_wrong_payload_changes_nothing(rater, sent):
    with pytest.raises(ValidationError, match="Write a response"):
        correcting.amend(sent, rater, {"text": " "}, key="second")
    assert list(Judgement.objects.in_force()) == [sent]


@pytest.mark.parametrize(("seconds", "kept"), [(None, 40.0), (float("nan"), 40.0), (-1.0, 40.0), (9999.0, 40.0), (0.5, 40.5)])
def test_seconds_of_both_sittings_are_one_sum_and_impossible_ones_are_not_kept(rater, sent, seconds, kept):
    assert correcting.amend(sent, rater, {"text": "Duero."}, key="second", seconds=seconds).seconds == kept


def test_the_latest_come_last_first_with_what_may_be_done(project, rater, lead, sent, ranked):
    review(ranked, lead, "approved")
    shown = [(judgement, judgement.leave) for judgement in correcting.latest(rater, project, 10)]
    until = Seat.objects.get(pk=sent.seat_id).filled + timedelta(minutes=10)
    assert shown == [(ranked, None), (sent, correcting.Leave(until))]
    assert correcting.last_changeable(rater, project) is None
    assert [judgement.pk for judgement in correcting.latest(rater, project, 1)] == [ranked.pk]


def test_the_last_one_is_the_one_sent_last_in_this_project(project, rater, sent):
    other = Project.objects.create(name="Sea")
    Member.objects.create(project=other, user=rater, role=Role.RATER)
    assert correcting.last_changeable(rater, project) == sent
    assert correcting.last_changeable(rater, other) is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("keys", [["same"] * 4, ["a", "b", "c", "d"]])
def test_of_changes_sent_at_the_same_moment_one_is_kept(rater, sent, keys):
    told: list[object] = []

    def change(key: str) -> None:
        try:
            told.append(correcting.amend(Judgement.objects.get(pk=sent.pk), rater, {"text": key}, key=key).pk)
        except correcting.NotYours as error:
            told.append(str(error))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=change, args=[key]) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    changed = Judgement.objects.get(supersedes=sent)
    assert told.count(changed.pk) == (4 if len(set(keys)) == 1 else 1)
    assert Sample.objects.count() == 2
