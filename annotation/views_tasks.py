"""Where a lead makes tasks: prompts to be answered by people, answers to be judged, more people for either, seats taken back."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from annotation import desk, grouping, progress, seating
from annotation import tasks as asked
from annotation.access import role_required
from annotation.forms_tasks import AnswersTasksForm, OverlapForm, WriteTasksForm
from annotation.models import Project, Role, Sample, Seat, Skip
from annotation.views_project import led

SKIPS_SHOWN = 20


@role_required(Role.LEAD)
@require_safe
def tasks(request: HttpRequest, project_id: int) -> HttpResponse:
    """The tasks there are, counted, and the forms that make more."""
    return _page(request, led(request, project_id))


@role_required(Role.LEAD)
@require_POST
def tasks_write(request: HttpRequest, project_id: int) -> HttpResponse:
    """Write tasks for prompts that have none."""
    project = led(request, project_id)
    form = WriteTasksForm(request.POST, auto_id="write_%s")
    if not form.is_valid():
        return _page(request, project, write=form)
    prompts = progress.without_write_task(project)[: form.cleaned_data["count"]]
    return _made(request, project, asked.write_tasks(prompts, overlap=form.cleaned_data["overlap"]))


@role_required(Role.LEAD)
@require_POST
def tasks_answers(request: HttpRequest, project_id: int) -> HttpResponse:
    """Tasks of one kind about the answers of the chosen models; groups that were asked this before are not asked again."""
    project = led(request, project_id)
    form = AnswersTasksForm(project, request.POST, auto_id="answers_%s")
    if not form.is_valid():
        return _page(request, project, answers=form)
    data = form.cleaned_data
    samples = Sample.objects.filter(prompt__project=project, model__in=data["models"])
    groups = list(grouping.groups(samples, data["kind"], data["answers"]))[: data["count"]]
    made = asked.answer_tasks(groups, kind=data["kind"], overlap=data["overlap"], follow_ups=form.follow_ups)
    return _made(request, project, len(made))


@role_required(Role.LEAD)
@require_POST
def tasks_overlap(request: HttpRequest, project_id: int) -> HttpResponse:
    """More people for the tasks of one kind."""
    project = led(request, project_id)
    form = OverlapForm(request.POST, auto_id="raised_%s")
    if not form.is_valid():
        return _page(request, project, raised=form)
    added = seating.raise_overlap(project, form.cleaned_data["kind"], form.cleaned_data["overlap"])
    messages.success(request, ngettext("%(count)d seat was added.", "%(count)d seats were added.", added) % {"count": added})
    return redirect("tasks", project.pk)


@role_required(Role.LEAD)
@require_POST
def tasks_release(request: HttpRequest, project_id: int) -> HttpResponse:
    """Takes back every seat that somebody holds; their drafts are lost."""
    project = led(request, project_id)
    freed = desk.release_all(project)
    words = ngettext("%(count)d seat is free again.", "%(count)d seats are free again.", freed) % {"count": freed}
    messages.success(request, words)
    return redirect("tasks", project.pk)


def _made(request: HttpRequest, project: Project, count: int) -> HttpResponse:
    words = ngettext("%(count)d task was made.", "%(count)d tasks were made.", count) % {"count": count}
    messages.add_message(request, messages.SUCCESS if count else messages.WARNING, words)
    return redirect("tasks", project.pk)


def held(project: Project) -> QuerySet[Seat]:
    """The seats that somebody holds and has not filled, lapsed ones included."""
    return Seat.objects.in_project(project).filter(rater__isnull=False, filled=None)


def _page(request: HttpRequest, project: Project, **bound: Form) -> HttpResponse:
    """The page, with the form that was sent and refused, if one was."""
    overlap = {"overlap": project.overlap}
    context: dict[str, Any] = {
        "project": project,
        "kinds": progress.kinds(project),
        "unasked": progress.without_write_task(project).count(),
        "held": held(project).count(),
        "drafts": held(project).exclude(draft={}).count(),
        "skips": Skip.objects.filter(task__prompt__project=project)
        .select_related("task__prompt", "rater")
        .order_by("-pk")[:SKIPS_SHOWN],
        "write": WriteTasksForm(initial=overlap, auto_id="write_%s"),
        "answers": AnswersTasksForm(project, initial=overlap, auto_id="answers_%s"),
        "raised": OverlapForm(auto_id="raised_%s"),
        **bound,
    }
    return render(request, "annotation/tasks.html", context, status=422 if bound else 200)
