"""Reward models of two seeds are an ensemble: `score` and the queue by disagreement make of them whom to ask first."""

from __future__ import annotations

from pathlib import Path

import pytest

from annotation.models import Project, Prompt, Sample, Seat
from annotation.policies.disagreement import disagreement
from annotation.tasks import answer_tasks
from tests.training.recipes.conftest import assistant, attempt, create, user
from training import materials, outcomes
from training.models import Run

pytestmark = [pytest.mark.heavy, pytest.mark.django_db]

TASKS = {"say sun moon tree": ["sun moon tree", "no no no no"], "say fish": ["fish wind", "rain fish snow bird"]}


@pytest.fixture
def members(tmp_path: Path, base: Path, snapshot: Path) -> list[Path]:
    """Two reward models that differ by their seed alone."""
    inputs, config = {"model": base, "dataset": snapshot}, {"max_steps": 4, "learning_rate": 2e-3, "max_length": 64}
    return [attempt(create(tmp_path / f"member-{seed}", "reward", inputs, config, seed=seed)).out for seed in (1, 2)]


def answered(project, asked: str, said: list[str]) -> list[Sample]:
    prompt = Prompt.objects.create(project=project, messages=user(asked))
    return [Sample.objects.create(prompt=prompt, messages=assistant(text), model="base") for text in said]


def test_raters_first_meet_what_seeds_disagree_about(project, lead, members) -> None:
    Project.objects.update(policy="disagreement")
    project.refresh_from_db()
    groups = [answered(project, asked, said) for asked, said in TASKS.items()]
    answer_tasks(groups, kind="rank", overlap=1)
    run = Run.objects.create(project=project, recipe="score", created_by=lead)
    names = {"reward": "seed-1", "second": "seed-2"}
    create(run.folder, "score", dict(zip(names, members, strict=True)), {}, main="evals.score", input_names=names)
    materials.waiting_answers(run)
    assert attempt(run.folder).state == "succeeded"
    assert outcomes.rewards(run) == 8  # four answers, two models
    for group in groups:
        scores = [(score.model, score.sample_id, score.value) for sample in group for score in sample.scores.all()]
        expected = disagreement(scores)
        assert expected > 0
        assert Seat.objects.get(task__samples=group[0]).place == pytest.approx(-expected)
