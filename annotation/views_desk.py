"""The rater's rooms: home, the desk of a project, and the seat at which one judgement is made."""

from __future__ import annotations

import contextlib
import math
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from annotation import desk
from annotation.access import caller, role_required, signed_in
from annotation.models import Judgement, Member, Project, Role, Seat
from annotation.written import checked_text


@signed_in
@never_cache
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The caller's projects: their role, and what is left for them to judge."""
    user = caller(request)
    roles = dict(Member.objects.filter(user=user).values_list("project_id", "role"))
    projects = Project.objects.visible_to(user).order_by("name")
    rows = [_home_row(user, project, Role(roles.get(project.pk, Role.LEAD))) for project in projects]
    return render(request, "annotation/home.html", {"rows": rows, "limit": desk.LEFT_LIMIT})


def _home_row(user: User, project: Project, role: Role) -> dict[str, Any]:
    seat = desk.held(user, project)
    return {"project": project, "role": role, "leads": role == Role.LEAD, "seat": seat, "left": desk.left_for(user, project)}


@role_required(Role.RATER)
@never_cache
@require_safe
def project_desk(request: HttpRequest, project_id: int) -> HttpResponse:
    """Where a rater arrives: the guidelines, what is left, and the way to the next seat."""
    user, project = caller(request), get_object_or_404(Project.objects.visible_to(request.user), pk=project_id)
    mine = Judgement.objects.filter(rater=user, task__prompt__project=project)
    context = {
        "project": project,
        "seat": desk.held(user, project),
        "left": desk.left_for(user, project),
        "limit": desk.LEFT_LIMIT,
        "done": mine.count(),
        "guidelines": project.guidelines,
        "leads": project.role_of(user) == Role.LEAD,
    }
    return render(request, "annotation/desk.html", context)


@role_required(Role.RATER)
@require_POST
def next_seat(request: HttpRequest, project_id: int) -> HttpResponse:
    """Claims a seat and goes there."""
    return _to_next(request, get_object_or_404(Project.objects.visible_to(request.user), pk=project_id))


def _to_next(request: HttpRequest, project: Project) -> HttpResponse:
    found = desk.claim(caller(request), project)
    return _go(request, reverse("seat", args=[found.pk]) if found else reverse("desk", args=[project.pk]))


def _go(request: HttpRequest, url: str) -> HttpResponse:
    """A redirect that a form sent by htmx follows as a whole page."""
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)  # type: ignore[attr-defined]


def _seat(request: HttpRequest, seat_id: int) -> Seat:
    mine = Seat.objects.visible_to(request.user).select_related("project", "task__prompt")
    return get_object_or_404(mine, pk=seat_id)


@role_required(Role.RATER)
@never_cache
@require_safe
def seat(request: HttpRequest, seat_id: int) -> HttpResponse:
    """One question, with what the rater has answered so far."""
    found = _seat(request, seat_id)
    return _show(request, found, found.draft if found.rater_id == request.user.pk else {})


def _show(
    request: HttpRequest, seat: Seat, draft: dict[str, Any], error: ValidationError | None = None, status: int = 200
) -> HttpResponse:
    if seat.rater_id != request.user.pk or seat.filled:
        return _gone(request, seat, desk.lost(seat, caller(request)), draft)
    question, samples = seat.task.question, desk.samples_of(seat)
    context = {
        "seat": seat,
        "project": seat.project,
        "prompt": seat.task.prompt,
        "question": question,
        "draft": draft,
        "errors": error.messages if error else [],
        "key": desk.key_of(seat),
        "guidelines": desk.guidelines_of(seat),
        "left": desk.left_for(caller(request), seat.project),
        "limit": desk.LEFT_LIMIT,
        **question.context(samples, draft),
    }
    page = "annotation/seat.html#question" if request.htmx else "annotation/seat.html"  # type: ignore[attr-defined]
    return render(request, page, context, status=status)


def _gone(request: HttpRequest, seat: Seat, why: desk.SeatLost, draft: dict[str, Any]) -> HttpResponse:
    """The seat is not theirs to fill: says what happened and gives back what they wrote."""
    page = "annotation/seat_gone.html#gone" if request.htmx else "annotation/seat_gone.html"  # type: ignore[attr-defined]
    context = {"project": seat.project, "why": str(why), "text": draft.get("text", ""), "comment": draft.get("comment", "")}
    return render(request, page, context, status=409)


def _draft_from(request: HttpRequest, seat: Seat) -> dict[str, Any]:
    """What the form holds, finished or not: the kind's payload, the comment, and the seconds that the page has counted."""
    payload = seat.task.question.payload_from_post(request.POST, seat)
    return {**payload, "comment": request.POST.get("comment", ""), "seconds": _seconds(request)}


def _seconds(request: HttpRequest) -> float | None:
    with contextlib.suppress(ValueError):
        seconds = float(request.POST.get("seconds", ""))
        return seconds if math.isfinite(seconds) else None
    return None


@role_required(Role.RATER)
@require_POST
def submit(request: HttpRequest, seat_id: int) -> HttpResponse:
    """Fills the rater's seat with their answer, then goes to the next one."""
    found, user = _seat(request, seat_id), caller(request)
    question, draft = found.task.question, _draft_from(request, found)
    key = request.headers.get("Idempotency-Key") or request.POST.get("key", "")
    try:
        answer = question.parse(question.payload_from_post(request.POST, found), desk.samples_of(found))
        desk.fill(found, user, answer, key=key, seconds=draft["seconds"], comment=draft["comment"])
    except ValidationError as error:
        return _show(request, found, draft, error, status=422)
    except desk.SeatLost as lost:
        return _gone(request, found, lost, draft)
    messages.success(request, _("Saved."), extra_tags="saved")
    return _to_next(request, found.project)


@role_required(Role.RATER)
@require_POST
def draft(request: HttpRequest, seat_id: int) -> HttpResponse:
    """Keeps what the form holds and renews the hold. Called by the page a moment after each change."""
    found = _seat(request, seat_id)
    try:
        desk.save_draft(found, caller(request), _draft_from(request, found))
    except ValidationError as error:
        return JsonResponse({"error": " ".join(error.messages)}, status=422)
    except desk.SeatLost as lost:
        return JsonResponse({"error": str(lost)}, status=409)
    return JsonResponse({"saved": date_format(timezone.localtime(), "TIME_FORMAT")})


@role_required(Role.RATER)
@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """The text as others will see it, rendered and not kept."""
    try:
        text = checked_text(request.POST.get("text", ""), "text")
    except ValidationError as error:
        return render(request, "annotation/preview.html", {"errors": error.messages}, status=422)
    return render(request, "annotation/preview.html", {"text": text})


@role_required(Role.RATER)
@require_POST
def release(request: HttpRequest, seat_id: int) -> HttpResponse:
    """Gives the seat back, unanswered."""
    found = _seat(request, seat_id)
    with contextlib.suppress(desk.SeatLost):  # Whoever gives back what is no longer theirs has what they wanted.
        desk.release(found, caller(request))
    return redirect("desk", found.project_id)


@role_required(Role.RATER)
@require_POST
def skip(request: HttpRequest, seat_id: int) -> HttpResponse:
    """Passes a task by for good, with a reason, then goes to the next one."""
    found = _seat(request, seat_id)
    try:
        desk.skip(found, caller(request), request.POST.get("reason", ""))
    except ValidationError as error:
        return _show(request, found, found.draft, error, status=422)
    except desk.SeatLost as lost:
        return _gone(request, found, lost, found.draft)
    messages.success(request, _("Skipped."), extra_tags="saved")
    return _to_next(request, found.project)
