"""Which samples go together before raters: answers to one prompt, no text twice, every model in turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from django.db.models import QuerySet

from annotation.models import Sample, Task
from annotation.parts import part


def groups(samples: QuerySet[Sample], kind: str, most: int | None = None) -> Iterator[list[Sample]]:
    """The samples of each task of this kind to make, `most` in each (or as many as the kind shows).

    Left out: prompts with too few different answers, groups that were asked before.
    """
    asked = _already_asked(samples, kind)
    fewest, most = part("KINDS", kind).FEWEST, most or part("KINDS", kind).MOST
    for _prompt, found in groupby(samples.order_by("prompt_id", "id").iterator(), key=lambda sample: sample.prompt_id):
        group = _in_turn(_different(found))[:most]
        if len(group) >= fewest and frozenset(sample.pk for sample in group) not in asked:
            yield group


def _already_asked(samples: QuerySet[Sample], kind: str) -> set[frozenset[int]]:
    """The sets of samples that tasks of this kind with one of these samples show."""
    tasks = Task.objects.filter(kind=kind, samples__in=samples.order_by())
    pairs = Task.samples.through.objects.filter(task__in=tasks.values("pk")).order_by("task_id").values_list("task_id", "sample_id")
    return {frozenset(sample for _task, sample in rows) for _task, rows in groupby(pairs, key=lambda pair: pair[0])}


def _different(samples: Iterable[Sample]) -> list[Sample]:
    """One sample of each text: a rater learns nothing from ordering equals."""
    first: dict[str, Sample] = {}
    for sample in samples:
        first.setdefault(sample.text.strip(), sample)
    return list(first.values())


def _in_turn(samples: list[Sample]) -> list[Sample]:
    """The samples, every model in turn, so that none is crowded out."""
    turns: dict[str, int] = {}
    placed = []
    for sample in samples:
        turns[sample.model] = turns.get(sample.model, 0) + 1
        placed.append((turns[sample.model], sample.pk, sample))
    return [sample for _turn, _pk, sample in sorted(placed, key=lambda one: one[:2])]
