"""The pages of checkpoints and corpora."""

from __future__ import annotations

import os
from pathlib import Path

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from annotation.access import role_required
from annotation.models import Role
from training import lineage, reward_page, sources
from training.forms import CONFIG, CorpusForm, RunForm, led_by
from training.models import Checkpoint, Corpus
from training.views_new import asked_project

# What a checkpoint is good for, by its role: the recipes whose form its page offers.
USES = {
    Checkpoint.Role.CAUSAL_LM: ["sample", "sft", "dpo", "ppo", "reward", "evaluate"],
    Checkpoint.Role.REWARD: ["ppo", "evaluate"],
    Checkpoint.Role.TOKENIZER: ["pretrain"],
}
MOST_FILES = 200


@role_required(Role.LEAD)
@require_GET
def checkpoints(request: HttpRequest) -> HttpResponse:
    """Every checkpoint of the lead's projects, newest first."""
    rows = Checkpoint.objects.visible_to(request.user, Role.LEAD).select_related("project", "run").order_by("-id")
    role = request.GET.get("role", "")
    if role in Checkpoint.Role.values:
        rows = rows.filter(role=role)
    page = Paginator(rows, 50).get_page(request.GET.get("page"))
    return render(request, "training/checkpoints.html", {"page": page, "roles": Checkpoint.Role, "role": role})


@role_required(Role.LEAD)
@require_GET
def checkpoint(request: HttpRequest, checkpoint_id: int) -> HttpResponse:
    """One checkpoint: what it is, whose judgement is in it, what was made of it."""
    mine = Checkpoint.objects.visible_to(request.user, Role.LEAD).select_related("project", "run")
    found = get_object_or_404(mine, pk=checkpoint_id)
    tree = lineage.ancestry(found)
    context = {
        "checkpoint": found,
        "tree": tree,
        "people": lineage.people([tree]),
        "runs": lineage.used_by(found),
        "samples": lineage.samples_of(found),
        "files": _files(Path(found.path)),
        "report": reward_page.shown(found.card),
        "uses": USES[Checkpoint.Role(found.role)],
    }
    return render(request, "training/checkpoint.html", context)


def _files(folder: Path) -> list[tuple[str, int]]:
    """Names and sizes in bytes of what lies in a checkpoint's folder."""
    found = [Path(place) / name for place, _folders, names in os.walk(folder) for name in names]
    return [(str(path.relative_to(folder)), path.stat().st_size) for path in sorted(found)[:MOST_FILES]]


@role_required(Role.LEAD)
@require_http_methods(["GET", "POST"])
def checkpoint_import(request: HttpRequest) -> HttpResponse:
    """Brings a model from a folder or from the hub: a run of `fetch`, since copying and checking take their time."""
    project = asked_project(request)
    form = RunForm("fetch", project, request.POST or None, initial={CONFIG + "source": request.GET.get("source", "")})
    if request.method == "POST" and (run := form.queue(request.user)):  # type: ignore[arg-type]
        return redirect("run", run.pk)
    context = {
        "form": form,
        "project": project,
        "projects": led_by(request.user),
        "roots": sources.roots(),
        "folders": sources.folders(),
    }  # type: ignore[arg-type]
    return render(request, "training/checkpoint_import.html", context, status=422 if form.is_bound else 200)


@role_required(Role.LEAD)
@require_http_methods(["GET", "POST"])
def corpora(request: HttpRequest) -> HttpResponse:
    """The texts of the lead's projects, and a form to add one."""
    form = CorpusForm(request.user, request.POST or None, request.FILES or None)  # type: ignore[arg-type]
    if request.method == "POST" and (kept := form.save(request.user)):  # type: ignore[arg-type]
        messages.success(request, _("“%(name)s” is kept.") % {"name": kept.name})
        return redirect("corpora")
    rows = Corpus.objects.visible_to(request.user, Role.LEAD).select_related("project", "run").order_by("-id")
    context = {"corpora": rows, "form": form}
    return render(request, "training/corpora.html", context, status=422 if form.is_bound else 200)
