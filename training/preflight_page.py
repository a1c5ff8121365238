"""What a preflight's page shows: findings in the reader's language, figures, two charts and the mask X-ray."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from training import charts
from training.models import Run
from training.preflight import FINDINGS
from training.preflight.severity import CONSENT, NOTE, STOP
from training.preflight.words import WORDS
from training.rundir import OUT

MOST_LINKS = 30
SEVERITIES = {
    STOP: (pgettext_lazy("of a finding", "Stop"), "bad"),
    CONSENT: (pgettext_lazy("of a finding", "Your consent"), "accent"),
    NOTE: (pgettext_lazy("of a finding", "Note"), "running"),
}
UNITS = {
    "judgement": gettext_lazy("Judgements"),
    "prompt": gettext_lazy("Prompts"),
    "document": gettext_lazy("Documents"),
}
ONE = {
    "judgement": gettext_lazy("Judgement"),
    "prompt": gettext_lazy("Prompt"),
    "document": gettext_lazy("Document"),
}
PLACES = {"judgement": "review_judgement", "prompt": "browse_prompt"}
COUNTS = {
    "rows_train": gettext_lazy("rows to learn from"),
    "rows_validation": gettext_lazy("rows for validation"),
    "rows_test": gettext_lazy("rows for the test"),
    "documents_not_looked_at": gettext_lazy("documents beyond what was looked at"),
    "tokens": gettext_lazy("tokens an epoch"),
    "learned": gettext_lazy("of them learned"),
    "steps": gettext_lazy("steps"),
    "rows_a_step": gettext_lazy("rows a step"),
    "longest_batch": gettext_lazy("tokens in the longest batch"),
    "acceptable_to_one": gettext_lazy("acceptable to one other"),
    "dry_loss": gettext_lazy("loss of a trial step"),
}
SIZES = {
    "memory_need": gettext_lazy("memory wanted, estimated"),
    "memory_measured": gettext_lazy("memory of two trial steps"),
    "memory_free": gettext_lazy("memory free"),
    "disk_need": gettext_lazy("disk wanted at most"),
    "disk_free": gettext_lazy("disk free"),
}
SHOWN_BECAUSE = {"first": gettext_lazy("one of the first"), "longest": gettext_lazy("the longest")}


@dataclass(frozen=True)
class Place:
    """A row by its number, with where to look at it."""

    number: int
    url: str


@dataclass(frozen=True)
class Shown:
    """A finding in words; `more`: rows beyond those in `places`."""

    check: str
    severity: str
    badge: str
    what: str
    why: str
    todo: str
    unit: str
    places: list[Place]
    more: int


@dataclass(frozen=True)
class Row:
    """A row of the X-ray; `chats`: (tokens, learned, pieces) of each."""

    why: str
    unit: str
    place: Place
    chats: list[dict[str, Any]]


@dataclass(frozen=True)
class Page:
    """Everything of one preflight."""

    findings: list[Shown]
    stops: int
    consents: int
    numbers: list[tuple[str, str]]
    lengths: SafeString | None
    limited: bool
    rates: SafeString | None
    rows: list[Row]


def report(run: Run) -> dict[str, Any]:
    """What the run found, as its folder says. ValueError where the file is not what a preflight writes."""
    found = json.loads((run.folder / OUT / FINDINGS).read_text(encoding="utf-8"))
    if not isinstance(found, dict) or {"findings", "figures", "lengths", "xray"} - set(found):
        raise ValueError(_("%(file)s is not what a preflight writes") % {"file": FINDINGS})
    return found


def page(run: Run) -> Page | None:
    """What a preflight that has succeeded found; None of any other run, or where its folder is gone."""
    if not run.preflight or run.state != Run.State.SUCCEEDED:
        return None
    try:
        told = report(run)
    except FileNotFoundError:
        return None
    findings = [_finding(run, one) for one in told["findings"] if one["check"] in WORDS]
    count = {word: sum(one["severity"] == word for one in told["findings"]) for word in SEVERITIES}
    return Page(
        findings=findings,
        stops=count[STOP],
        consents=count[CONSENT],
        numbers=list(_numbers(told["figures"])),
        lengths=_lengths(told["lengths"]),
        limited=bool(told["lengths"]) and told["lengths"]["limit"] is not None,
        rates=_rates(told["figures"].get("rates")),
        rows=[_row(run, one) for one in told["xray"]],
    )


def sentences(finding: dict[str, Any]) -> tuple[str, str, str]:
    """What was found, why it matters and what to do, in the reader's language."""
    words = WORDS[finding["check"]]
    return _(words.what) % finding["figures"], _(words.why), _(words.todo)


def _finding(run: Run, found: dict[str, Any]) -> Shown:
    severity, badge = SEVERITIES[found["severity"]]
    ids = found["ids"]
    places = [_place(run, found["unit"], number) for number in ids[:MOST_LINKS]]
    unit = str(UNITS.get(found["unit"], ""))
    return Shown(found["check"], str(severity), badge, *sentences(found), unit, places, len(ids) - len(places))


def _place(run: Run, unit: str, number: int) -> Place:
    return Place(number, reverse(PLACES[unit], args=[run.project_id, number]) if unit in PLACES else "")


def _numbers(figures: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, title in COUNTS.items():
        if name in figures:
            yield str(title), charts.tick_text(figures[name])
    if "longer_is_better" in figures:
        yield _("better answer is the longer"), f"{100 * figures['longer_is_better']:.0f} %"
    for name, title in SIZES.items():
        if name in figures:
            yield str(title), _bytes(figures[name])


def _bytes(count: float) -> str:
    """18.2 GB, 305 MB, 12 kB, 7 B."""
    number = charts.tick_text(count)
    return f"{number[:-1]} {number[-1]}B" if number[-1] in "GMk" else f"{number} B"


def _lengths(told: dict[str, Any]) -> SafeString | None:
    if not told:
        return None
    bins = [(low, high, count) for low, high, count in told["bins"]]
    return charts.histogram(bins, title=_("Rows by length"), x_label=_("tokens"), y_label=_("rows"), limit=told["limit"])


def _rates(points: list[list[float]] | None) -> SafeString | None:
    if not points:
        return None
    series = {_("learning rate"): [(step, rate) for step, rate in points]}
    return charts.line_chart(series, title=_("Learning rate over the run"), x_label=_("step"))


def _row(run: Run, told: dict[str, Any]) -> Row:
    why = str(SHOWN_BECAUSE.get(told["why"]) or _finding_name(told["why"]))
    return Row(why, str(ONE.get(told["unit"], "")), _place(run, told["unit"], told["id"]), told["chats"])


def _finding_name(check: str) -> str:
    """The first words of what a finding says, up to its colon or full stop."""
    return _(WORDS[check].what).partition(":")[0].partition(".")[0]
