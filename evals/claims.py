"""A report in sentences: what may be said about two models, and what may not. Every claim carries its interval and its n."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from evals.report import Report, unfinished
from training.charts import interval_chart


@dataclass(frozen=True)
class Chart:
    """A picture under the sentence that it shows."""

    claim: str
    drawing: SafeString


def number(value: float, percent: bool = False) -> str:
    """A figure with as many digits as mean something: 81.2 %, 12.34, 1,234."""
    if percent:
        return _("%(number)s %%") % {"number": f"{100 * value:.1f}"}
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 0.095 or value == 0 else f"{value:.3g}"


def verdict(report: Report) -> list[str]:
    """The first thing to read: what people prefer, then what the metrics add; or what is missing."""
    voted = [vote_claim(vote) for vote in report["votes"] if vote["n"]]
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
    """Which of two models people prefer, or that they do not clearly prefer one."""
    names = {"first": vote["first"], "second": vote["second"]}
    if not vote["n"]:
        return _("Nobody has compared %(first)s with %(second)s yet") % names
    if vote["low"] > 0.5:
        return _("People prefer %(first)s to %(second)s") % names
    if vote["high"] < 0.5:
        return _("People prefer %(second)s to %(first)s") % names
    return _("People do not clearly prefer %(first)s or %(second)s") % names


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


def clear(difference: dict[str, Any]) -> bool:
    """Whether the interval leaves out zero."""
    return difference["low"] > 0 or difference["high"] < 0


def _compared(report: Report) -> list[tuple[str, str]]:
    """Every two checkpoints that some measure compares, in the report's order."""
    found = [(one["first"], one["second"]) for measure in report["measures"] for one in measure["differences"] if "value" in one]
    return list(dict.fromkeys(found))


def _tally(report: Report, first: str, second: str) -> str:
    """On how many measures the second is clearly better than the first, and on how many worse."""
    better, worse, alike = [], [], []
    for measure in report["measures"]:
        for one in measure["differences"]:
            if (one["first"], one["second"]) == (first, second) and "value" in one:
                kind = alike if not clear(one) else better if gain(measure, one) > 0 else worse
                kind.append(_(measure["title"]))
    total = len(better) + len(worse) + len(alike)
    head = ngettext(
        "Against %(first)s, %(second)s is clearly better on %(better)d of %(count)d measure",
        "Against %(first)s, %(second)s is clearly better on %(better)d of %(count)d measures",
        total,
    ) % {"first": first, "second": second, "better": len(better), "count": total}
    tail = _(", clearly worse on %(worse)d (%(names)s).") % {"worse": len(worse), "names": ", ".join(worse)} if worse else "."
    return head + (f" ({', '.join(better)})" if better and worse else "") + tail


def measure_chart(measure: dict[str, Any]) -> Chart:
    """The intervals of a measure, one line a checkpoint."""
    scale = 100 if measure["percent"] else 1
    rows = [(row["checkpoint"], *(scale * row[key] for key in ("value", "low", "high"))) for row in measure["rows"]]
    claim = measure_claim(measure)
    return Chart(claim, interval_chart(rows, title=claim))


def vote_chart(vote: dict[str, Any]) -> Chart:
    """The win rate in per cent against the even half."""
    label = _("%(first)s over %(second)s, %%") % {"first": vote["first"], "second": vote["second"]}
    rows = [(label, *(100 * vote[key] for key in ("value", "low", "high")))] if vote["n"] else []
    claim = vote_claim(vote)
    return Chart(claim, interval_chart(rows, title=claim, reference=50))
