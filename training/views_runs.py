"""The pages of runs: the list, one run live, stop, resume, and its samples sent to raters."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_POST, require_http_methods

from annotation.access import role_required
from annotation.models import Role
from training.models import Run


def _run(request: HttpRequest, run_id: int) -> Run:
    return get_object_or_404(Run.objects.visible_to(request.user, Role.LEAD).select_related("project"), pk=run_id)


@require_GET
@role_required(Role.LEAD)
def runs(request: HttpRequest) -> HttpResponse:
    """Every run of the lead's projects, newest first."""
    rows = Run.objects.visible_to(request.user, Role.LEAD).select_related("project").order_by("-id")
    return render(request, "training/runs.html", {"runs": rows[:100]})


@require_GET
@role_required(Role.LEAD)
def run(request: HttpRequest, run_id: int) -> HttpResponse:
    """One run."""
    return render(request, "training/run.html", {"run": _run(request, run_id)})


@require_GET
@role_required(Role.LEAD)
def run_live(request: HttpRequest, run_id: int) -> HttpResponse:
    """The part of a run's page that changes while it runs."""
    return render(request, "training/run.html#live", {"run": _run(request, run_id)})


@require_POST
@role_required(Role.LEAD)
def run_stop(request: HttpRequest, run_id: int) -> HttpResponse:
    """Asks the run to save and end."""
    return render(request, "training/run.html", {"run": _run(request, run_id)})


@require_POST
@role_required(Role.LEAD)
def run_resume(request: HttpRequest, run_id: int) -> HttpResponse:
    """Queues another attempt, from the last whole checkpoint."""
    return render(request, "training/run.html", {"run": _run(request, run_id)})


@require_http_methods(["GET", "POST"])
@role_required(Role.LEAD)
def run_raters(request: HttpRequest, run_id: int) -> HttpResponse:
    """Makes ranking tasks of a run's samples."""
    return render(request, "training/run.html", {"run": _run(request, run_id)})
