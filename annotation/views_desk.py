"""The rater's rooms: home, the desk of a project, and the seat at which one judgement is made."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from annotation.access import signed_in
from annotation.models import Member, Project, Role


@signed_in
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The caller's projects: their role, and what is left for them to judge."""
    roles = dict(Member.objects.filter(user_id=request.user.pk).values_list("project_id", "role"))
    projects = Project.objects.visible_to(request.user).order_by("name")
    rows = [{"project": project, "role": Role(roles.get(project.pk, Role.LEAD))} for project in projects]
    return render(request, "annotation/home.html", {"rows": rows})
