"""Which seat comes next: the policy's order, the rater's languages, limits, and a cost that no history changes."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation import desk, seating, waiting
from annotation.models import Member, Prompt, Role, Sample, Score, Seat, Task
from annotation.policies.disagreement import disagreement
from annotation.tasks import answer_tasks, write_tasks


def ask(project, count=1, *, overlap=1, language="") -> list[Task]:
    before = project.prompts.count()
    prompts = [
        Prompt.objects.create(
            project=project, messages=[{"role": "user", "content": f"Question {before + number}?"}], language=language
        )
        for number in range(count)
    ]
    write_tasks(prompts, overlap=overlap)
    return list(Task.objects.filter(prompt__in=prompts).order_by("id"))


def work(user, project, times=1) -> list[int]:
    """Judges so many tasks; their ids in the order in which they came."""
    seen = []
    for _time in range(times):
        seat = desk.claim(user, project)
        seen.append(seat.task_id)
        desk.fill(seat, user, {"text": "Done."}, key=desk.key_of(seat))
    return seen


@pytest.fixture
def other(project) -> User:
    user = User.objects.create_user("other")
    Member.objects.create(project=project, user=user, role=Role.RATER)
    return user


def by_policy(project, policy: str) -> None:
    project.policy = policy
    project.save()
    seating.arrange(project)


def test_in_order_a_task_gets_all_its_judgements_before_the_next(project, rater, other):
    first, second, _third = ask(project, 3, overlap=2)
    assert work(rater, project, 2) == [first.pk, second.pk]
    assert work(other, project, 2) == [first.pk, second.pk]


def test_fewest_gives_every_task_one_judgement_before_any_has_two(project, rater, other):
    by_policy(project, "fewest")
    tasks = ask(project, 4, overlap=2)
    assert work(rater, project, 2) == [tasks[0].pk, tasks[1].pk]
    assert work(other, project, 4) == [tasks[2].pk, tasks[3].pk, tasks[0].pk, tasks[1].pk]


def test_more_seats_for_a_task_come_after_the_first_of_the_others(project, rater):
    by_policy(project, "fewest")
    first, second = ask(project, 2)
    seating.add_seats(project, [(first, 1)])
    assert list(Seat.objects.order_by("place", "id").values_list("task_id", flat=True)) == [first.pk, second.pk, first.pk]


def test_random_draws_a_lot_for_each_seat(project):
    by_policy(project, "random")
    ask(project, 30)
    places = list(Seat.objects.order_by("id").values_list("place", flat=True))
    assert len(set(places)) == 30
    assert places != sorted(places)


def test_a_new_policy_arranges_what_is_still_open(project, rater):
    ask(project, 3)
    work(rater, project)
    by_policy(project, "random")
    assert [seat.place == 0 for seat in Seat.objects.order_by("id")] == [True, False, False]
    by_policy(project, "in_order")
    assert set(Seat.objects.values_list("place", flat=True)) == {0.0}


def test_what_reward_models_disagree_about_comes_first(project, rater):
    by_policy(project, "disagreement")
    tasks = []
    for text, (one, two) in {"Agreed?": (1.0, 2.0), "Contested?": (-3.0, 4.0)}.items():
        prompt = Prompt.objects.create(project=project, messages=[{"role": "user", "content": text}])
        pair = [Sample.objects.create(prompt=prompt, messages=[], model=name) for name in "ab"]
        tasks += answer_tasks([pair], kind="rank", overlap=1)
        Score.objects.bulk_create(
            Score(sample=sample, model=model, value=value)
            for model, values in (("rm-1", (1.0, 2.0)), ("rm-2", (one, two)))
            for sample, value in zip(pair, values, strict=True)
        )
    seating.arrange(project)
    assert desk.claim(rater, project).task_id == tasks[1].pk


def test_disagreement_is_the_interaction_of_models_and_samples():
    level = [("one", 1, 0.0), ("one", 2, 1.0), ("two", 1, 5.0), ("two", 2, 6.0)]
    assert disagreement(level) == 0  # another level, the same difference
    opposite = [("one", 1, 0.0), ("one", 2, 1.0), ("two", 1, 1.0), ("two", 2, 0.0)]
    assert disagreement(opposite) == pytest.approx(1.0)  # residuals of one half in four cells, one degree of freedom
    assert disagreement([*opposite, ("two", 3, 9.0)]) == pytest.approx(1.0)  # the third sample was scored by one model only
    assert disagreement(opposite[:2]) == 0


def test_a_rater_gets_prompts_in_their_languages_the_first_named_first(project, rater):
    english, spanish, german = (ask(project, language=language)[0] for language in ("en", "es", "de"))
    Member.objects.filter(user=rater).update(languages=["es", "en"])
    assert work(rater, project, 2) == [spanish.pk, english.pk]
    assert desk.claim(rater, project) is None
    assert waiting.left_for(rater, project, ["es", "en"]) == 0
    Member.objects.filter(user=rater).update(languages=[])
    assert desk.claim(rater, project).task_id == german.pk


def test_a_rater_at_the_limit_gets_no_more(project, rater, other):
    ask(project, 3)
    project.most_per_rater = 2
    project.save()
    assert waiting.left_for(rater, project, []) == 2
    work(rater, project, 2)
    assert desk.claim(rater, project) is None
    assert waiting.left_for(rater, project, []) == 0
    assert desk.claim(other, project) is not None


def test_a_seat_given_back_before_the_line_is_found_again(project, rater, other):
    first, *_rest = ask(project, 3)
    held = desk.claim(other, project)
    work(rater, project, 1)
    desk.release(held, other)
    assert desk.claim(rater, project).task_id == first.pk


@pytest.fixture
def long_past(project, rater) -> list[Task]:
    """The rater judged the first seat of more tasks than the window holds; their second seats stand at the front of the line."""
    tasks = ask(project, waiting.WINDOW + 20, overlap=2) + ask(project, 3)
    work(rater, project, waiting.WINDOW + 20)
    return tasks


def test_a_long_past_hides_nothing(project, rater, long_past):
    assert waiting.left_for(rater, project, []) == 3
    assert work(rater, project, 3) == [task.pk for task in long_past[-3:]]
    assert desk.claim(rater, project) is None


def test_what_was_freed_inside_a_long_past_is_found_at_the_end(project, rater, other, long_past):
    late = ask(project)[0]
    desk.claim(other, project)  # holds the second seat of the first task
    work(rater, project, 3)
    assert desk.claim(rater, project).task_id == late.pk


def test_a_long_past_costs_no_more_than_the_window(project, rater, long_past):
    """The claim's statements are bounded: window, last seat, what is behind it."""
    with CaptureQueriesContext(connection) as asked:
        desk.sit_down(rater, project, [])
    looked = [query["sql"] for query in asked if "annotation_seat" in query["sql"]]
    assert len(looked) == 3, looked


def test_a_rater_holds_one_seat_in_a_project_whatever_two_tabs_do(project, rater):
    ask(project, 2)
    first = desk.claim(rater, project)
    assert desk.sit_down(rater, project, []) == first
    assert Seat.objects.exclude(rater=None).count() == 1


def test_the_guidelines_of_a_sitting_are_those_in_force_when_it_began(project, rater):
    ask(project)
    project.guidelines_versions.create(version=1, text="Be brief.")
    newest = project.guidelines_versions.create(version=2, text="Be kind.")
    seat = desk.claim(rater, project)
    project.guidelines_versions.create(version=3, text="Be both.")
    assert desk.held(rater, project).guidelines == newest
    assert desk.fill(seat, rater, {"text": "Done."}, key="a").guidelines == newest


def test_the_lead_takes_back_every_held_seat(project, rater, other):
    ask(project, 3)
    desk.claim(rater, project)
    work(other, project)
    desk.claim(other, project)
    assert desk.release_all(project) == 2
    assert Seat.objects.filter(rater=None).count() == 2
