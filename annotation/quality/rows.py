"""A project's judgements as the measures take them: four queries, whatever their number."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.db.models import Func, IntegerField

from annotation.models import Grade, Judgement, JudgementQuerySet, Project, Sample, Task
from annotation.quality.orderings import Ordering


@dataclass(frozen=True)
class Given:
    """One judgement: whose, of what, and how many seconds it took (None: not known)."""

    task: int
    rater: int
    seconds: float | None


@dataclass(frozen=True)
class Values:
    """What raters gave to samples in one aspect, one entry a grade; `unit` numbers the sample within its task."""

    task: np.ndarray
    unit: np.ndarray
    rater: np.ndarray
    value: np.ndarray


@dataclass(frozen=True)
class Rows:
    """Judgements in force, the orders of answers among them, grades by aspect, characters of each sample ordered, raters' names."""

    judgements: list[Given]
    orderings: list[Ordering]
    aspects: dict[str, Values]
    lengths: dict[int, int]
    names: dict[int, str]


class Characters(Func):
    """Characters of the last message of a list of chat messages, counted by the database: texts need not travel. Null for none."""

    output_field = IntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="LENGTH(JSON_EXTRACT(%(expressions)s, '$[#-1].content'))", **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="LENGTH(%(expressions)s -> -1 ->> 'content')", **context)


def latest(project: Project, limit: int) -> JudgementQuerySet:
    """The newest judgements in force that were made to train, by raters: a reviewer's ruling is no independent opinion."""
    filled = Judgement.objects.in_force().filter(seat__project=project, seat__filled__isnull=False)  # an index has these by time
    return filled.filter(task__purpose=Task.Purpose.TRAIN, ruling=False).order_by("-seat__filled", "-seat")[:limit]


def rows_of(project: Project, limit: int) -> Rows:
    """What the newest `limit` judgements of a project say."""
    newest = latest(project, limit)
    found = {
        pk: (Given(task, rater, seconds), order)
        for pk, task, rater, seconds, order in newest.values_list("pk", "task_id", "rater_id", "seconds", "order")
    }
    grades = Grade.objects.filter(judgement__in=newest.values("pk"), step=0).order_by("pk")
    by_aspect: dict[str, list[tuple[int, int, float]]] = defaultdict(list)
    for judgement, sample, aspect, value in grades.values_list("judgement_id", "sample_id", "aspect", "value"):
        if judgement in found:  # another may have come in between the two queries
            by_aspect[aspect].append((judgement, sample, value))
    return Rows(
        [given for given, _order in found.values()],
        _orderings(by_aspect.pop("overall", []), found),
        {aspect: _values(given, found) for aspect, given in sorted(by_aspect.items())},
        _lengths(newest),
        dict(User.objects.filter(pk__in={given.rater for given, _order in found.values()}).values_list("pk", "username")),
    )


def _orderings(grades: list[tuple[int, int, float]], found: dict[int, tuple[Given, list[int]]]) -> list[Ordering]:
    """Of two answers shown or more; what a rater wrote was not shown, so that an edit orders nothing."""
    overall: dict[int, dict[int, float]] = defaultdict(dict)
    for judgement, sample, value in grades:
        overall[judgement][sample] = value
    made = []
    for judgement, values in overall.items():
        given, order = found[judgement]
        shown = tuple(sample for sample in order if sample in values)
        if len(shown) > 1:
            made.append(Ordering(given.task, given.rater, shown, tuple(values[sample] for sample in shown)))
    return made


def _values(grades: list[tuple[int, int, float]], found: dict[int, tuple[Given, list[int]]]) -> Values:
    table = np.array([(found[judgement][0].task, sample, found[judgement][0].rater) for judgement, sample, _value in grades])
    task, sample, rater = table.T
    unit = np.unique(np.stack([task, sample]), axis=1, return_inverse=True)[1].ravel()
    return Values(task, unit, rater, np.array([value for _judgement, _sample, value in grades]))


def _lengths(newest: JudgementQuerySet) -> dict[int, int]:
    """Characters of every sample that these judgements put in an order."""
    ordered = Grade.objects.filter(judgement__in=newest.values("pk"), aspect="overall", step=0).values("sample_id")
    found = Sample.objects.filter(pk__in=ordered).values_list("pk", Characters("messages"))
    return {sample: characters or 0 for sample, characters in found}
