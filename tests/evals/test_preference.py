"""Win rates from planted grades, and the tasks that ask for them."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from annotation import desk, stats
from annotation.models import Member, Role, Task
from annotation.snapshot import DEFAULTS
from evals import preference
from evals.models import Evaluation
from tests.training.rows import a_checkpoint, a_run, answers

pytestmark = pytest.mark.django_db


@pytest.fixture
def raters(project) -> list[User]:
    made = [User.objects.create_user(f"rater{number}") for number in range(3)]
    Member.objects.bulk_create(Member(project=project, user=user, role=Role.RATER) for user in made)
    return made


@pytest.fixture
def contest(project, lead) -> Evaluation:
    """Two checkpoints that answered 10 prompts each, nine of them in common."""
    for name, numbers in (("base", range(10)), ("sft", range(1, 11))):
        run = a_run(project, lead, "sample", {"model": a_checkpoint(project, name)})
        answers(project, run, name, {f"Question {number}": [f"{name} {number}", "second try"] for number in numbers})
    return Evaluation.objects.create(project=project, name="Contest", created_by=lead)


def judge(user, project, verdict) -> None:
    """The rater fills every seat; `verdict(prompt number)` is +1 for sft, -1 for base, 0 for a tie."""
    while seat := desk.claim(user, project):
        by_model = {sample.model: sample.pk for sample in seat.task.samples.all()}
        number = int(seat.task.prompt.messages[0]["content"].split()[1])
        wish = verdict(number)
        order = [by_model["sft"], by_model["base"]] if wish > 0 else [by_model["base"], by_model["sft"]]
        tiers = [order] if wish == 0 else [[order[0]], [order[1]]]
        desk.fill(seat, user, {"tiers": tiers}, key=f"{user.pk}-{seat.pk}")


def test_pairs_are_the_first_answers_to_common_prompts_test_split_first(contest, project):
    found = preference.pairs(project, "base", "sft")
    assert len(found) == 9
    assert all(one.prompt_id == other.prompt_id for one, other in found)
    assert {(one.model, other.model) for one, other in found} == {("base", "sft")}
    assert all(one.text != "second try" for one, _other in found)
    splits = [preference.prompt_split(one.prompt.digest, DEFAULTS["test"], DEFAULTS["validation"]) for one, _ in found]
    assert splits == sorted(splits, key=preference.SPLIT_ORDER.get)


def test_raters_are_asked_blind_and_never_for_training(contest):
    tasks = preference.send_to_raters(contest, "base", "sft", count=4, overlap=2)
    assert {(task.kind, task.purpose, task.seats.count(), task.samples.count()) for task in tasks} == {
        ("rank", Task.Purpose.EVALUATE, 2, 2)
    }
    assert set(contest.tasks.all()) == set(tasks)


def test_no_pair_is_asked_twice_in_one_evaluation(contest):
    assert len(preference.send_to_raters(contest, "base", "sft", count=6, overlap=1)) == 6
    assert len(preference.send_to_raters(contest, "sft", "base", count=6, overlap=1)) == 3
    assert len(set(preference.shown(contest.tasks.all()).values())) == 9


def test_the_win_rate_of_planted_grades(contest, project, raters, django_assert_num_queries):
    preference.send_to_raters(contest, "base", "sft", count=9, overlap=3)
    for user in raters[:2]:
        judge(user, project, lambda number: 1 if number <= 6 else 0 if number <= 8 else -1)
    judge(raters[2], project, lambda number: -1)
    with django_assert_num_queries(1):
        found = preference.win_rate(contest.tasks.all(), "sft", "base")
    assert (found.wins, found.ties, found.losses, found.n, found.raters, found.prompts) == (12, 4, 11, 27, 3, 9)
    assert found.value == 14 / 27
    assert found.low < 14 / 27 < found.high
    turned = preference.win_rate(contest.tasks.all(), "base", "sft")
    assert (turned.value, turned.wins, turned.low) == (pytest.approx(13 / 27), 11, pytest.approx(1 - found.high))


def test_a_judgement_that_was_corrected_no_longer_counts(contest, project, raters):
    preference.send_to_raters(contest, "base", "sft", count=1, overlap=1)
    judge(raters[0], project, lambda number: 1)
    old = contest.tasks.get().judgements.get()
    new = old.task.judgements.create(seat=old.seat, rater=old.rater, key="correction", supersedes=old)
    for grade in old.grades.filter(aspect="overall"):
        new.grades.create(sample=grade.sample, value=-grade.value)
    found = preference.win_rate(contest.tasks.all(), "sft", "base")
    assert (found.wins, found.losses, found.n) == (0, 1, 1)


def test_without_judgements_nothing_is_known(contest):
    preference.send_to_raters(contest, "base", "sft", count=3, overlap=1)
    found = preference.win_rate(contest.tasks.all(), "sft", "base")
    assert (found.n, found.low, found.high) == (0, 0.0, 1.0)


def test_votes_on_one_prompt_widen_the_interval():
    spread = preference.count_wins([(prompt, 1, 1.0 if prompt % 4 else -1.0) for prompt in range(40)])
    together = preference.count_wins([(prompt // 5, 1, 1.0 if prompt // 5 % 4 else -1.0) for prompt in range(40)])
    assert spread.value == together.value
    assert together.high - together.low > 1.5 * (spread.high - spread.low)
    assert (spread.low, spread.high) == stats.wilson(0.75, 39)


def test_judgements_of_simulated_raters_are_counted_as_such(contest, project, raters):
    program = User.objects.create_user("sim-ana")
    Member.objects.create(project=project, user=program, role=Role.RATER)
    preference.send_to_raters(contest, "base", "sft", count=4, overlap=2)
    judge(raters[0], project, lambda number: 1)
    judge(program, project, lambda number: 1)
    found = preference.win_rate(contest.tasks.all(), "sft", "base")
    assert (found.n, found.simulated) == (8, 4)
