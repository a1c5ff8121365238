"""The pages of evaluations. Reports are for reviewers and leads: whoever rates blind must not read which model is which."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_http_methods

from annotation import rendering
from annotation.access import role_required
from annotation.models import Role
from evals import claims, report
from evals.forms import EvaluationForm
from evals.models import Evaluation
from training import watch
from training.forms import led_by
from training.models import Run
from training.views_new import asked_project

STYLES = ("crisol.css", "run.css", "evals.css")


def _evaluation(request: HttpRequest, evaluation_id: int) -> Evaluation:
    mine = Evaluation.objects.visible_to(request.user, Role.REVIEWER).select_related("project", "created_by")
    return get_object_or_404(mine, pk=evaluation_id)


@require_GET
@role_required(Role.REVIEWER)
def evaluations(request: HttpRequest) -> HttpResponse:
    """Every evaluation of the caller's projects, newest first, with what is still on its way."""
    rows = (
        Evaluation.objects.visible_to(request.user, Role.REVIEWER)
        .select_related("project")
        .annotate(
            live=Count("runs", filter=~Q(runs__state__in=Run.ENDED), distinct=True),
            models=Count("checkpoints", distinct=True),
            asked=Count("tasks", distinct=True),
        )
    )
    page = Paginator(rows.order_by("-id"), 50).get_page(request.GET.get("page"))
    return render(request, "evals/evaluations.html", {"page": page})


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.LEAD)
def evaluation_new(request: HttpRequest) -> HttpResponse:
    """Choose checkpoints to measure and two for people to compare; begins on POST. Prefilled by `?project=&checkpoint=`."""
    project = asked_project(request)
    ticked = [pk for pk in request.GET.getlist("checkpoint") if pk.isdigit()]
    form = EvaluationForm(project, request.POST or None, initial={"checkpoints": ticked})
    if request.method == "POST" and (made := form.begin(request.user)):  # type: ignore[arg-type]
        return redirect("evaluation", made.pk)
    context = {"form": form, "project": project, "projects": led_by(request.user)}  # type: ignore[arg-type]
    return render(request, "evals/evaluation_new.html", context, status=422 if form.is_bound else 200)


@require_GET
@role_required(Role.REVIEWER)
def evaluation(request: HttpRequest, evaluation_id: int) -> HttpResponse:
    """The report; asks again for itself while a run of it is going."""
    row = _evaluation(request, evaluation_id)
    context = _drawn(row) | {"evaluation": row, "links": row.project.role_of(request.user) == Role.LEAD}
    context["live"] = [(run, report.measured(run), watch.progress(run)) for run in _pending(row)]
    page = "evals/evaluation.html#report" if request.htmx else "evals/evaluation.html"  # type: ignore[attr-defined]
    return render(request, page, context)


@require_GET
@role_required(Role.REVIEWER)
def evaluation_file(request: HttpRequest, evaluation_id: int) -> HttpResponse:
    """The report as one HTML file that needs nothing else, and that can do nothing: no script, no link to this server."""
    row = _evaluation(request, evaluation_id)
    styles = "\n".join(Path(path).read_text(encoding="utf-8") for name in STYLES if (path := finders.find(name)))
    response = render(request, "evals/evaluation_file.html", _drawn(row) | {"evaluation": row, "styles": styles})
    return _attached(response, row, "html")


@require_GET
@role_required(Role.REVIEWER)
def evaluation_json(request: HttpRequest, evaluation_id: int) -> HttpResponse:
    """The report as data."""
    row = _evaluation(request, evaluation_id)
    response = HttpResponse(report.as_json(report.draw(row)), content_type="application/json")
    return _attached(response, row, "json")


def _drawn(evaluation: Evaluation) -> dict[str, Any]:
    """The report with its sentences and charts."""
    found = report.draw(evaluation)
    return {
        "report": found,
        "verdict": claims.verdict(found),
        "table": claims.table(found),
        "votes": [(vote, claims.vote_chart(vote)) for vote in found["votes"]],
        "charts": [claims.measure_chart(measure) for measure in found["measures"]],
        "answers": [_side_by_side(one) for one in found["answers"]],
        "unfinished": report.unfinished(found),
    }


def _side_by_side(shown: dict[str, Any]) -> dict[str, Any]:
    """A prompt and its answers, through the one renderer."""
    answers = [{**answer, "html": rendering.render(answer["text"])} for answer in shown["answers"]]
    asked = [(turn.label, rendering.render(turn.text)) for turn in rendering.turns(shown["prompt"])]
    return {**shown, "asked": asked, "answers": answers}


def _pending(evaluation: Evaluation) -> list[Run]:
    return list(evaluation.runs.exclude(state=Run.State.SUCCEEDED).order_by("id").prefetch_related("inputs__checkpoint"))


def _attached(response: HttpResponse, evaluation: Evaluation, kind: str) -> HttpResponse:
    response["Content-Disposition"] = f'attachment; filename="{slugify(evaluation.name) or evaluation.pk}.{kind}"'
    return response
