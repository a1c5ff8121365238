"""Which samples of a run go together before raters: those that answer one prompt, 2 to 9 of them, no answer twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from django.db.models import Q, QuerySet

from annotation.kinds.rank import FEWEST, MOST
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
    """The samples of each task to make. Left out: prompts with fewer than two different answers, groups already asked."""
    mine = samples_of(run)
    together = Sample.objects.filter(Q(pk__in=mine.values("pk")) | Q(model__in=list(models), prompt__in=mine.values("prompt")))
    asked = _already_asked(mine)
    for _prompt, found in groupby(together.order_by("prompt_id", "id").iterator(), key=lambda sample: sample.prompt_id):
        group = _at_most(MOST, _different(found))
        if len(group) >= FEWEST and frozenset(sample.pk for sample in group) not in asked:
            yield group


def _already_asked(samples: QuerySet[Sample]) -> set[frozenset[int]]:
    """The sets of samples that ranking tasks with one of these samples show."""
    tasks = Task.objects.filter(kind="rank", samples__in=samples)
    pairs = Task.samples.through.objects.filter(task__in=tasks.values("pk")).order_by("task_id").values_list("task_id", "sample_id")
    return {frozenset(sample for _task, sample in rows) for _task, rows in groupby(pairs, key=lambda pair: pair[0])}


def _different(samples: Iterable[Sample]) -> list[Sample]:
    """One sample of each text: a rater learns nothing from ordering equals."""
    first: dict[str, Sample] = {}
    for sample in samples:
        first.setdefault(sample.text.strip(), sample)
    return list(first.values())


def _at_most(most: int, samples: list[Sample]) -> list[Sample]:
    """`most` of them, every model in turn, so that none is crowded out."""
    turns: dict[str, int] = {}
    placed = []
    for sample in samples:
        turns[sample.model] = turns.get(sample.model, 0) + 1
        placed.append((turns[sample.model], sample.pk, sample))
    return [sample for _turn, _pk, sample in sorted(placed, key=lambda one: one[:2])[:most]]
