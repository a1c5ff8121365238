"""The pages of evaluations. Reports are for reviewers and leads: whoever rates blind must not read which model is which."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_http_methods

from annotation.access import role_required
from annotation.models import Role
from evals.models import Evaluation


@require_GET
@role_required(Role.REVIEWER)
def evaluations(request: HttpRequest) -> HttpResponse:
    """Every evaluation of the caller's projects, newest first."""
    rows = Evaluation.objects.visible_to(request.user, Role.REVIEWER).select_related("project").order_by("-id")
    return render(request, "evals/evaluations.html", {"evaluations": rows})


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.LEAD)
def evaluation_new(request: HttpRequest) -> HttpResponse:
    """Choose what to measure."""
    return render(request, "evals/evaluations.html", {})


@require_GET
@role_required(Role.REVIEWER)
def evaluation(request: HttpRequest, evaluation_id: int) -> HttpResponse:
    """The report."""
    row = get_object_or_404(Evaluation.objects.visible_to(request.user, Role.REVIEWER), pk=evaluation_id)
    return render(request, "evals/evaluations.html", {"evaluations": [row]})


@require_GET
@role_required(Role.REVIEWER)
def evaluation_file(request: HttpRequest, evaluation_id: int) -> HttpResponse:
    """The report as one file."""
    return evaluation(request, evaluation_id)


@require_GET
@role_required(Role.REVIEWER)
def evaluation_json(request: HttpRequest, evaluation_id: int) -> HttpResponse:
    """The report's figures."""
    row = get_object_or_404(Evaluation.objects.visible_to(request.user, Role.REVIEWER), pk=evaluation_id)
    return JsonResponse({"name": row.name})
