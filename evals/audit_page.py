"""What a run's page shows of its audits: score, gold and people's win rate by distance, with their fits and where they part.

Everything is drawn from the run's events and its tasks' grades each time it is looked at. Nothing of it is stored.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from django.db.models import Count, Q
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from annotation.models import Seat, Task
from annotation.stats import Z95
from evals import audits, gains, preference
from evals.claims import number, signed
from evals.models import Evaluation
from evals.preference import WinRate
from training import audit, charts
from training.models import Checkpoint, Event, Run

CURVE = 60  # straight pieces of a drawn fit


@dataclass(frozen=True)
class Gain:
    """What a measure gives the policy over its reference, with its interval; `low` and `high` are None for a single prompt."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Look:
    """One audit. `distance` is √KL as measured; `seats` are the judgements wanted, `filled` those that are in."""

    step: int
    distance: float
    score: Gain
    gold: Gain | None
    votes: WinRate
    seats: int
    filled: int
    why: str


@dataclass(frozen=True)
class Parting:
    """From `start` to `end` the score rises and the win rate falls. `clear`: the intervals of the two win rates lie apart."""

    start: float
    end: float
    clear: bool
    sentence: str


@dataclass(frozen=True)
class Page:
    """The section of a run's page. `charts` are empty while nobody has judged."""

    looks: list[Look]
    charts: list[tuple[str, SafeString]]
    partings: list[Parting]
    fits: list[str]
    rows: list[dict[str, Any]]
    waiting: int
    judged: int
    simulated: int
    ahead: str
    evaluation: Evaluation | None


def page(run: Run) -> Page | None:
    """The section, None for a run whose lead wants nobody asked."""
    chosen = audits.wanted(run)
    if not chosen:
        return None
    looks = sorted(_looks(run), key=lambda look: look.distance)
    found = partings(looks)
    return Page(
        looks=looks,
        charts=drawn(looks, found) if looks else [],
        partings=found,
        fits=[_fit_sentence(name, fit, looks[-1].distance) for name, fit in _fits(looks) if fit],
        rows=[_row(look) for look in looks],
        waiting=sum(look.seats - look.filled for look in looks),
        judged=sum(look.votes.n for look in looks),
        simulated=sum(look.votes.simulated for look in looks),
        ahead="" if looks else _ahead(run, chosen[0]),
        evaluation=run.evaluations.first() if looks else None,
    )


# Reading ----------------------------------------------------------------------------------------------------------------------


def _looks(run: Run) -> Iterable[Look]:
    """One for each step that was logged; a line whose numbers are none is left out."""
    events = run.events.filter(kind=audit.KIND).order_by("id")
    by_step = {event.step: event for event in events if event.step is not None and _figures(event)}
    if not by_step:
        return []
    told = {event.step: event.data for event in run.events.filter(kind=audits.ASKED)}
    reference = Checkpoint.objects.filter(used_by__run=run, used_by__name="model").values_list("name", flat=True).first() or ""
    return [_look(run, event, reference, str(told.get(event.step, {}).get("why", ""))) for event in by_step.values()]


def _figures(event: Event) -> dict[str, float]:
    """The event's numbers, its distance among them; empty where they do not make an audit."""
    given = event.data.get("figures")
    found = {name: value for name, value in (given if isinstance(given, dict) else {}).items() if _is_number(value)}
    kl = event.data.get("kl")
    if "score" not in found or not _is_number(kl) or kl <= 0:
        return {}
    return found | {"distance": math.sqrt(kl)}


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _look(run: Run, event: Event, reference: str, why: str) -> Look:
    figures, policy = _figures(event), audits.policy_name(run, event.step or 0)
    tasks = Task.objects.filter(evaluations__runs=run, samples__model=policy)
    seats = Seat.objects.filter(task__in=tasks).aggregate(seats=Count("id"), filled=Count("id", filter=Q(filled__isnull=False)))
    return Look(
        step=event.step or 0,
        distance=figures["distance"],
        score=_gain(figures, "score"),
        gold=_gain(figures, "gold") if "gold" in figures else None,
        votes=preference.win_rate(tasks, policy, reference),
        why=why,
        **seats,
    )


def _gain(figures: dict[str, float], name: str) -> Gain:
    value, error = figures[name], figures.get(f"{name}_error")
    return Gain(value, None, None) if error is None else Gain(value, value - Z95 * error, value + Z95 * error)


def _ahead(run: Run, first: float) -> str:
    """Why there is no audit yet: how far the policy has come."""
    newest = run.events.filter(kind="metrics", data__has_key="kl").order_by("-id").values_list("data", flat=True).first()
    kl: Any = (newest or {}).get("kl")
    names = {"first": f"{first:g}", "here": number(math.sqrt(max(0.0, kl))) if _is_number(kl) else "0"}
    if run.ended:
        return _("The policy never came as far as √KL = %(first)s (it ended at %(here)s), so nobody was asked.") % names
    return _("Raters are first asked when the policy has come as far as √KL = %(first)s; it is at %(here)s now.") % names


# Where they part --------------------------------------------------------------------------------------------------------------


def partings(looks: list[Look]) -> list[Parting]:
    """Between which distances the score rises while people stop agreeing: each slide whole, however many audits it passes.

    The reference itself begins: it gains nothing and wins half.
    """
    known = [(0.0, 0.0, 0.5, 0.5, 0.5)]
    known += [(one.distance, one.score.value, one.votes.value, one.votes.low, one.votes.high) for one in looks if one.votes.n]
    slides: list[tuple[int, int]] = []
    for place, (a, b) in enumerate(pairwise(known)):
        if b[1] > a[1] and b[2] < a[2]:
            start = slides.pop()[0] if slides and slides[-1][1] == place else place
            slides.append((start, place + 1))
    return [_parting(known[start], known[end]) for start, end in slides]


def _parting(a: tuple[float, ...], b: tuple[float, ...]) -> Parting:
    clear = b[4] < a[3]
    names = {
        "a": number(a[0]), "b": number(b[0]), "score_a": signed(a[1]), "score_b": signed(b[1]),
        "wins_a": number(a[2], percent=True), "wins_b": number(b[2], percent=True),
    }  # fmt: skip
    words = _(
        "From √KL %(a)s to %(b)s the score rises (%(score_a)s to %(score_b)s) while the win rate falls (%(wins_a)s to %(wins_b)s)."
    )
    tail = _("The intervals of the two win rates lie apart.") if clear else _("The intervals overlap: it may be chance.")
    return Parting(a[0], b[0], clear, f"{words % names} {tail}")


# Pictures ---------------------------------------------------------------------------------------------------------------------


def _fits(looks: list[Look]) -> list[tuple[str, gains.Fit | None]]:
    """The curves of score, gold and people. People's is fitted to log-odds, each distance weighing as its judgements."""
    judged = [look for look in looks if look.votes.n]
    odds = [(look.distance, gains.log_odds(look.votes.value, look.votes.n)) for look in judged]
    return [
        (_("Score"), gains.fit([(look.distance, look.score.value) for look in looks])),
        (_("Gold reward"), gains.fit([(look.distance, look.gold.value) for look in looks if look.gold])),
        (_("People"), gains.fit(odds, [look.votes.n for look in judged])),
    ]


def _fit_sentence(name: str, fit: gains.Fit, farthest: float) -> str:
    """A curve in words: its coefficients, and where it is highest, if that was seen and not foretold."""
    names = {"name": name, "alpha": signed(fit.alpha), "beta": signed(fit.beta), "points": fit.points}
    head = _("%(name)s: α = %(alpha)s, β = %(beta)s, fitted to %(points)s distances") % names
    if fit.peak is None:
        return _("%(head)s; the curve does not turn down.") % {"head": head}
    if fit.peak > farthest:
        return _("%(head)s; still rising at the farthest of them.") % {"head": head}
    return _("%(head)s; highest at √KL = %(peak)s.") % {"head": head, "peak": number(fit.peak)}


def drawn(looks: list[Look], found: list[Parting]) -> list[tuple[str, SafeString]]:
    """Two pictures over the same axis: what machines say, what people say."""
    fits = dict(zip(("score", "gold", "people"), (fit for _name, fit in _fits(looks)), strict=True))
    span = (0.0, 1.05 * looks[-1].distance)
    bands = [charts.Band(one.start, one.end, str(place), one.clear) for place, one in enumerate(found, 1)]
    machines = [charts.Scatter(_("Score"), [_point(look, look.score) for look in looks], _curve(fits["score"], span[1]))]
    if any(look.gold for look in looks):
        gold = [_point(look, look.gold) for look in looks if look.gold]
        machines.append(charts.Scatter(_("Gold reward"), gold, _curve(fits["gold"], span[1])))
    votes = [_votes(look) for look in looks if look.votes.n]
    curve = [(x, 100 * gains.share_of(y)) for x, y in _curve(fits["people"], span[1])]
    people = [charts.Scatter(_("Win rate"), votes, curve)]
    score, wins = _("Score, policy over reference"), _("Win rate of the policy among people")
    about: dict[str, Any] = {"x_label": "√KL", "x_span": span, "bands": bands}
    return [
        (score, charts.scatter_chart(machines, title=score, reference=0, **about)),
        (wins, charts.scatter_chart(people, title=wins, y_label="%", y_span=(0, 100), reference=50, **about)),
    ]


def _point(look: Look, gain: Gain) -> charts.Estimate:
    return look.distance, gain.value, gain.low, gain.high


def _votes(look: Look) -> charts.Estimate:
    """In per cent."""
    value, low, high = (round(100 * share, 1) for share in (look.votes.value, look.votes.low, look.votes.high))
    return look.distance, value, low, high


def _curve(fit: gains.Fit | None, end: float) -> list[charts.Point]:
    return [(end * place / CURVE, fit(end * place / CURVE)) for place in range(CURVE + 1)] if fit else []


def _row(look: Look) -> dict[str, Any]:
    """A line of the table."""
    votes = look.votes
    return {
        "step": look.step,
        "distance": number(look.distance),
        "score": _told(look.score),
        "gold": _told(look.gold) if look.gold else "",
        "wins": number(votes.value, percent=True) if votes.n else "",
        "interval": _("%(low)s to %(high)s") % {"low": number(votes.low, True), "high": number(votes.high, True)}
        if votes.n
        else "",
        "votes": votes,
        "seats": look.seats,
        "filled": look.filled,
        "why": look.why,
    }


def _told(gain: Gain) -> str:
    value = signed(gain.value)
    if gain.low is None or gain.high is None:
        return value
    return _("%(value)s (%(low)s to %(high)s)") % {"value": value, "low": signed(gain.low), "high": signed(gain.high)}
