"""Files into a project: `check` says what is good and what is wrong, line by line; `commit` adds the good rows, all or none.

The shapes are parts (`IMPORTS` in the settings). Page, REST and `manage.py import` call these two functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, BinaryIO, NamedTuple

from django.db import transaction
from django.utils.translation import gettext as _

from annotation import rowfiles
from annotation.models import Project
from annotation.parts import part

CHUNK = 500
MOST_ROWS = 200_000
PROBLEMS_SHOWN = 200
PREVIEWED = 10
DEFAULTED = ("language", "source", "licence")

Defaults = dict[str, str]


class Problem(NamedTuple):
    """What is wrong with a line. Line 1 is the first of the file; of a Parquet file the first row."""

    line: int
    reason: str


@dataclass
class Report:
    """What a file holds: how many rows are good and bad, the first problems, the first good rows."""

    good: int = 0
    bad: int = 0
    problems: list[Problem] = field(default_factory=list)
    preview: list[dict[str, Any]] = field(default_factory=list)

    def refuse(self, line: int, reason: str) -> None:
        self.bad += 1
        if self.bad <= PROBLEMS_SHOWN:
            self.problems.append(Problem(line, reason))


@dataclass
class Outcome:
    """What an import did: rows added, rows that were there already, and what the file held."""

    added: int
    known: int
    report: Report


class Refused(ValueError):
    """Nothing was imported, because the file holds bad rows (or no good ones); `report` names them."""

    def __init__(self, sentence: str, report: Report):
        super().__init__(sentence)
        self.report = report


def check(shape: str, file: BinaryIO, name: str, defaults: Defaults | None = None) -> Report:
    """Reads the whole file and changes nothing. rowfiles.FileProblem when it cannot be read at all.

    `name` says the file's type by its ending. `defaults` gives `language`, `source` and `licence` to rows that have none.
    """
    report = Report()
    for row in _rows(shape, file, name, defaults, report):
        if len(report.preview) < PREVIEWED:
            report.preview.append(row.preview)
    return report


def commit(
    project: Project, shape: str, file: BinaryIO, name: str, *, defaults: Defaults | None = None, skip_bad: bool = False
) -> Outcome:
    """Adds the rows in one transaction; those that the project has already are left as they are.

    Raises Refused, and adds nothing, when a row is bad and `skip_bad` was not said.
    """
    report, added = Report(), 0
    with transaction.atomic():
        for rows in _chunks(_rows(shape, file, name, defaults, report)):
            added += part("IMPORTS", shape).save(project, rows)
        if report.bad and not skip_bad:
            counts = {"bad": report.bad, "all": report.bad + report.good}
            sentence = _("Nothing was imported: %(bad)d of %(all)d rows are bad. Correct them, or ask to leave them out.")
            raise Refused(sentence % counts, report)
        if not report.good:
            raise Refused(_("Nothing was imported: the file holds no good row."), report)
    return Outcome(added, report.good - added, report)


def _rows(shape: str, file: BinaryIO, name: str, defaults: Defaults | None, report: Report) -> Iterator[Any]:
    """The good rows; the report is filled on the way."""
    parse = part("IMPORTS", shape).parse
    given = {key: value for key, value in (defaults or {}).items() if value and key in DEFAULTED}
    for line in rowfiles.read(file, name):
        if report.good + report.bad >= MOST_ROWS:
            raise rowfiles.FileProblem(_("the file holds more than %(rows)d rows: split it") % {"rows": MOST_ROWS})
        try:
            if line.problem:
                raise ValueError(line.problem)
            row = parse({**line.values, **{key: value for key, value in given.items() if not line.values.get(key)}})
        except ValueError as error:
            report.refuse(line.number, str(error))
        else:
            report.good += 1
            yield row


def _chunks(rows: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(rows)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk
