"""The seat at which one judgement is made: shown, kept as a draft, sent, given back."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect, push_url

from annotation import asking, desk
from annotation.access import caller, role_required
from annotation.models import Member, Project, Role, Seat
from annotation.prepared import Prepared
from annotation.written import checked_text


@role_required(Role.RATER)
@require_POST
def next_seat(request: HttpRequest, project_id: int) -> HttpResponse:
    """Claims a seat and goes there."""
    project = get_object_or_404(Project.objects.visible_to(request.user), pk=project_id)
    found = desk.claim(caller(request), project)
    return redirect("seat", found.pk) if found else redirect("desk", project.pk)


def _seat(request: HttpRequest, seat_id: int) -> Seat:
    """The seat with what is asked there, and the rater's languages for the next one: one query."""
    user = caller(request)
    for found in _seats[user.is_superuser].objects(seat_id=seat_id, user_id=user.pk):
        return found
    raise Http404


def _visible(superuser: bool) -> Callable[..., QuerySet[Seat]]:
    def build(seat_id: int, user_id: int) -> QuerySet[Seat]:
        member = Member.objects.filter(project=OuterRef("project"), user=user_id)
        mine = Seat.objects.visible_to(User(pk=user_id, is_superuser=superuser)).select_related("project", "task", "guidelines")
        return mine.filter(pk=seat_id).annotate(languages=Subquery(member.values("languages")[:1]))

    return build


_seats = {superuser: Prepared(_visible(superuser), seat_id=int, user_id=int) for superuser in (False, True)}


@role_required(Role.RATER)
@never_cache
@require_safe
def seat(request: HttpRequest, seat_id: int) -> HttpResponse:
    """One question, with what the rater has answered so far."""
    found = _seat(request, seat_id)
    return _show(request, found, found.draft if found.rater_id == request.user.pk else {})


def _show(
    request: HttpRequest, seat: Seat, draft: dict[str, Any], error: ValidationError | None = None, status: int = 200, **more: Any
) -> HttpResponse:
    if seat.rater_id != request.user.pk or seat.filled:
        return _gone(request, seat, desk.lost(seat, caller(request)), draft)
    ask = asking.laid_out(seat)
    context = {
        "seat": seat,
        "project": seat.project,
        "prompt": ask.task.prompt,
        "question": ask.kind,
        "several": len(ask.order) > 1,
        "draft": draft,
        "errors": error.messages if error else [],
        "key": desk.key_of(seat),
        "based_on": _version(seat),
        "guidelines": seat.guidelines,
        **asking.context(ask, draft),
        **more,
    }
    page = "annotation/seat.html#question" if request.htmx else "annotation/seat.html"  # type: ignore[attr-defined]
    return render(request, page, context, status=status)


def _gone(request: HttpRequest, seat: Seat, why: desk.SeatLost, draft: dict[str, Any]) -> HttpResponse:
    """The seat is not theirs to fill: says what happened and gives back what they wrote."""
    page = "annotation/seat_gone.html#gone" if request.htmx else "annotation/seat_gone.html"  # type: ignore[attr-defined]
    context = {"project": seat.project, "why": str(why), "text": draft.get("text", ""), "comment": draft.get("comment", "")}
    return render(request, page, context, status=409)


def _version(seat: Seat) -> str:
    """Which draft a page shows: when it was saved. A page sends it back, so that an old tab overwrites no newer draft unasked."""
    return seat.draft_saved.isoformat() if seat.draft_saved else ""


def _changed_elsewhere(request: HttpRequest, seat: Seat) -> bool:
    return request.POST.get("based_on", _version(seat)) != _version(seat) and seat.rater_id == request.user.pk and not seat.filled


def form_of(request: HttpRequest, ask: asking.Ask) -> dict[str, Any]:
    """What the form holds, finished or not: the payload, the comment, and the seconds that the page has counted."""
    payload = asking.payload_from_post(ask, request.POST)
    return {**payload, "comment": request.POST.get("comment", ""), "seconds": _seconds(request)}


def _seconds(request: HttpRequest) -> float | None:
    with contextlib.suppress(ValueError):
        seconds = float(request.POST.get("seconds", ""))
        return seconds if math.isfinite(seconds) else None
    return None


@role_required(Role.RATER)
@require_POST
def submit(request: HttpRequest, seat_id: int) -> HttpResponse:
    """Fills the rater's seat with their answer and offers the next one, in the same answer where the page can take it."""
    found, user = _seat(request, seat_id), caller(request)
    ask = asking.of_seat(found)
    draft = form_of(request, ask)
    key = request.headers.get("Idempotency-Key") or request.POST.get("key", "")
    if _changed_elsewhere(request, found):
        return _show(request, found, draft, status=409, changed_elsewhere=True)
    try:
        payload = asking.payload_from_post(ask, request.POST)
        if found.filled and found.rater_id == user.pk and not _sent_before(found, ask, payload):
            return _gone(request, found, desk.lost(found, user), draft)
        desk.fill(found, user, payload, key=key, seconds=draft["seconds"], comment=draft["comment"])
    except ValidationError as error:
        return _show(request, found, draft, error, status=422)
    except desk.SeatLost as lost:
        return _gone(request, found, lost, draft)
    return _next(request, found, _("Saved."))


def _sent_before(seat: Seat, ask: asking.Ask, payload: asking.Payload) -> bool:
    """Whether a judgement of this seat says what is sent: the same form sent twice. Else it comes from a tab that was left open."""
    for judgement in seat.judgements.all():
        said = asking.recall(judgement, ask)
        said.pop("comment")
        if asking.parse(ask, said) == asking.parse(ask, payload):
            return True
    return False


def _next(request: HttpRequest, seat: Seat, said: str) -> HttpResponse:
    """The rater's next question. A page with htmx gets it at once; others are sent there."""
    project = seat.project
    following = desk.sit_down(caller(request), project, seat.languages or [])  # type: ignore[attr-defined]
    url = reverse("seat", args=[following.pk]) if following else reverse("desk", args=[project.pk])
    if following and request.htmx:  # type: ignore[attr-defined]
        if following.guidelines_id == seat.guidelines_id:
            following.guidelines = seat.guidelines
        return push_url(_show(request, following, following.draft, said=said), url)
    messages.success(request, said, extra_tags="saved")
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)  # type: ignore[attr-defined]


@role_required(Role.RATER)
@require_POST
def draft(request: HttpRequest, seat_id: int) -> HttpResponse:
    """Keeps what the form holds and renews the hold. Called by the page a moment after each change."""
    found = _seat(request, seat_id)
    if _changed_elsewhere(request, found):
        words = _("Changed in another tab or on another device, at %(time)s. What is here is not saved.")
        return JsonResponse({"error": words % {"time": _time(found.draft_saved)}, "based_on": _version(found)}, status=409)
    try:
        saved = desk.save_draft(found, caller(request), form_of(request, asking.of_seat(found)))
    except ValidationError as error:
        return JsonResponse({"error": " ".join(error.messages)}, status=422)
    except desk.SeatLost as lost:
        return JsonResponse({"error": str(lost)}, status=409)
    return JsonResponse({"saved": _time(saved), "based_on": saved.isoformat()})


def _time(when: datetime | None) -> str:
    return date_format(timezone.localtime(when), "TIME_FORMAT")


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
    """Gives the seat back for good, with the reason, then goes to the next one."""
    found = _seat(request, seat_id)
    try:
        desk.skip(found, caller(request), request.POST.get("reason", ""))
    except ValidationError as error:
        return _show(request, found, found.draft, error, status=422)
    except desk.SeatLost as lost:
        return _gone(request, found, lost, found.draft)
    return _next(request, found, _("Skipped."))
