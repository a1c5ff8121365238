"""Begins what an evaluation is made of: a measuring run for every checkpoint, and tasks for people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from annotation.models import Project
from evals import preference
from evals.models import Evaluation
from training.launch import launch
from training.models import Checkpoint, Run


@dataclass(frozen=True)
class Contest:
    """Two checkpoints that people compare: on how many prompts, by how many people each."""

    first: Checkpoint
    second: Checkpoint
    count: int
    overlap: int


@transaction.atomic
def start(
    *,
    user: User,
    project: Project,
    name: str,
    checkpoints: Iterable[Checkpoint] = (),
    inputs: dict[str, Any] | None = None,
    config: dict[str, Any] | None = None,
    contests: Iterable[Contest] = (),
) -> Evaluation:
    """A new evaluation with its runs queued and its tasks on the raters' desk; all or nothing. Raises schema.ConfigError."""
    evaluation = Evaluation.objects.create(project=project, name=name, created_by=user)
    measure(evaluation, checkpoints, user=user, inputs=inputs or {}, config=config or {})
    for contest in contests:
        evaluation.checkpoints.add(contest.first, contest.second)
        preference.send_to_raters(evaluation, contest.first.name, contest.second.name, count=contest.count, overlap=contest.overlap)
    return evaluation


def measure(
    evaluation: Evaluation, checkpoints: Iterable[Checkpoint], *, user: User, inputs: dict[str, Any], config: dict[str, Any]
) -> list[Run]:
    """Queues one `evaluate` run a checkpoint. `inputs`: dataset, corpus, reward, those that are given."""
    runs = [
        launch(
            user=user,
            project=evaluation.project,
            recipe="evaluate",
            config=config,
            inputs={"model": checkpoint, **inputs},
            name=f"{evaluation.name} · {checkpoint.name}"[:120],
        )
        for checkpoint in checkpoints
    ]
    evaluation.runs.add(*runs)
    evaluation.checkpoints.add(*checkpoints)
    return runs
