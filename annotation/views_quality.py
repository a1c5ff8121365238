"""How far the judgements of a project can be trusted: agreement, what moves raters, and each of them beside the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from annotation import known
from annotation.access import role_required
from annotation.aspects import aspects_of
from annotation.figures import interval
from annotation.models import Project, Role, Task
from annotation.quality.agreement import Alpha
from annotation.quality.preferences import Share
from annotation.quality.ranking import Reliability
from annotation.quality.summary import RaterQuality, Summary, summary

CHOICES = (1000, 5000, 20_000)  # of the latest judgements; the first takes well under a second, the last some
FEW = 20  # values below which a share says too little


@dataclass(frozen=True)
class Figure:
    """A number with its interval and what it was counted from, ready to be shown; `few`: too little to say anything."""

    name: str
    help: str
    text: str
    between: str
    n: int
    chart: SafeString | str
    few: bool = False


@role_required(Role.REVIEWER)
@require_safe
def quality(request: HttpRequest, project_id: int) -> HttpResponse:
    """The measures of the latest judgements; for htmx without the page around them, so that the page need not wait for them."""
    project = get_object_or_404(Project.objects.visible_to(request.user, Role.REVIEWER), pk=project_id)
    asked = request.GET.get("latest", "")
    latest = int(asked) if asked in map(str, CHOICES) else CHOICES[0]
    context: dict[str, Any] = {"project": project, "latest": latest, "choices": CHOICES, "few": FEW}
    if request.htmx or asked:  # type: ignore[attr-defined]
        context |= _measured(project, latest)
    page = "annotation/quality.html#measures" if request.htmx else "annotation/quality.html"  # type: ignore[attr-defined]
    return render(request, page, context)


def _measured(project: Project, latest: int) -> dict[str, Any]:
    found, checked = summary(project, latest), known.rightness_of_each(project)
    return {
        "summary": found,
        "figures": list(_figures(project, found)),
        "raters": [_rater(row, checked) for row in found.raters],
    }


def _figures(project: Project, found: Summary) -> Iterator[Figure]:
    alpha_help = _("How far raters agree beyond chance on the order of answers (Krippendorff's alpha): 1 is perfect, 0 is chance.")
    yield _alpha(_("Agreement beyond chance"), alpha_help, found.alpha)
    yield _share(
        _("Pairwise agreement"), _("How often two raters order two answers alike; a tie of one counts half."), found.agreement
    )
    ceiling = found.ceiling
    lower = _("How often the majority of the others orders two answers as a rater does: what a good model should reach.")
    yield _share(_("Human ceiling, from below"), lower, ceiling.lower)
    upper = _("How often the majority of all does: no model can do better on these labels.")
    yield _share(_("Human ceiling, from above"), upper, ceiling.upper)
    position = _("How often the answer shown earlier wins; the order is drawn by lot, so a half is no bias.")
    yield _share(_("Position"), position, found.position, mark=0.5)
    length = _("How often the longer answer wins; a half is no preference. Longer may well be better.")
    yield _share(_("Length"), length, found.length, mark=0.5)
    titles = {aspect.name: aspect.title for aspect in aspects_of(project)} | {"acceptable": _("Acceptable or not")}
    for name, alpha in found.aspects.items():
        help = _("How far raters agree beyond chance on this aspect.")
        yield _alpha(titles.get(name, name), help, alpha)


def _alpha(name: str, help: str, alpha: Alpha | None) -> Figure:
    if alpha is None or alpha.values < FEW:
        return Figure(name, help, "", "", alpha.values if alpha else 0, "", few=True)
    chart = interval(alpha.value, alpha.low, alpha.high, start=-1, mark=0)
    return Figure(name, help, f"{alpha.value:.2f}", f"{alpha.low:.2f} – {alpha.high:.2f}", alpha.values, chart)


def _share(name: str, help: str, share: Share | None, *, mark: float | None = None) -> Figure:
    if share is None or share.n < FEW:
        return Figure(name, help, "", "", share.n if share else 0, "", few=True)
    chart = interval(share.value, share.low, share.high, mark=mark)
    return Figure(name, help, f"{share.value:.0%}", f"{share.low:.0%} – {share.high:.0%}", share.n, chart)


def _rater(row: RaterQuality, checked: dict[str, dict[int, known.Known]]) -> dict[str, Any]:
    return {
        "row": row,
        "cells": [
            _share(_("Agreement"), "", row.agreement),
            _reliability(row.reliability),
            _share(_("Position"), "", row.position, mark=0.5),
            _share(_("Length"), "", row.length, mark=0.5),
        ],
        "gold": checked[Task.Purpose.GOLD].get(row.rater),
        "entry": checked[Task.Purpose.ENTRY].get(row.rater),
    }


def _reliability(found: Reliability | None) -> Figure:
    name = _("Reliability")
    if found is None or found.rankings < FEW:
        return Figure(name, "", "", "", found.rankings if found else 0, "", few=True)
    low, high = found.accuracy_interval
    chart = interval(found.accuracy, low, high, start=0.5)
    return Figure(name, "", f"{found.accuracy:.0%}", f"{low:.0%} – {high:.0%}", found.rankings, chart)
