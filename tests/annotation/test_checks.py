"""Tasks with a known answer: the entry test, gold among the others, and how right a rater was."""

from __future__ import annotations

import pytest

from annotation import checks, desk
from annotation.models import Judgement, Prompt, Sample, Seat, Task
from annotation.quality.gold import rightness
from annotation.tasks import answer_tasks, write_tasks


def pair(project, number: int) -> list[Sample]:
    prompt = Prompt.objects.create(project=project, messages=[{"role": "user", "content": f"Which is better, {number}?"}])
    return [
        Sample.objects.create(prompt=prompt, messages=[{"role": "assistant", "content": text}], model="m")
        for text in ("Good.", "Bad.")
    ]


def known(project, lead, number: int, purpose: str) -> Task:
    """A task whose known answer is that the first sample is better."""
    good, bad = pair(project, number)
    (task,) = answer_tasks([[good, bad]], kind="rank", overlap=1)
    seat = desk.claim(lead, project)
    task.reference = desk.fill(seat, lead, {"tiers": [[good.pk], [bad.pk]]}, key=f"known {number}")
    task.purpose = purpose
    task.save()
    return task


def answer(user, project, *, right: bool) -> Task:
    seat = desk.claim(user, project)
    good, bad = sorted(seat.order)
    desk.fill(seat, user, {"tiers": [[good], [bad]] if right else [[bad], [good]]}, key=desk.key_of(seat))
    return seat.task


@pytest.fixture
def entry(project, lead) -> list[Task]:
    tasks = [known(project, lead, number, Task.Purpose.ENTRY) for number in range(2)]
    project.pass_percent = 60
    project.save()
    return tasks


@pytest.fixture
def work(project) -> Task:
    return answer_tasks([pair(project, 99)], kind="rank", overlap=1)[0]


def test_whoever_passes_the_entry_test_goes_on(project, rater, entry, work):
    assert [answer(rater, project, right=True) for _task in entry] == entry
    assert checks.passed(rater, project)
    assert desk.claim(rater, project).task == work


def test_whoever_fails_the_entry_test_gets_no_work(project, rater, entry, work):
    answer(rater, project, right=True)
    answer(rater, project, right=False)
    assert checks.rightness(project, rater, Task.Purpose.ENTRY) == 0.5
    assert checks.due(rater, project) == checks.Due(failed=True)
    assert desk.claim(rater, project) is None


def test_each_rater_has_a_seat_of_their_own_at_a_check(project, rater, lead, entry):
    seat = desk.claim(rater, project)
    assert (seat.task, seat.rater, sorted(seat.order)) == (entry[0], rater, sorted(entry[0].samples.values_list("pk", flat=True)))
    assert Seat.objects.filter(task=entry[0]).count() == 2  # the lead's, and this one


def test_a_project_without_a_test_or_without_entry_tasks_lets_everybody_work(project, rater, work):
    project.pass_percent = 90
    project.save()
    assert desk.claim(rater, project).task == work


def test_gold_comes_in_its_share_and_once_to_each_rater(project, rater, lead, monkeypatch):
    gold = known(project, lead, 1, Task.Purpose.GOLD)
    write_tasks(
        [Prompt.objects.create(project=project, messages=[{"role": "user", "content": f"{n}"}]) for n in range(2)], overlap=1
    )
    project.gold_percent = 50
    project.save()
    monkeypatch.setattr(checks, "_random", lambda: 0.5)
    assert checks.due(rater, project).task is None
    monkeypatch.setattr(checks, "_random", lambda: 0.49)
    assert answer(rater, project, right=True) == gold
    assert checks.due(rater, project).task is None
    assert desk.claim(rater, project).task.kind == "write"
    assert checks.rightness(project, rater, Task.Purpose.GOLD) == 1.0


def test_what_checks_raters_is_never_trained_on(project, rater, lead, entry):
    answer(rater, project, right=True)
    assert not Judgement.objects.filter(task__purpose=Task.Purpose.TRAIN).exists()


@pytest.mark.parametrize(
    ("judged", "right"),
    [
        ({1: {"overall": 2.0}, 2: {"overall": 1.0}, 3: {"overall": 0.0}}, 1.0),
        ({1: {"overall": 2.0}, 2: {"overall": 1.0}, 3: {"overall": 1.0}}, 1.0),  # the known answer leaves 2 and 3 open
        ({1: {"overall": 0.0}, 2: {"overall": 1.0}, 3: {"overall": 0.0}}, 0.0),
        ({1: {"overall": 1.0}, 2: {"overall": 1.0}, 3: {"overall": 0.0}}, 0.5),  # a tie where there is an order is wrong
        ({}, 0.0),
    ],
)
def test_rightness_counts_the_pairs_that_the_known_answer_orders(judged, right):
    assert rightness(judged, {1: {"overall": 5.0}, 2: {"overall": 3.0}, 3: {"overall": 3.0}}) == right


@pytest.mark.parametrize(("value", "known_value", "right"), [(6.0, 7.0, 1.0), (5.0, 7.0, 0.0), (1.0, 1.0, 1.0), (0.0, 1.0, 0.0)])
def test_a_scale_may_be_one_step_off_and_a_flag_may_not(value, known_value, right):
    assert rightness({1: {"helpful": value}}, {1: {"helpful": known_value}}) == right


def test_only_what_somebody_calls_unacceptable_counts_as_such():
    known = {1: {"overall": 1.0, "acceptable": 1.0}, 2: {"overall": 0.0, "acceptable": 0.0}}
    assert rightness({1: {"overall": 0.0, "acceptable": 1.0}, 2: {"overall": 1.0, "acceptable": 1.0}}, known) == 0.0
    assert rightness({1: {"overall": 1.0, "acceptable": 0.0}, 2: {"overall": 0.0, "acceptable": 0.0}}, known) == 2 / 3


def test_a_known_answer_that_orders_nothing_says_nothing():
    assert rightness({1: {"overall": 1.0}}, {1: {"overall": 1.0}}) is None
