"""The rater's rooms: home with their projects, and the desk of one project."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from annotation import desk, waiting
from annotation.access import caller, role_required, signed_in
from annotation.models import Judgement, Member, Project, Role


@signed_in
@never_cache
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The caller's projects: their role, and what is left for them to judge."""
    user = caller(request)
    members = {member.project_id: member for member in Member.objects.filter(user=user)}
    projects = Project.objects.visible_to(user).order_by("name")
    rows = [_home_row(user, project, members.get(project.pk)) for project in projects]
    return render(request, "annotation/home.html", {"rows": rows, "limit": waiting.LEFT_LIMIT})


def _home_row(user: User, project: Project, member: Member | None) -> dict[str, Any]:
    role = Role(member.role) if member else Role.LEAD
    left = waiting.left_for(user, project, member.languages if member else [])
    return {"project": project, "role": role, "leads": role == Role.LEAD, "seat": desk.held(user, project), "left": left}


@role_required(Role.RATER)
@never_cache
@require_safe
def project_desk(request: HttpRequest, project_id: int) -> HttpResponse:
    """Where a rater arrives: the guidelines, what is left, and the way to the next seat."""
    user, project = caller(request), get_object_or_404(Project.objects.visible_to(request.user), pk=project_id)
    mine = Judgement.objects.in_force().filter(rater=user, task__prompt__project=project)
    context = {
        "project": project,
        "seat": desk.held(user, project),
        "left": waiting.left_for(user, project, desk.languages_of(user, project)),
        "limit": waiting.LEFT_LIMIT,
        "done": mine.count(),
        "guidelines": project.guidelines,
        "leads": project.role_of(user) == Role.LEAD,
    }
    return render(request, "annotation/desk.html", context)
