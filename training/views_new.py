"""Where a lead starts a run: pick a recipe, fill its form."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from annotation.access import role_required
from annotation.models import Project, Role
from annotation.parts import names, part
from training.forms import CONFIG, INPUT, RunForm, candidates, led_by, sentence_of
from training.launch import MODELS
from training.models import Run


@role_required(Role.LEAD)
@require_GET
def recipes(request: HttpRequest) -> HttpResponse:
    """The recipes, each with its sentence; what the query names is carried on into the form."""
    rows = [(name, _(part("RECIPES", name).TITLE), _(sentence_of(part("RECIPES", name)))) for name in names("RECIPES")]
    return render(request, "training/recipes.html", {"recipes": rows})


@role_required(Role.LEAD)
@require_http_methods(["GET", "POST"])
def run_new(request: HttpRequest, recipe: str) -> HttpResponse:
    """The recipe's form, prefilled by `?project=&snapshot=&checkpoint=&corpus=`, or by `?like=` an earlier run and `&config-…=`."""
    if recipe not in names("RECIPES"):
        raise Http404
    like = _asked(request, "like", Run)
    project = like.project if like else asked_project(request)
    form = RunForm(recipe, project, request.POST or None, initial=_initial(request, recipe, project, like))
    if request.method == "POST" and (run := form.queue(request.user, preflight="preflight" in request.POST)):  # type: ignore[arg-type]
        return redirect("run", run.pk)
    title, about = _(form.part.TITLE), _(sentence_of(form.part))
    context = {"recipe": recipe, "title": title, "about": about, "form": form, "project": project, "projects": led_by(request.user)}
    return render(request, "training/run_new.html", context, status=422 if form.is_bound else 200)


def _asked(request: HttpRequest, name: str, model: Any) -> Any:
    """The row that a query parameter names, if it names one; 404 when it is not the caller's."""
    pk = request.GET.get(name, "")
    if not pk:
        return None
    if not pk.isdigit():
        raise Http404
    return get_object_or_404(model.objects.visible_to(request.user, Role.LEAD), pk=pk)


def asked_project(request: HttpRequest) -> Project:
    """The project that the query names, or that holds what it names, or else that of the newest run, or else the first."""
    if project := _asked(request, "project", Project):
        return project
    thing = next((found for kind, model in MODELS.items() if (found := _asked(request, kind, model))), None)
    if thing:
        return thing.project
    last = Run.objects.visible_to(request.user, Role.LEAD).order_by("-id").select_related("project").first()
    project = last.project if last else led_by(request.user).first()
    if project is None:
        raise Http404
    return project


def _initial(request: HttpRequest, recipe: str, project: Project, like: Run | None) -> dict[str, Any]:
    """An input is filled with what the query names, or with the only thing there is to choose."""
    initial: dict[str, Any] = {}
    if like:
        initial = {CONFIG + name: value for name, value in like.config.items()} | {"seed": like.seed, "name": like.name}
        initial |= {INPUT + row.name: row.thing.pk for row in like.inputs.select_related(*MODELS)}
        initial["processes"] = like.resources.get("processes", 1)
        return initial | {name: value for name, value in request.GET.items() if name.startswith(CONFIG)}
    given = {kind: request.GET.get(kind, "") for kind in MODELS}
    for wanted in part("RECIPES", recipe).INPUTS:
        there = list(candidates(project, wanted).values_list("pk", flat=True))
        if given[wanted.kind].isdigit() and int(given[wanted.kind]) in there:
            initial[INPUT + wanted.name] = int(given.pop(wanted.kind))
            given[wanted.kind] = ""
        elif wanted.required and len(there) == 1:
            initial[INPUT + wanted.name] = there[0]
    return initial
