"""Files into a project: `check` says what is good and what is wrong, line by line; `commit` adds the good rows, all or none.

The shapes are parts (`IMPORTS` in the settings). Page, REST and `manage.py import` call these functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, BinaryIO, NamedTuple

from django.db import transaction
from django.utils.translation import gettext as _

from annotation import columns, judged, rowfiles
from annotation.imports.prompts import PromptRow
from annotation.models import Project
from annotation.parts import part

CHUNK = 500
MOST_ROWS = 200_000
PROBLEMS_SHOWN = 200
PREVIEWED = 10
LOOKED_AT = 50
DEFAULTED = ("language", "source", "licence")

Item = judged.Judged | PromptRow


@dataclass(frozen=True)
class Reading:
    """How a file is read: as which shape, which column is which field, and what rows that do not say it have in common.

    `mapping` is as `columns.applied` takes it; fields that it leaves out are guessed from the names of the columns (`settled`).
    `defaults` holds `language`, `source` and `licence`.
    """

    shape: str
    mapping: dict[str, str] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)

    def settled(self, file: BinaryIO, name: str) -> Reading:
        """This reading, with a guess for each field of which nothing was said."""
        return replace(self, mapping=look(file, name).guess(self.shape) | self.mapping)

    def items(self, line: rowfiles.Line) -> list[Item]:
        """The prompts and judgements that a line holds. ValueError: what is wrong with it."""
        if line.problem:
            raise ValueError(line.problem)
        module = part("IMPORTS", self.shape)
        values = columns.applied(line.values, module.FIELDS, self.mapping)
        given = {name: value for name, value in self.defaults.items() if value and name in DEFAULTED and not values.get(name)}
        return module.items(values | given)


class Problem(NamedTuple):
    """What is wrong with a line, counted as `rowfiles.Line` counts."""

    line: int
    reason: str


@dataclass
class Report:
    """What a file holds: how many rows are good and bad, what the good ones become by kind, the first of both."""

    good: int = 0
    bad: int = 0
    becomes: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    preview: list[dict[str, Any]] = field(default_factory=list)

    def refuse(self, line: int, reason: str) -> None:
        self.bad += 1
        if self.bad <= PROBLEMS_SHOWN:
            self.problems.append(Problem(line, reason))

    def accept(self, items: list[Item]) -> None:
        self.good += 1
        for item in items:
            self.becomes[item.kind] = self.becomes.get(item.kind, 0) + 1
        self.preview += [item.preview for item in items][: PREVIEWED - len(self.preview)]


class Look(NamedTuple):
    """The beginning of a file: its columns, its first rows, and the shape that it looks like, if any."""

    columns: list[str]
    rows: list[dict[str, Any]]
    shape: str

    def guess(self, shape: str) -> dict[str, str]:
        """The column of each field of a shape, where a column has such a name."""
        return columns.guess(part("IMPORTS", shape).FIELDS, self.columns)


@dataclass
class Outcome:
    """What an import did: prompts and judgements that are new, that were there already, and what the file held."""

    added: int
    known: int
    report: Report


class Refused(ValueError):
    """Nothing was imported, because the file holds bad rows (or no good ones); `report` names them."""

    def __init__(self, sentence: str, report: Report):
        super().__init__(sentence)
        self.report = report


def look(file: BinaryIO, name: str) -> Look:
    """Reads the first rows. rowfiles.FileProblem when the file cannot be read at all; `name` says its type by its ending."""
    rows = [line.values for line in islice(rowfiles.read(file, name), LOOKED_AT) if not line.problem]
    found = columns.columns_of(rows)
    return Look(found, rows, _shape(found, rows))


def _shape(found: list[str], rows: list[dict[str, Any]]) -> str:
    """The shape that these columns show the clearest sign of; of equals one as which one of the rows can be read."""
    shapes = columns.looks_like(found)
    return next((shape for shape in shapes if any(_reads(shape, found, row) for row in rows)), shapes[0] if shapes else "")


def _reads(shape: str, found: list[str], row: dict[str, Any]) -> bool:
    module = part("IMPORTS", shape)
    try:
        return bool(module.items(columns.applied(row, module.FIELDS, columns.guess(module.FIELDS, found))))
    except ValueError:
        return False


def check(reading: Reading, file: BinaryIO, name: str, most: int = MOST_ROWS) -> Report:
    """Reads the file to its end, or its first `most` rows, and changes nothing. rowfiles.FileProblem when it cannot be read."""
    report = Report()
    for _items in islice(_rows(reading, file, name, report), most):
        pass
    return report


def problems(reading: Reading, file: BinaryIO, name: str) -> Iterator[Problem]:
    """All that is wrong with a file, line by line."""
    reading = reading.settled(file, name)
    for line in rowfiles.read(file, name):
        try:
            reading.items(line)
        except ValueError as error:
            yield Problem(line.number, str(error))


def commit(project: Project, reading: Reading, file: BinaryIO, name: str, *, skip_bad: bool = False) -> Outcome:
    """Adds the rows in one transaction; what the project has already is left as it is.

    Raises Refused, and adds nothing, when a row is bad and `skip_bad` was not said.
    """
    report, added = Report(), 0
    with transaction.atomic():
        for items in _chunks(item for row in _rows(reading, file, name, report) for item in row):
            added += judged.save(project, items)
        if report.bad and not skip_bad:
            counts = {"bad": report.bad, "all": report.bad + report.good}
            sentence = _("Nothing was imported: %(bad)d of %(all)d rows are bad. Correct them, or ask to leave them out.")
            raise Refused(sentence % counts, report)
        if not report.good:
            raise Refused(_("Nothing was imported: the file holds no good row."), report)
    return Outcome(added, sum(report.becomes.values()) - added, report)


def _rows(reading: Reading, file: BinaryIO, name: str, report: Report) -> Iterator[list[Item]]:
    """What each good row holds; the report is filled on the way."""
    reading = reading.settled(file, name)
    for line in rowfiles.read(file, name):
        if report.good + report.bad >= MOST_ROWS:
            raise rowfiles.FileProblem(_("the file holds more than %(rows)d rows: split it") % {"rows": MOST_ROWS})
        try:
            items = reading.items(line)
        except ValueError as error:
            report.refuse(line.number, str(error))
        else:
            report.accept(items)
            yield items


def _chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk
