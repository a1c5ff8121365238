"""A rater changes what they sent, while they may."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from annotation import asking, correcting, desk
from annotation.access import caller, role_required
from annotation.models import Judgement, Project, Role
from annotation.views_desk import form_of


@role_required(Role.RATER)
@never_cache
@require_safe
def change_last(request: HttpRequest, project_id: int) -> HttpResponse:
    """To what the rater sent last here; back to the desk when the time for it is over."""
    project = get_object_or_404(Project.objects.visible_to(request.user), pk=project_id)
    if last := correcting.last_changeable(caller(request), project):
        return redirect("change", last.pk)
    messages.warning(request, _("There is nothing left to change: the time for what you sent last is over."))
    return redirect("desk", project.pk)


@role_required(Role.RATER)
@never_cache
@require_http_methods(["GET", "POST"])
def change(request: HttpRequest, judgement_id: int) -> HttpResponse:
    """The question with what the rater answered; what they send now takes its place."""
    mine = Judgement.objects.visible_to(request.user).filter(rater=caller(request))
    judgement = get_object_or_404(mine.select_related("seat__project", "task__prompt", "written"), pk=judgement_id)
    ask = correcting.ask_of(judgement)
    return _amend(request, judgement, ask) if request.method == "POST" else _show(request, judgement, ask)


def _amend(request: HttpRequest, judgement: Judgement, ask: asking.Ask) -> HttpResponse:
    draft, key = form_of(request, ask), request.POST.get("key", "")
    payload = asking.payload_from_post(ask, request.POST)
    try:
        correcting.amend(judgement, caller(request), payload, key=key, seconds=draft["seconds"], comment=draft["comment"])
    except ValidationError as error:
        return _show(request, judgement, ask, draft | {"key": key}, error)
    except correcting.NotYours as error:
        return _too_late(request, judgement, str(error), draft)
    messages.success(request, _("Changed. What you sent before is kept, but counts no more."), extra_tags="saved")
    held = desk.held(caller(request), judgement.seat.project)
    return redirect("seat", held.pk) if held else redirect("desk", judgement.seat.project_id)


def _show(
    request: HttpRequest,
    judgement: Judgement,
    ask: asking.Ask,
    draft: dict[str, Any] | None = None,
    error: ValidationError | None = None,
) -> HttpResponse:
    try:
        leave = correcting.leave_of(judgement, caller(request))
    except correcting.NotYours as over:
        return _too_late(request, judgement, str(over), draft or {})
    answered = asking.recall(judgement, ask) if draft is None else draft
    context = {
        "project": judgement.seat.project,
        "judgement": judgement,
        "leave": leave,
        "prompt": ask.task.prompt,
        "question": ask.kind,
        "draft": answered,
        "key": answered.get("key") or secrets.token_urlsafe(24),
        "errors": error.messages if error else [],
        "guidelines": judgement.seat.project.guidelines,
        **asking.context(ask, answered),
    }
    return render(request, "annotation/change.html", context, status=422 if error else 200)


def _too_late(request: HttpRequest, judgement: Judgement, why: str, draft: dict[str, Any]) -> HttpResponse:
    """It stands: says why, and gives back what they wrote."""
    context = {
        "project": judgement.seat.project,
        "why": why,
        "text": draft.get("text", ""),
        "comment": draft.get("comment", ""),
    }
    return render(request, "annotation/change_late.html", context, status=409)
