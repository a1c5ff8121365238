"""The pages of runs: the list, one run live, stop, resume, and its samples sent to raters."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotation.access import caller, role_required
from annotation.models import Role
from annotation.tasks import answer_tasks
from training import lineage, moves, preflight_page, ranking, watch
from training.forms import RatersForm, led_by
from training.launch import again
from training.models import Event, Run
from training.schema import ConfigError


def _run(request: HttpRequest, run_id: int) -> Run:
    mine = Run.objects.visible_to(request.user, Role.LEAD).select_related("project", "created_by")
    return get_object_or_404(mine, pk=run_id)


@role_required(Role.LEAD)
@require_GET
def runs(request: HttpRequest) -> HttpResponse:
    """Every run of the lead's projects, newest first; the list asks again while one of them is live."""
    projects = led_by(request.user)
    newest = Event.objects.filter(run=OuterRef("pk"), attempt=OuterRef("attempt"), kind="progress").order_by("-id")
    rows = Run.objects.visible_to(request.user, Role.LEAD).annotate(latest=Subquery(newest.values("data")[:1]))
    project = projects.filter(pk=request.GET["project"]).first() if request.GET.get("project", "").isdigit() else None
    if project:
        rows = rows.filter(project=project)
    page = Paginator(rows.select_related("project").order_by("-id"), 50).get_page(request.GET.get("page"))
    context = {"page": page, "projects": projects, "project": project, "live": any(not run.ended for run in page)}
    return render(request, "training/runs.html#list" if request.htmx else "training/runs.html", context)  # type: ignore[attr-defined]


@role_required(Role.LEAD)
@require_GET
def run(request: HttpRequest, run_id: int) -> HttpResponse:
    """One run: live, with what it was told, where it comes from and what came of it."""
    found = _run(request, run_id)
    return render(request, "training/run.html", _live(found) | {"ancestry": lineage.ancestry_of_run(found)})


@role_required(Role.LEAD)
@require_GET
def run_live(request: HttpRequest, run_id: int) -> HttpResponse:
    """The part of a run's page that changes while it runs."""
    return render(request, "training/run.html#live", _live(_run(request, run_id)))


def _live(run: Run) -> dict[str, Any]:
    return {
        "run": run,
        "progress": watch.progress(run),
        "curves": watch.curves(run),
        "messages_of_run": watch.messages(run),
        "samples": watch.samples(run),
        "log": watch.log_tail(run),
        "why": watch.why(run),
        "preflight": preflight_page.page(run),
        "ahead": watch.ahead(run),
        "history": run.events.filter(kind="state").order_by("id"),
        "made": run.checkpoints.all(),
        "corpora": run.corpora.all(),
        "evaluations": run.evaluations.all(),
        "answers": ranking.counts(run) if ranking.can_rank(run) else None,
    }


@role_required(Role.LEAD)
@require_POST
def run_stop(request: HttpRequest, run_id: int) -> HttpResponse:
    """Asks the run to save and end."""
    found = _run(request, run_id)
    if not moves.request_stop(found):
        messages.warning(request, _("This run had already ended."))
    return redirect("run", run_id)


@role_required(Role.LEAD)
@require_POST
def run_resume(request: HttpRequest, run_id: int) -> HttpResponse:
    """Queues another attempt, from the last whole checkpoint."""
    found = _run(request, run_id)
    if not moves.resume(found):
        messages.warning(request, _("Only a run that was stopped or has failed can be resumed."))
    return redirect("run", run_id)


@role_required(Role.LEAD)
@require_POST
def run_start(request: HttpRequest, run_id: int) -> HttpResponse:
    """Queues the run that a preflight has looked at. What wants consent must have been ticked; what would fail is not started."""
    found = _run(request, run_id)
    seen = preflight_page.page(found)
    if seen is None or seen.stops:
        messages.warning(
            request, _("Only what a preflight has found fit can be started from it. Change the settings and check again.")
        )
        return redirect("run", run_id)
    if seen.consents and "consent" not in request.POST:
        messages.warning(request, _("Please say that you want it so, or change the settings."))
        return redirect("run", run_id)
    try:
        started = again(found, user=caller(request), preflight=False)
    except ConfigError as error:
        messages.warning(request, str(error))
        return redirect("run", run_id)
    return redirect("run", started.pk)


@role_required(Role.LEAD)
@require_http_methods(["GET", "POST"])
def run_raters(request: HttpRequest, run_id: int) -> HttpResponse:
    """Makes ranking tasks of a run's samples."""
    found = _run(request, run_id)
    if not ranking.can_rank(found):
        messages.warning(request, _("This run has left no answers that people could rank."))
        return redirect("run", run_id)
    form = RatersForm(ranking.other_models(found), request.POST or None, initial={"overlap": found.project.overlap})
    if request.method == "POST" and form.is_valid():
        made = answer_tasks(ranking.groups(found, form.cleaned_data["models"]), kind="rank", overlap=form.cleaned_data["overlap"])
        messages.success(
            request,
            ngettext("%(count)d ranking task was made.", "%(count)d ranking tasks were made.", len(made)) % {"count": len(made)},
        )
        return redirect("run", run_id)
    status = 422 if form.is_bound else 200
    return render(request, "training/run_raters.html", {"run": found, "form": form, "counts": ranking.counts(found)}, status=status)
