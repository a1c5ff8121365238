"""Tasks whose answer is known: the entry test that raters pass first, and gold tasks hidden among the others.

Nothing is stored: what is due follows from the rater's judgements and the references (`annotation/quality/gold.py` says how right
they were).
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, QuerySet

from annotation import asking
from annotation.models import Judgement, Project, Seat, Skip, Task
from annotation.quality import gold

_random = random.SystemRandom().random


@dataclass(frozen=True)
class Due:
    """The task that checks this rater next, if one is due; `failed`: the entry test is behind them and they may not go on."""

    task: Task | None = None
    failed: bool = False


def due(user: User, project: Project, languages: Iterable[str] = ()) -> Due:
    """Whether the rater's next task is one that checks them; gold is in one of their `languages`, where they named some."""
    if project.pass_percent is not None:
        entry = unseen(user, project, Task.Purpose.ENTRY).first()
        if entry or not passed(user, project):
            return Due(entry, failed=entry is None)
    if project.gold_percent and _random() * 100 < project.gold_percent:
        gold = unseen(user, project, Task.Purpose.GOLD)
        chosen = list(languages)
        return Due((gold.filter(prompt__language__in=chosen) if chosen else gold).order_by("?").first())
    return Due()


def unseen(user: User, project: Project, purpose: str) -> QuerySet[Task]:
    """Tasks of this purpose at which the rater neither sat nor skipped."""
    tasks = Task.objects.filter(prompt__project=project, purpose=purpose).select_related("prompt").order_by("id")
    sat = Seat.objects.filter(task=OuterRef("pk"), rater=user)
    skipped = Skip.objects.filter(task=OuterRef("pk"), rater=user)
    return tasks.filter(~Exists(sat), ~Exists(skipped))


def passed(user: User, project: Project) -> bool:
    """Whether the entry test is passed; a project without entry tasks passes everybody, and to skip them all is not to pass."""
    if project.pass_percent is None:
        return True
    right = rightness(project, user, Task.Purpose.ENTRY)
    if right is None:
        return not Task.objects.filter(prompt__project=project, purpose=Task.Purpose.ENTRY).exists()
    return right * 100 >= project.pass_percent


def rightness(project: Project, user: User, purpose: str) -> float | None:
    """How right this rater was on the tasks of this purpose, 0 to 1; None when they have judged none."""
    tasks = Task.objects.filter(prompt__project=project, purpose=purpose)
    judged = Judgement.objects.in_force().filter(task__in=tasks, rater=user).select_related("task")
    pairs = [(judgement.pk, judgement.task.reference_id) for judgement in judged if judgement.task.reference_id]
    grades = asking.grades_of(pk for pair in pairs for pk in pair)
    shares = [gold.rightness(grades[mine], grades[known]) for mine, known in pairs]
    told = [share for share in shares if share is not None]
    return sum(told) / len(told) if told else None
