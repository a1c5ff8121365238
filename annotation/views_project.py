"""A lead's rooms in a project: making it, changing it, how far it is, what it asks."""

from __future__ import annotations

import json

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from annotation import progress
from annotation.access import role_required
from annotation.forms import ProjectForm
from annotation.models import Project, Prompt, Role

PER_PAGE = 50
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
    """Name, guidelines, overlap, hold and state of a project."""
    return _edited(request, ProjectForm(request.POST or None, instance=led(request, project_id)), _("Saved."))


def _edited(request: HttpRequest, form: ProjectForm, done: str) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        project = form.save_for(request.user)  # type: ignore[arg-type]
        messages.success(request, done)
        return redirect("project", project.pk)
    status = 422 if request.method == "POST" else 200
    return render(request, "annotation/project_edit.html", {"form": form, "project": form.instance}, status=status)


@role_required(Role.LEAD)
@require_safe
def project(request: HttpRequest, project_id: int) -> HttpResponse:
    """How far the project is, and what to do next."""
    project = led(request, project_id)
    kinds, prompts, snapshots = progress.kinds(project), project.prompts.count(), project.snapshots.count()
    steps = progress.steps(project, prompts=prompts, kinds=kinds, snapshots=snapshots)
    context = {
        "project": project,
        "kinds": kinds,
        "prompts": prompts,
        "snapshots": snapshots,
        "models": list(progress.models(project)),
        "raters": list(progress.judgements_by_rater(project)[:RATERS_SHOWN]),
        "steps": steps,
        "next_step": next((step for step in steps if not step.done), None),
        "given": sum(kind["given"] for kind in kinds),
        "wanted": sum(kind["wanted"] for kind in kinds),
    }
    return render(request, "annotation/project.html", context)


@role_required(Role.LEAD)
@require_safe
def prompts(request: HttpRequest, project_id: int) -> HttpResponse:
    """What the project asks, newest first, searched by words."""
    project, words = led(request, project_id), request.GET.get("q", "").strip().replace("\0", "")
    page = Paginator(_found(project, words), PER_PAGE).get_page(request.GET.get("page"))
    numbers = {
        pk: {"samples": samples, "tasks": tasks}
        for pk, samples, tasks in Prompt.objects.filter(pk__in=[prompt.pk for prompt in page])
        .annotate(n_samples=Count("samples", distinct=True), n_tasks=Count("tasks", distinct=True))
        .values_list("pk", "n_samples", "n_tasks")
    }
    rows = [{"prompt": prompt, **numbers[prompt.pk]} for prompt in page]
    return render(request, "annotation/prompts.html", {"project": project, "page": page, "rows": rows, "q": words})


def _found(project: Project, words: str) -> QuerySet[Prompt]:
    """Prompts that hold every word, in what is asked or in their source; a language is found by its code."""
    found = project.prompts.annotate(text=Cast("messages", TextField())).order_by("-pk")
    for word in words.split()[:10]:
        # SQLite keeps JSON as it was written, with what is not ASCII as escapes; PostgreSQL keeps the letters.
        escaped = json.dumps(word)[1:-1]
        found = found.filter(Q(text__icontains=word) | Q(text__icontains=escaped) | Q(source__icontains=word) | Q(language=word))
    return found
