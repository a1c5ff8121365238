"""Reward models' scores of answers are kept here, and the queue of a project that goes by their disagreement is put in order."""

from __future__ import annotations

import math
from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from annotation import seating
from annotation.models import Project, Sample, Score

CHUNK = 500
Scored = tuple[int, str, float]  # sample id, reward model, value


def record(project: Project, scores: Iterable[Scored]) -> int:
    """Keeps one score for each sample and model, the last one sent; how many were sent. All or none.

    ValidationError names what is not of the project or no number.
    """
    rows = {(sample, model): value for sample, model, value in scores}
    _check(project, rows)
    Score.objects.bulk_create(
        [Score(sample_id=sample, model=model, value=value) for (sample, model), value in rows.items()],
        batch_size=CHUNK,
        update_conflicts=True,
        unique_fields=["sample", "model"],
        update_fields=["value", "created"],
    )
    if project.policy == "disagreement":
        seating.arrange(project)
    return len(rows)


def _check(project: Project, rows: dict[tuple[int, str], float]) -> None:
    if wrong := [sample for (sample, _model), value in rows.items() if not math.isfinite(value)]:
        raise ValidationError({"scores": _("Must be a number: the score of sample %(id)d.") % {"id": wrong[0]}})
    if any(not model or len(model) > 200 for _sample, model in rows):
        raise ValidationError({"model": _("A reward model's name has 1 to 200 characters.")})
    asked = list({sample for sample, _model in rows})
    known: set[int] = set()
    for start in range(0, len(asked), CHUNK):
        ours = Sample.objects.filter(prompt__project=project, pk__in=asked[start : start + CHUNK])
        known.update(ours.values_list("pk", flat=True))
    if strange := sorted(set(asked) - known):
        ids = ", ".join(map(str, strange[:20]))
        raise ValidationError({"scores": _("Not samples of this project: %(ids)s.") % {"ids": ids}})
