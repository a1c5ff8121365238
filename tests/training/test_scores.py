"""Reward models' scores: what a scoring run reads, what becomes of what it made, and what comes from outside."""

from __future__ import annotations

import json

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse
from rest_framework.test import APIClient

from annotation import desk, scores
from annotation.models import Project, Prompt, Sample, Score, Seat
from annotation.tasks import answer_tasks, write_tasks
from training import materials, outcomes
from training.models import Run

pytestmark = pytest.mark.django_db


def pair(project, number: int) -> list[Sample]:
    prompt = Prompt.objects.create(project=project, messages=[{"role": "user", "content": f"Which, {number}?"}])
    return [
        Sample.objects.create(prompt=prompt, messages=[{"role": "assistant", "content": text}], model="m") for text in ("a", "b")
    ]


@pytest.fixture
def pairs(project) -> list[list[Sample]]:
    """Three tasks of two answers, in a queue by disagreement."""
    Project.objects.update(policy="disagreement")
    project.refresh_from_db()
    groups = [pair(project, number) for number in range(3)]
    answer_tasks(groups, kind="rank", overlap=1)
    return groups


@pytest.fixture
def run(project, lead) -> Run:
    run = Run.objects.create(project=project, recipe="score", created_by=lead)
    (run.folder / "out").mkdir(parents=True)
    return run


def disagreed(pairs) -> list[tuple[int, str, float]]:
    """Scores of two models that agree on the first task, differ on the second, and differ most on the third."""
    said = {"one": [(0, 1), (0, 1), (0, 3)], "two": [(0, 1), (1, 0), (3, 0)]}
    return [
        (sample.pk, model, float(value))
        for model, tasks in said.items()
        for group, values in zip(pairs, tasks, strict=True)
        for sample, value in zip(group, values, strict=True)
    ]


def in_turn(rater, project) -> list[int]:
    """The prompts in the order in which a rater meets them."""
    met = []
    while seat := desk.claim(rater, project):
        met.append(seat.task.prompt_id)
        desk.fill(seat, rater, {"tiers": [seat.order]}, key=desk.key_of(seat))
    return met


def test_raters_first_meet_what_the_models_disagree_about(project, rater, pairs):
    assert scores.record(project, disagreed(pairs)) == 12
    assert in_turn(rater, project) == [pairs[2][0].prompt_id, pairs[1][0].prompt_id, pairs[0][0].prompt_id]


def test_another_policy_keeps_its_order(project, rater, pairs):
    Project.objects.update(policy="in_order")
    scores.record(Project.objects.get(), disagreed(pairs))
    assert set(Seat.objects.values_list("place", flat=True)) == {0.0}


def test_a_score_sent_again_takes_the_place_of_the_first(project, pairs):
    sample = pairs[0][0].pk
    scores.record(project, [(sample, "one", 1.0), (sample, "one", 2.0)])
    scores.record(project, [(sample, "one", 3.0), (sample, "two", 0.5)])
    assert sorted(Score.objects.values_list("sample", "model", "value")) == [(sample, "one", 3.0), (sample, "two", 0.5)]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda sample: (sample + 999, "one", 1.0), "Not samples of this project"),
        (lambda sample: (sample, "one", float("nan")), "Must be a number"),
        (lambda sample: (sample, "", 1.0), "1 to 200"),
    ],
)
def test_one_bad_score_and_none_is_kept(project, pairs, change, sentence):
    sample = pairs[0][0].pk
    with pytest.raises(ValidationError, match=sentence):
        scores.record(project, [(sample, "fine", 1.0), change(sample)])
    assert not Score.objects.exists()


def test_a_run_reads_the_answers_that_wait_and_no_others(project, rater, pairs, run):
    write_tasks([pairs[0][0].prompt], overlap=1)
    pair(project, 9)  # answers that nobody is asked about
    seat = desk.claim(rater, project)
    desk.fill(seat, rater, {"tiers": [seat.order]}, key="k")
    materials.waiting_answers(run)
    lines = [json.loads(line) for line in (run.folder / "material" / "answers.jsonl").read_text().splitlines()]
    waiting = [sample for group in pairs for sample in group if sample.pk not in seat.order]
    assert lines == [
        {"sample_id": sample.pk, "prompt": sample.prompt.messages, "tools": [], "messages": sample.messages} for sample in waiting
    ]


def test_a_run_reads_once_whatever_changes(pairs, run):
    materials.waiting_answers(run)
    path = run.folder / "material" / "answers.jsonl"
    before = path.read_bytes()
    Sample.objects.update(messages=[])
    materials.waiting_answers(run)
    assert path.read_bytes() == before


def made(run, text: str) -> None:
    (run.folder / "out" / "rewards.jsonl").write_text(text)


def test_what_a_run_made_is_kept_once(project, rater, pairs, run):
    lines = [{"sample_id": sample, "model": model, "value": value} for sample, model, value in disagreed(pairs)]
    made(run, "".join(json.dumps(line) + "\n" for line in lines))
    assert [outcomes.rewards(run), outcomes.rewards(run)] == [12, 12]
    assert Score.objects.count() == 12
    assert in_turn(rater, project)[0] == pairs[2][0].prompt_id


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("{", "rewards.jsonl, line 1: must be an object"),
        ("[]", "line 1"),
        ('{"sample_id": "7", "model": "m", "value": 1}', "line 1"),
        ('{"sample_id": 7, "model": "m", "value": true}', "line 1"),
        ('{"sample_id": 0, "model": "m", "value": 1}', "Not samples of this project: 0"),
    ],
)
def test_what_makes_no_sense_is_refused(run, line, sentence):
    made(run, line + "\n")
    with pytest.raises(ValueError, match=sentence):
        outcomes.rewards(run)
    assert not Score.objects.exists()


def test_scores_come_from_outside_too(project, rater, lead, pairs):
    door, program = reverse("api_scores", args=[project.pk]), APIClient()
    program.force_authenticate(lead)
    for model in ("one", "two"):
        rows = [{"sample": sample, "value": value} for sample, name, value in disagreed(pairs) if name == model]
        assert program.post(door, {"model": model, "scores": rows}, format="json").json() == {"kept": 6}
    assert in_turn(rater, project)[0] == pairs[2][0].prompt_id
    bad = program.post(door, {"model": "one", "scores": [{"sample": 999, "value": 1}]}, format="json")
    assert (bad.status_code, list(bad.json()["errors"])) == (400, ["scores"])
    program.force_authenticate(rater)
    assert program.post(door, {"model": "one", "scores": []}, format="json").status_code == 403
