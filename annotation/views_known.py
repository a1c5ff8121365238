"""Known answers: the tasks that check raters, how often each was judged right, and making or ending one."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotation import known
from annotation.access import role_required
from annotation.models import Judgement, Role, Task
from annotation.views_project import led


@role_required(Role.LEAD)
@require_safe
def known_answers(request: HttpRequest, project_id: int) -> HttpResponse:
    """The tasks of the project that check raters, doubtful ones first."""
    project = led(request, project_id)
    context = {"project": project, "rows": known.known(project), "latest": known.LATEST, "enough": known.ENOUGH}
    return render(request, "annotation/known.html", context)


@role_required(Role.LEAD)
@require_POST
def known_make(request: HttpRequest, project_id: int, judgement_id: int) -> HttpResponse:
    """Makes a judgement the known answer of its task."""
    project = led(request, project_id)
    judgement = get_object_or_404(Judgement.objects.filter(seat__project=project), pk=judgement_id)
    try:
        known.make_known(judgement, request.POST.get("purpose", ""))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("The task checks raters from now on; snapshots leave it out."))
    return redirect("known_answers", project.pk)


@role_required(Role.LEAD)
@require_POST
def known_unmake(request: HttpRequest, project_id: int, task_id: int) -> HttpResponse:
    """Makes a task that checked raters one to train on again."""
    project = led(request, project_id)
    known.unmake(get_object_or_404(Task.objects.filter(prompt__project=project), pk=task_id))
    messages.success(request, _("The task is one to train on again, with the judgements that it has."))
    return redirect("known_answers", project.pk)
