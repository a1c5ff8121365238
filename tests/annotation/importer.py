"""Rows through the import, and what became of them."""

from __future__ import annotations

import io
import json
from typing import Any

from annotation import importing
from annotation.models import Judgement, Project


def array(*rows: Any) -> io.BytesIO:
    """A file that is one JSON array."""
    return io.BytesIO(json.dumps(rows).encode())


def take(project: Project, shape: str, *rows: Any, skip_bad: bool = False, **reading: Any) -> importing.Outcome:
    """Imports rows as one JSON array."""
    return importing.commit(project, importing.Reading(shape, **reading), array(*rows), "rows.json", skip_bad=skip_bad)


def reason(shape: str, row: Any, **reading: Any) -> str:
    """The one sentence with which a row is refused."""
    ((_number, sentence),) = importing.check(importing.Reading(shape, **reading), array(row), "rows.json").problems
    return sentence


def looks_like(*rows: Any) -> str:
    return importing.look(array(*rows), "rows.json").shape


def judged(project: Project) -> list[dict[str, Any]]:
    """Every judgement in force, in order: kind, rater, and by the text of each answer its grades; what was written, if anything."""
    judgements = Judgement.objects.in_force().filter(task__prompt__project=project)
    return [_plain(judgement) for judgement in judgements.order_by("pk")]


def _plain(judgement: Judgement) -> dict[str, Any]:
    grades: dict[str, dict[str, float]] = {}
    for grade in judgement.grades.select_related("sample").order_by("pk"):
        grades.setdefault(grade.sample.text, {})[grade.aspect] = grade.value
    said = {"kind": judgement.task.kind, "rater": judgement.rater.username.rpartition(":")[2]}
    return said | ({"wrote": judgement.written.text} if judgement.written else {"grades": grades})
