"""Flags: raters raise them at their seat, leads settle them."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotation import desk
from annotation import flags as proposals
from annotation.access import caller, role_required
from annotation.models import Flag, Project, Role, Seat

PER_PAGE, SETTLED_SHOWN = 50, 20


@role_required(Role.RATER)
@require_POST
def flag(request: HttpRequest, seat_id: int) -> HttpResponse:
    """Tells the leads what is wrong with the task; the rater goes on, or skips it."""
    seat = get_object_or_404(Seat.objects.visible_to(request.user), pk=seat_id)
    try:
        raised = proposals.raise_flag(seat, caller(request), request.POST.get("word", ""), request.POST.get("comment", ""))
    except ValidationError as error:
        return _said(request, seat, " ".join(error.messages), 422)
    except desk.SeatLost as lost:
        return _said(request, seat, str(lost), 409)
    said = _("Flagged as “%(word)s”: the leads will see it. You can judge it all the same, or skip it.")
    return _said(request, seat, said % {"word": raised.get_word_display()}, 200)


def _said(request: HttpRequest, seat: Seat, said: str, status: int) -> HttpResponse:
    """What became of it, for htmx as a notice; others find it on the page to which they are sent back."""
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "annotation/flag.html#notice", {"said": said, "bad": status != 200}, status=status)
    messages.add_message(request, messages.SUCCESS if status == 200 else messages.ERROR, said)
    return redirect("seat", seat.pk)


@role_required(Role.REVIEWER)
@require_safe
def flags(request: HttpRequest, project_id: int) -> HttpResponse:
    """What raters flagged: what is open, and what was settled last."""
    project = get_object_or_404(Project.objects.visible_to(request.user, Role.REVIEWER), pk=project_id)
    rows = Flag.objects.filter(task__prompt__project=project).select_related("task__prompt", "rater", "settled_by")
    context = {
        "project": project,
        "page": Paginator(rows.open().order_by("-pk"), PER_PAGE).get_page(request.GET.get("page")),
        "settled": rows.filter(settled__isnull=False).order_by("-settled")[:SETTLED_SHOWN],
        "leads": project.role_of(request.user) == Role.LEAD,
    }
    return render(request, "annotation/flags.html", context)


@role_required(Role.LEAD)
@require_POST
def flag_settle(request: HttpRequest, flag_id: int) -> HttpResponse:
    """The lead has dealt with it."""
    found = get_object_or_404(Flag.objects.visible_to(request.user, Role.LEAD).select_related("task__prompt"), pk=flag_id)
    proposals.settle(found, caller(request))
    messages.success(request, _("Settled."))
    return redirect("flags", found.task.prompt.project_id)
