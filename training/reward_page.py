"""What a checkpoint's page shows of a reward model's report (`training/reward_report.py`): two charts and a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from training import charts

RIVALS = {
    "accuracy": gettext_lazy("This model"),
    "people": gettext_lazy("Another rater"),
    "longer": gettext_lazy("Always the longer answer"),
    "first": gettext_lazy("Always the answer shown first"),
}
KINDS = {
    "length": gettext_lazy("By length"),
    "strength": gettext_lazy("By tiers or strength between the two"),
    "language": gettext_lazy("By language"),
    "rater": gettext_lazy("By rater"),
    "aspect": gettext_lazy("By what else raters graded"),
}
NAMES = {
    ("length", "longer"): gettext_lazy("the preferred answer is longer"),
    ("length", "shorter"): gettext_lazy("the preferred answer is shorter"),
    ("length", "equal"): gettext_lazy("both are equally long"),
    ("strength", "1"): gettext_lazy("one"),
    ("strength", "2"): gettext_lazy("two"),
    ("strength", "3"): gettext_lazy("three or more"),
}


@dataclass(frozen=True)
class Part:
    """The accuracy in one part of the held-out pairs; shares of 1."""

    name: str
    pairs: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Shown:
    """What the page shows. `error`: the expected calibration error; `parts`: (title, parts) of each kind of slice."""

    rivals: SafeString
    reliability: SafeString
    error: float
    parts: list[tuple[str, list[Part]]]


def shown(card: dict[str, Any]) -> Shown | None:
    """The report of a checkpoint's card; None where it has none, or nothing was held out."""
    report = card.get("report") or {}
    if card.get("role") != "reward" or not report.get("bins"):
        return None
    return Shown(_rivals(report), _reliability(report["bins"]), report["calibration_error"], list(_parts(report["slices"])))


def _rivals(report: dict[str, Any]) -> SafeString:
    rows = [(str(title), *_ends(report[name])) for name, title in RIVALS.items() if report[name]]
    return charts.interval_chart(rows, title=_("How often the order of two held-out answers is people's own"), reference=0.5)


def _ends(figure: dict[str, float]) -> tuple[float, float, float]:
    return figure["value"], figure["low"], figure["high"]


def _reliability(bins: list[dict[str, float]]) -> SafeString:
    points = [(each["predicted"], *_ends(each)) for each in bins]
    observed = charts.Scatter(_("observed"), points, [(0.5, 0.5), (1.0, 1.0)])
    return charts.scatter_chart(
        [observed],
        title=_("How often it is right when it is so sure"),
        x_label=_("how sure it is"),
        x_span=(0.5, 1.0),
        y_label=_("share of pairs that it orders as people did"),
        y_span=(0.0, 1.0),
    )


def _parts(slices: list[dict[str, Any]]) -> Iterator[tuple[str, list[Part]]]:
    for kind, group in groupby(slices, key=lambda each: each["by"]):
        named = [Part(str(NAMES.get((kind, each["name"]), each["name"])), each["pairs"], *_ends(each)) for each in group]
        yield str(KINDS.get(kind, kind)), named
