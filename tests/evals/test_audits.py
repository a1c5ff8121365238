"""A run's audits become blind tasks, once, and never training data; its page says what score and people make of them."""

from __future__ import annotations

import json
import random

import pytest
from django.contrib.auth.models import User

from annotation import desk
from annotation import snapshot as snapshots
from annotation.models import Judgement, Member, Prompt, Role, Sample, Snapshot, Task
from demo import raters
from evals import audit_page, audits, preference
from evals.models import Evaluation
from tests.evals.audited import Stage, an_audited_run, judge
from training import supervisor
from training.models import Event
from training.reading import read_events

PERCENT = "\N{NO-BREAK SPACE}%"

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(project, lead):
    """Two audits of six prompts."""
    return an_audited_run(project, lead, [Stage(20, 1.21, 0.5, 0.4), Stage(60, 4.41, 1.5, 0.2)])


def test_an_audit_becomes_blind_comparisons_by_the_projects_overlap(run, project):
    project.overlap = 2
    project.save()
    audits.ask(type(run).objects.get(pk=run.pk))
    tasks = Task.objects.filter(samples__model=f"ppo-{run.pk}@20")
    assert tasks.count() == 6
    assert {(task.kind, task.purpose, task.seats.count()) for task in tasks} == {("compare", Task.Purpose.EVALUATE, 2)}
    shown = {sample.model for task in tasks for sample in task.samples.all()}
    assert shown == {f"ppo-{run.pk}@20", "sft"}
    orders = {tuple(seat.order) == tuple(sorted(seat.order)) for task in Task.objects.all() for seat in task.seats.all()}
    assert orders == {True, False}


def test_asking_again_asks_nothing_more(run):
    audits.ask(run)
    audits.ask(run)
    assert Task.objects.count() == 12
    assert Sample.objects.count() == 24
    assert list(run.events.filter(kind="asked").order_by("id").values_list("step", "data")) == [
        (20, {"tasks": 6, "why": ""}), (60, {"tasks": 6, "why": ""}),
    ]  # fmt: skip


def test_its_tasks_belong_to_one_evaluation_of_the_run(run):
    audits.ask(run)
    evaluation = Evaluation.objects.get()
    assert (evaluation.name, list(evaluation.runs.all())) == (f"ppo-{run.pk} · audit", [run])
    assert [one.name for one in evaluation.checkpoints.all()] == ["sft"]
    assert evaluation.tasks.count() == 12


def test_nobody_is_asked_where_the_lead_did_not_want_it(project, lead):
    run = an_audited_run(project, lead, [Stage(20, 1.21, 0.5)])
    run.config["audit_at"] = ""
    audits.ask(run)
    assert not Task.objects.exists()
    assert audit_page.page(run) is None


def test_what_people_say_never_enters_a_snapshot(run, project, lead, rater):
    audits.ask(run)
    judge(rater, project, lambda step, number: 1)
    assert Judgement.objects.count() == 12
    frozen = snapshots.freeze(Snapshot.objects.create(project=project, name="all", created_by=lead))
    assert frozen.manifest["counts"]["rows"] == 0


def test_an_evaluation_of_the_checkpoint_does_not_take_its_answers_from_an_audit(run, project):
    audits.ask(run)
    assert preference.pairs(project, "sft", f"ppo-{run.pk}@20") == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda row: row | {"prompt_id": 10**9}, "step-20.jsonl: prompt 1000000000 is not in the run's project"),
        (
            lambda row: row | {"policy": "text"},
            "step-20.jsonl, line 1: policy: must be a list of chat messages with at least one in it",
        ),
        (lambda row: [], "step-20.jsonl, line 1: must be an object with a whole number “prompt_id”"),
    ],
)
def test_what_cannot_be_asked_is_told_and_the_other_audits_are_asked(run, change, why):
    path = run.folder / "audit" / "step-20.jsonl"
    first, *others = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps(change(json.loads(first))), *others]) + "\n")
    audits.ask(run)
    assert run.events.get(kind="asked", step=20).data == {"tasks": 0, "why": why}
    assert Task.objects.count() == 6
    assert [row["why"] for row in audit_page.page(run).rows] == [why, ""]


def test_the_supervisor_asks_as_it_reads(run, monkeypatch):
    class Running:
        """An engine whose attempts go on."""

        states = staticmethod(lambda handles: dict.fromkeys(handles, "running"))

    type(run).objects.filter(pk=run.pk).update(handle="here")
    monkeypatch.setattr(supervisor, "part", lambda shelf, name: Running if shelf == "ENGINES" else audits.ask)
    supervisor.follow()
    assert Task.objects.count() == 12


def test_the_page_counts_what_people_said(run, project, rater):
    audits.ask(run)
    judge(rater, project, lambda step, number: 1 if step == 20 else (1, -1, 0)[number % 3])
    first, second = audit_page.page(run).looks
    assert (first.step, first.distance, first.votes.value, first.votes.n) == (20, pytest.approx(1.1), 1.0, 6)
    assert (second.votes.wins, second.votes.ties, second.votes.losses) == (2, 2, 2)
    assert (second.score.value, second.gold.value) == (pytest.approx(1.5), pytest.approx(0.2))
    assert (second.seats, second.filled) == (6, 6)


def test_a_line_of_events_with_wrong_numbers_is_left_out(run):
    for step, data in ((70, {"kl": "inf", "figures": {"score": 1.0}}), (80, {"kl": 9.0, "figures": []}), (90, {})):
        Event.objects.create(run=run, attempt=1, kind="audit", step=step, data=data)
    assert [look.step for look in audit_page.page(run).looks] == [20, 60]


def test_the_demos_raters_judge_an_audit_by_its_utility_and_are_counted_as_programs(project, lead):
    program = User.objects.create_user("sim-ana")
    Member.objects.create(project=project, user=program, role=Role.RATER)
    run = an_audited_run(project, lead, [Stage(20, 1.21, 0.5)])
    Prompt.objects.update(messages=[{"role": "user", "content": "What colour is the tomato?"}])
    audits.ask(run)
    for sample in Sample.objects.all():
        text = "The tomato is red." if "@" in sample.model else "The tomato is blue."
        Sample.objects.filter(pk=sample.pk).update(messages=[{"role": "assistant", "content": text}])
    while seat := desk.claim(program, project):
        texts = {sample.pk: sample.text for sample in seat.task.samples.all()}
        answer = raters.compare("What colour is the tomato?", texts, random.Random(seat.pk), noise=0.0)
        desk.fill(seat, program, answer, key=str(seat.pk))
    (look,) = audit_page.page(run).looks
    assert (look.votes.wins, look.votes.n, look.votes.simulated) == (6, 6, 6)


def looks(*told: tuple[float, float, int, int]) -> list[audit_page.Look]:
    """From (√KL, score, wins, losses)."""
    votes = [preference.count_wins([(n, n, 1.0 if n < wins else -1.0) for n in range(wins + losses)]) for *_, wins, losses in told]
    return [
        audit_page.Look(number, distance, audit_page.Gain(score, None, None), None, vote, vote.n, vote.n, "")
        for number, ((distance, score, *_), vote) in enumerate(zip(told, votes, strict=True))
    ]


def test_score_and_people_part_where_one_rises_and_the_other_falls():
    found = audit_page.partings(looks((1, 0.5, 60, 40), (2, 1.0, 70, 30), (4, 2.0, 30, 70)))
    assert [(one.start, one.end, one.clear) for one in found] == [(2, 4, True)]
    assert found[0].sentence == (
        f"From √KL 2.00 to 4.00 the score rises (+1.00 to +2.00) while the win rate falls (70.0{PERCENT} to 30.0{PERCENT}). "
        "The intervals of the two win rates lie apart."
    )


def test_a_fall_within_the_intervals_is_said_to_be_perhaps_chance():
    (one,) = audit_page.partings(looks((1, 0.5, 6, 4), (2, 1.0, 5, 5)))
    assert not one.clear
    assert one.sentence.endswith("The intervals overlap: it may be chance.")


def test_people_who_like_the_policy_less_from_the_start_are_a_parting_from_the_reference():
    (one,) = audit_page.partings(looks((1, 0.5, 20, 80)))
    assert (one.start, one.end, one.clear) == (0.0, 1, True)


def test_a_slide_over_several_audits_is_one_parting():
    found = audit_page.partings(looks((1, 0.5, 80, 20), (2, 1.0, 70, 30), (3, 1.5, 60, 40), (4, 2.0, 65, 35), (5, 2.5, 50, 50)))
    assert [(one.start, one.end, one.clear) for one in found] == [(1, 3, True), (4, 5, False)]


def test_where_both_fall_or_nobody_judged_nothing_parts():
    assert audit_page.partings(looks((1, 1.0, 60, 40), (2, 0.5, 40, 60))) == []
    assert audit_page.partings(looks((1, 1.0, 60, 40), (2, 2.0, 0, 0))) == []


def test_the_run_page_shows_the_section_in_each_of_its_states(project, lead, rater, client_of):
    run = an_audited_run(project, lead, [])
    Event.objects.create(run=run, attempt=1, kind="metrics", step=5, data={"kl": 0.25, "reward": 0.1})
    page = client_of(lead).get(f"/runs/{run.pk}/").content.decode()
    assert "An audit, not an alarm" in page
    assert "Raters are first asked when the policy has come as far as √KL = 1; it is at 0.50 now." in page
    plant(run, Stage(20, 1.21, 0.5, 0.4), Stage(40, 4.41, 1.0, 0.6), Stage(60, 9.61, 1.5, 0.3))
    page = client_of(lead).get(f"/runs/{run.pk}/").content.decode()
    assert "No judgements yet: 18 tasks wait for raters." in page
    judge(rater, project, lambda step, number: 1 if step < 60 else -1)
    page = client_of(lead).get(f"/runs/{run.pk}/").content.decode()
    assert (
        f"From √KL 2.10 to 3.10 the score rises (+1.00 to +1.50) while the win rate falls (100.0{PERCENT} to 0.0{PERCENT})." in page
    )
    assert "fitted to 3 distances" in page
    assert page.count("<title>Win rate: ") == 3
    assert "style=" not in page


def plant(run, *stages: Stage) -> None:
    """More audits of a run, read and asked."""
    from tests.evals.audited import a_row
    from training import audit

    prompts = list(run.project.prompts.values_list("pk", flat=True))
    looks = audit.Audit(run.rundir, type("C", (), {**run.config}), prompts)
    for stage in stages:
        looks.log(stage.step, stage.kl, [a_row(prompt, stage, number) for number, prompt in enumerate(prompts)])
    read_events(run)
    audits.ask(run)


def test_a_run_that_ended_near_its_reference_says_that_nobody_was_asked(project, lead):
    run = an_audited_run(project, lead, [])
    run.state = run.State.SUCCEEDED
    assert audit_page.page(run).ahead == "The policy never came as far as √KL = 1 (it ended at 0), so nobody was asked."
