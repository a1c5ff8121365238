"""The rater's rooms: home with their projects, and the desk of one project."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from annotation import correcting, desk, figures, offers, own_work, waiting
from annotation.access import caller, role_required, signed_in
from annotation.forms_work import LanguagesForm
from annotation.models import Member, Project, Role
from annotation.parts import part

LAST_SHOWN = 10


@signed_in
@never_cache
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The caller's projects: their role, what is left for them to judge, and what they did there lately."""
    user = caller(request)
    members = {member.project_id: member for member in Member.objects.filter(user=user)}
    projects = Project.objects.visible_to(user).order_by("name")
    by_day, seconds = own_work.judged_by_day(user), own_work.seconds_today(user)
    rows = [
        _home_row(user, project, members.get(project.pk))
        | {"today": by_day.get(project.pk, [0])[-1], "minutes": seconds.get(project.pk, 0) / 60}
        for project in projects
    ]
    in_all = [sum(counts) for counts in zip(*by_day.values(), strict=True)]
    context = {"rows": rows, "limit": waiting.LEFT_LIMIT, "chart": _chart(in_all), "minutes": sum(seconds.values()) / 60}
    return render(request, "annotation/home.html", context)


def _chart(by_day: list[int]) -> str:
    """Judgements a day; nothing where there were none."""
    if not any(by_day):
        return ""
    days = list(zip(own_work.midnights(), by_day, strict=True))
    return figures.bars(days, "SHORT_DATE_FORMAT", title=_("Judgements a day"))


def _home_row(user: User, project: Project, member: Member | None) -> dict[str, Any]:
    role = Role(member.role) if member else Role.LEAD
    offer = offers.offer(user, project, member.languages if member else [])
    return {"project": project, "role": role, "leads": role == Role.LEAD, "seat": desk.held(user, project), "offer": offer}


@role_required(Role.RATER)
@never_cache
@require_safe
def project_desk(request: HttpRequest, project_id: int) -> HttpResponse:
    """Where a rater arrives: the way to the next seat, what they did here, what came back to them, the guidelines."""
    user, project = caller(request), get_object_or_404(Project.objects.visible_to(request.user), pk=project_id)
    member = Member.objects.filter(user=user, project=project).first()
    languages = member.languages if member else []
    form = LanguagesForm(offered=offers.languages(project), chosen=languages)
    context = {
        "project": project,
        "seat": desk.held(user, project),
        "offer": offers.offer(user, project, languages),
        "limit": waiting.LEFT_LIMIT,
        "languages": form if member and form.worth_asking else None,
        "guidelines": project.guidelines,
        "leads": user.is_superuser or (member is not None and member.role == Role.LEAD),
        "returned": correcting.returned(user, project),
        "latest": correcting.latest(user, project, LAST_SHOWN),
        **_work(user, project),
    }
    return render(request, "annotation/desk.html", context)


def _work(user: User, project: Project) -> dict[str, Any]:
    """What this rater did here, and how long they have been at it anywhere."""
    by_day, latest = own_work.judged_by_day(user).get(project.pk, []), own_work.sittings(user)
    unbroken = own_work.unbroken(latest, timezone.now())
    return {
        "done": own_work.judged_in_all(user, project),
        "most_counted": own_work.COUNTED,
        "chart": _chart(by_day),
        "today": by_day[-1] if by_day else 0,
        "minutes": own_work.seconds_today(user).get(project.pk, 0) / 60,
        "medians": [(part("KINDS", kind).TITLE, seconds) for kind, seconds in own_work.medians(latest, project).items()],
        "agreement": own_work.agreement(user, project),
        "pause_after": unbroken.total_seconds() / 60 if unbroken >= own_work.LONG else None,
    }


@role_required(Role.RATER)
@require_POST
def languages(request: HttpRequest, project_id: int) -> HttpResponse:
    """The languages in which the rater judges here from now on. A seat that they hold stays theirs, whatever its language."""
    project = get_object_or_404(Project.objects.visible_to(request.user), pk=project_id)
    member = Member.objects.filter(user=caller(request), project=project).first()
    if member is None:  # an administrator who only visits
        messages.error(request, _("Only members of the project have languages here."))
        return redirect("desk", project.pk)
    form = LanguagesForm(request.POST, offered=offers.languages(project), chosen=member.languages)
    if not form.is_valid():
        messages.error(request, form.sentence)
        return redirect("desk", project.pk)
    member.languages = form.in_order
    member.save(update_fields=["languages"])
    messages.success(request, _("Your languages are changed; what you hold and what you sent stays as it is."))
    return redirect("desk", project.pk)
