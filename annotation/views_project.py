"""A lead's rooms in a project: making it, changing it, how far it is."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation import asking, examples, pace, progress
from annotation.access import caller, role_required
from annotation.aspects import MOST as MOST_ASPECTS
from annotation.figures import bars
from annotation.forms_project import ProjectForm
from annotation.forms_tasks import titles
from annotation.models import Project, Role
from annotation.parts import names, part

RATERS_SHOWN = 50


def led(request: HttpRequest, project_id: int) -> Project:
    """The project, if the caller leads it."""
    return get_object_or_404(Project.objects.visible_to(request.user, Role.LEAD), pk=project_id)


@role_required(Role.LEAD)
@require_http_methods(["GET", "POST"])
def project_new(request: HttpRequest) -> HttpResponse:
    """A new project, led by whoever makes it."""
    return _edited(request, ProjectForm(request.POST or None), _("The project is made. The steps below lead to a trained model."))


@role_required(Role.LEAD)
@require_http_methods(["GET", "POST"])
def project_edit(request: HttpRequest, project_id: int) -> HttpResponse:
    """Every setting of a project, with its guidelines and aspects."""
    return _edited(request, ProjectForm(request.POST or None, instance=led(request, project_id)), _("Saved."))


def _edited(request: HttpRequest, form: ProjectForm, done: str) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        project = form.save_for(caller(request))
        messages.success(request, done)
        return redirect("project", project.pk)
    return _page(request, form, status=422 if request.method == "POST" else 200)


@role_required(Role.LEAD)
@require_POST
def project_new_preview(request: HttpRequest) -> HttpResponse:
    """The desk of a project that is being made; nothing is stored."""
    return _page(request, ProjectForm(request.POST))


@role_required(Role.LEAD)
@require_POST
def project_preview(request: HttpRequest, project_id: int) -> HttpResponse:
    """The desk with the settings being edited; nothing is stored."""
    return _page(request, ProjectForm(request.POST, instance=led(request, project_id)))


def _page(request: HttpRequest, form: ProjectForm, status: int = 200) -> HttpResponse:
    """The form with its preview; to htmx only the preview, or the rows of the aspects where a button asked for them."""
    saved = Project.objects.get(pk=form.instance.pk) if form.instance.pk else None
    url = reverse("project_preview", args=[saved.pk]) if saved else reverse("project_new_preview")
    context = {"form": form, "project": saved, "preview_url": url, "most_aspects": MOST_ASPECTS, **_preview(request, form)}
    part_wanted = {"preview": "#preview", "aspects": "#aspects"}.get(request.headers.get("HX-Target", ""), "")
    return render(request, f"annotation/project_edit.html{part_wanted}", context, status=status)


def _preview(request: HttpRequest, form: ProjectForm) -> dict[str, Any]:
    kind = request.POST.get("preview_kind", "")
    kind = kind if kind in names("KINDS") else next(iter(names("KINDS")))
    project = form.drafted() if form.is_bound else form.instance
    ask = examples.asked(project, kind)
    return {
        "preview_kind": kind,
        "kinds": titles(names("KINDS")),
        "question": part("KINDS", kind),
        "prompt": ask.task.prompt,
        "shown_guidelines": form["guidelines"].value() or "",
        **asking.context(ask, {}),
    }


@role_required(Role.LEAD)
@require_POST
def project_state(request: HttpRequest, project_id: int) -> HttpResponse:
    """Opens, pauses or closes a project."""
    project, state = led(request, project_id), request.POST.get("state", "")
    if state not in Project.State.values:
        messages.error(request, _("There is no such state."))
        return redirect("project", project.pk)
    Project.objects.filter(pk=project.pk).update(state=state)
    words = {
        Project.State.OPEN: _("The project is open: raters get seats."),
        Project.State.PAUSED: _("The project is paused: nobody gets a new seat; what is in hand can still be sent."),
        Project.State.CLOSED: _("The project is closed: nobody gets a new seat; what is in hand can still be sent."),
    }
    messages.success(request, words[Project.State(state)])
    return redirect("project", project.pk)


@role_required(Role.LEAD)
@require_safe
def project(request: HttpRequest, project_id: int) -> HttpResponse:
    """How far the project is, and what to do next."""
    project = led(request, project_id)
    kinds, prompts, snapshots = progress.kinds(project), project.prompts.count(), project.snapshots.count()
    wanted, given = progress.totals(project)
    steps = progress.steps(project, prompts=prompts, kinds=kinds, snapshots=snapshots)
    speed = pace.pace(project, wanted - given)
    context = {
        "project": project,
        "kinds": kinds,
        "prompts": prompts,
        "snapshots": snapshots,
        "raters": pace.raters(project, RATERS_SHOWN),
        "steps": steps,
        "next_step": next((step for step in steps if not step.done), None),
        "given": given,
        "wanted": wanted,
        "policy": part("POLICIES", project.policy).TITLE,
        "pace": speed,
        "by_day": bars(speed.days, "j M", title=_("Judgements a day")),
        "by_hour": bars(speed.hours, "H:i", title=_("Judgements an hour")),
        "latest": pace.LATEST,
        "seats_counted": progress.LATEST,
        "pace_days": pace.PACE_DAYS,
    }
    return render(request, "annotation/project.html", context)
