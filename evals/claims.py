"""A report in sentences: what may be said about two models, and what may not. Every claim carries its interval and its n."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from evals.report import Report, unfinished
from training.charts import interval_chart


@dataclass(frozen=True)
class Chart:
    """A picture under the sentence that it shows."""

    claim: str
    drawing: SafeString


def number(value: float, percent: bool = False) -> str:
    """A figure with as many digits as mean something: 81.2 %, 12.34, 1,234, −0.0012."""
    if percent:
        return _("%(number)s %%") % {"number": f"{100 * value:.1f}".replace("-", "−")}
    text = f"{abs(value):,.0f}" if abs(value) >= 1000 else f"{abs(value):.2f}" if abs(value) >= 0.01 else f"{abs(value):.2g}"
    return f"−{text}" if value < 0 else text


def verdict(report: Report) -> list[str]:
    """The first thing to read: what people prefer, then what the metrics add; or what is missing."""
    voted = [vote_sentence(vote) for vote in report["votes"] if vote["n"]]
    measured = [sentence for second in _compared(report) if (sentence := _tally(report, *second))]
    if voted or measured:
        return voted + measured
    if unfinished(report):
        return [_("Nothing is measured yet: its runs are still going.")]
    if any(vote["seats"] for vote in report["votes"]):
        return [_("Nobody has compared the answers yet: they wait on the raters' desk.")]
    if report["measures"]:
        return [_("One checkpoint is measured. Add a second to this evaluation's like to compare them.")]
    return [_("Nothing is measured here.")]


def vote_claim(vote: dict[str, Any]) -> str:
    """Which of two models people prefer, or that they do not clearly prefer one. Programs are never called people."""
    names = {"first": vote["first"], "second": vote["second"]}
    if not vote["n"]:
        return _("Nobody has compared %(first)s with %(second)s yet") % names
    if vote["simulated"] == vote["n"]:
        return _simulated_claim(vote) % names
    if vote["low"] > 0.5:
        return _("People prefer %(first)s to %(second)s") % names
    if vote["high"] < 0.5:
        return _("People prefer %(second)s to %(first)s") % names
    return _("People do not clearly prefer %(first)s or %(second)s") % names


def _simulated_claim(vote: dict[str, Any]) -> str:
    if vote["low"] > 0.5:
        return _("Simulated raters prefer %(first)s to %(second)s")
    if vote["high"] < 0.5:
        return _("Simulated raters prefer %(second)s to %(first)s")
    return _("Simulated raters do not clearly prefer %(first)s or %(second)s")


def vote_sentence(vote: dict[str, Any]) -> str:
    """The claim with what it rests on: the win rate of the model that is ahead, its interval and n."""
    ahead = vote["value"] >= 0.5
    share, low, high = (
        (vote["value"], vote["low"], vote["high"]) if ahead else (1 - vote["value"], 1 - vote["high"], 1 - vote["low"])
    )
    figures = {
        "name": vote["first"] if ahead else vote["second"],
        "n": vote["n"],
        **{key: number(value, percent=True) for key, value in (("share", share), ("low", low), ("high", high))},
    }
    if low > 0.5:
        tail = _(": win rate %(share)s in %(n)s judgements (95 %% interval %(low)s to %(high)s).")
    else:
        tail = _(": %(name)s has a win rate of %(share)s in %(n)s judgements (95 %% interval %(low)s to %(high)s).")
    some = _(" Not only people: %(count)s of these judgements are by simulated raters.") % {"count": vote["simulated"]}
    return vote_claim(vote) + tail % figures + (some if 0 < vote["simulated"] < vote["n"] else "")


def measure_claim(measure: dict[str, Any]) -> str:
    """What a measure says of its checkpoints, and no more than its intervals allow."""
    title, rows = _(measure["title"]), measure["rows"]
    if len(rows) == 1:
        return _("%(title)s of %(name)s: %(value)s") % {
            "title": title, "name": rows[0]["checkpoint"], "value": number(rows[0]["value"], measure["percent"]),
        }  # fmt: skip
    known = [one for one in measure["differences"] if "value" in one]
    if not known:
        return _("%(title)s: these figures do not compare, their inputs or tokenizers differ") % {"title": title}
    best = max(known, key=lambda one: gain(measure, one))
    names = {"title": title, "first": best["first"], "second": best["second"]}
    if gain(measure, best) > 0 and clear(best):
        return _("%(title)s: %(second)s is better than %(first)s") % names
    if all(clear(one) for one in known):
        return _("%(title)s: nothing is better than %(first)s") % names
    return _("%(title)s: no clear difference from %(first)s") % names


def gain(measure: dict[str, Any], difference: dict[str, Any]) -> float:
    """The difference with the sign of progress: positive is better."""
    return -difference["value"] if measure["better"] == "lower" else difference["value"]


def direction(measure: dict[str, Any], difference: dict[str, Any]) -> str:
    """`better`, `worse`, or `same` where the interval leaves it open."""
    if not clear(difference):
        return "same"
    return "better" if gain(measure, difference) > 0 else "worse"


def clear(difference: dict[str, Any]) -> bool:
    """Whether the interval leaves out zero."""
    return difference["low"] > 0 or difference["high"] < 0


def _compared(report: Report) -> list[tuple[str, str]]:
    """Every two checkpoints that some measure compares, in the report's order."""
    found = [(one["first"], one["second"]) for measure in report["measures"] for one in measure["differences"] if "value" in one]
    return list(dict.fromkeys(found))


def _tally(report: Report, first: str, second: str) -> str:
    """On how many measures the second is clearly better than the first, and on how many worse."""
    found: dict[str, list[str]] = {"better": [], "worse": [], "same": []}
    for measure in report["measures"]:
        for one in measure["differences"]:
            if (one["first"], one["second"]) == (first, second) and "value" in one:
                found[direction(measure, one)].append(_(measure["title"]))
    names = {"first": first, "second": second, "better": ", ".join(found["better"]), "worse": ", ".join(found["worse"])}
    if found["better"] and found["worse"]:
        return _("Against %(first)s, %(second)s is clearly better on %(better)s and clearly worse on %(worse)s.") % names
    if found["better"]:
        return _("Against %(first)s, %(second)s is clearly better on %(better)s and clearly worse on nothing.") % names
    if found["worse"]:
        return _("Against %(first)s, %(second)s is clearly worse on %(worse)s and clearly better on nothing.") % names
    return _("No measure clearly tells %(second)s from %(first)s.") % names


def measure_chart(measure: dict[str, Any]) -> Chart:
    """The intervals of a measure, one line a checkpoint."""
    scale = 100 if measure["percent"] else 1
    rows = [(row["checkpoint"], *(_plotted(scale * row[key]) for key in ("value", "low", "high"))) for row in measure["rows"]]
    claim = measure_claim(measure)
    return Chart(claim, interval_chart(rows, title=claim))


def _plotted(value: float) -> float:
    """Three digits: more would crowd the picture, and the table has them."""
    return float(f"{value:.3g}")


def vote_chart(vote: dict[str, Any]) -> Chart:
    """The win rate in per cent against the even half."""
    label = _("for %(first)s, %%") % {"first": vote["first"]}
    rows = [(label, *(round(100 * vote[key], 1) for key in ("value", "low", "high")))] if vote["n"] else []
    claim = vote_claim(vote)
    return Chart(claim, interval_chart(rows, title=claim, reference=50))


def table(report: Report) -> list[dict[str, Any]]:
    """A line a measure, a cell a checkpoint: value, interval, n, and the difference from the first checkpoint that has it."""
    names = [checkpoint["name"] for checkpoint in report["checkpoints"]]
    return [
        {
            "title": _(measure["title"]),
            "unit": measure["unit"],
            "signature": measure["signature"],
            "better": _("lower is better") if measure["better"] == "lower" else _("higher is better"),
            "cells": [_cell(measure, name) for name in names],
        }
        for measure in report["measures"]
    ]


def _cell(measure: dict[str, Any], name: str) -> dict[str, Any] | None:
    row = next((row for row in measure["rows"] if row["checkpoint"] == name), None)
    if row is None:
        return None
    change = next((one for one in measure["differences"] if one["second"] == name and "value" in one), None)
    percent = measure["percent"]
    return {
        **{key: number(row[key], percent) for key in ("value", "low", "high")},
        "n": _counted(row, measure["counts"]),
        "change": change and _change(change, percent),
        "verdict": change and direction(measure, change),
    }


def _change(difference: dict[str, Any], percent: bool) -> str:
    """`+1.20 (0.80 to 1.60)`: the paired difference and its interval."""
    scale = 100 if percent else 1
    value, low, high = (signed(scale * difference[key]) for key in ("value", "low", "high"))
    return _("%(value)s (%(low)s to %(high)s)") % {"value": value, "low": low, "high": high}


def signed(value: float) -> str:
    """A difference with its sign, a true minus among them."""
    text = number(abs(value))
    return ("−" if value < 0 else "+") + text


def _counted(row: dict[str, Any], counts: str) -> str:
    """What a figure rests on: `40 rows · 12,345 tokens`."""
    words = {"tokens": _("tokens"), "bytes": _("bytes"), "pairs": _("pairs")}
    rows = f"n = {row['n']:,}"
    return f"{rows} · {row['counted']:,} {words[counts]}" if counts in words else rows
