"""The samples of a run, and how they go before raters (`annotation/grouping.py`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from annotation import grouping
from annotation.models import Sample, Task
from training.models import Run


@dataclass(frozen=True)
class Counts:
    """What a run answered, and how much of it raters have already been given."""

    samples: int
    prompts: int
    tasks: int


def samples_of(run: Run) -> QuerySet[Sample]:
    """The answers that this run gave."""
    return Sample.objects.filter(key__startswith=f"{run.pk}/", prompt__project=run.project_id)


def can_rank(run: Run) -> bool:
    """Whether the run has ended well and left answers."""
    return run.state == Run.State.SUCCEEDED and samples_of(run).exists()


def other_models(run: Run) -> list[str]:
    """Models with answers to the same prompts."""
    mine = samples_of(run)
    others = Sample.objects.filter(prompt__in=mine.values("prompt")).exclude(model="").exclude(model__in=mine.values("model"))
    return list(others.order_by("model").values_list("model", flat=True).distinct())


def counts(run: Run) -> Counts:
    mine = samples_of(run)
    tasks = Task.objects.filter(kind="rank", samples__in=mine).distinct()
    return Counts(mine.count(), mine.values("prompt").distinct().count(), tasks.count())


def groups(run: Run, models: Iterable[str] = ()) -> Iterator[list[Sample]]:
    """The samples of each task to make: this run's, and those of `models` to the same prompts."""
    mine = samples_of(run)
    together = Sample.objects.filter(Q(pk__in=mine.values("pk")) | Q(model__in=list(models), prompt__in=mine.values("prompt")))
    return grouping.groups(together, "rank")
