"""Snapshots: those of a project, a new one, and one with what it holds and what can be made of it."""

from __future__ import annotations

from itertools import islice
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from annotation import frozen
from annotation.access import role_required
from annotation.forms import SnapshotForm
from annotation.models import Role, Snapshot
from annotation.parts import names, part
from annotation.views_project import led

ROWS_SHOWN = 5
# The recipes that begin with judgements or prompts, in the order in which people need them, and what each would do here.
STARTS = {
    "sft": _("Fine-tune on demonstrations"),
    "reward": _("Train a reward model"),
    "ppo": _("Optimise by reward (PPO)"),
    "best_of_n": _("Learn its best answers (best of n)"),
    "dpo": _("Optimise by preferences (DPO)"),
    "awr": _("Learn from graded answers (AWR)"),
    "sample": _("Have a model answer its prompts"),
}


@role_required(Role.LEAD)
@require_safe
def snapshots(request: HttpRequest, project_id: int) -> HttpResponse:
    """The snapshots of a project, newest first."""
    project = led(request, project_id)
    rows = project.snapshots.select_related("created_by").order_by("-pk")
    return render(request, "annotation/snapshots.html", {"project": project, "rows": rows})


@role_required(Role.LEAD)
@require_http_methods(["GET", "POST"])
def snapshot_new(request: HttpRequest, project_id: int) -> HttpResponse:
    """A snapshot is asked for; the supervisor freezes it."""
    project = led(request, project_id)
    blank = Snapshot(project=project, name=f"v{project.snapshots.count() + 1}")
    form = SnapshotForm(request.POST or None, instance=blank)
    if request.method == "POST" and form.is_valid():
        return redirect("snapshot", form.save_for(request.user).pk)  # type: ignore[arg-type]
    return render(request, "annotation/snapshot_new.html", {"project": project, "form": form}, status=422 if form.is_bound else 200)


@role_required(Role.LEAD)
@never_cache
@require_safe
def snapshot(request: HttpRequest, snapshot_id: int) -> HttpResponse:
    """What a snapshot holds; while it waits the page asks again, and is drawn anew once it is frozen."""
    found = get_object_or_404(_mine(request).select_related("project", "created_by"), pk=snapshot_id)
    waiting = not found.frozen and not found.error
    if request.headers.get("HX-Request"):
        return render(request, "annotation/snapshot.html#state", {"snapshot": found}) if waiting else HttpResponseClientRefresh()
    context: dict[str, Any] = {"snapshot": found, "project": found.project, "waiting": waiting}
    return render(request, "annotation/snapshot.html", context | (_contents(found) if found.frozen else {}))


@role_required(Role.LEAD)
@require_POST
def snapshot_retry(request: HttpRequest, snapshot_id: int) -> HttpResponse:
    """A snapshot that could not be frozen waits again."""
    found = get_object_or_404(_mine(request), pk=snapshot_id)
    Snapshot.objects.filter(pk=found.pk, manifest__isnull=True).update(error="")
    return redirect("snapshot", found.pk)


def _mine(request: HttpRequest) -> QuerySet[Snapshot]:
    return Snapshot.objects.visible_to(request.user, Role.LEAD)


def _contents(found: Snapshot) -> dict[str, Any]:
    manifest = found.manifest or {}
    counts = manifest["counts"]
    splits = [
        {"name": split, "prompts": counts["prompts_by_split"][split], "rows": counts["by_split"][split]} for split in frozen.SPLITS
    ]
    return {
        "manifest": manifest,
        "splits": splits,
        "kinds": [(part("KINDS", kind).TITLE, count) for kind, count in counts["by_kind"].items()],
        "languages": counts["by_language"].items(),
        "rows": _first_rows(found),
        "formats": [(name, part("FORMATS", name).TITLE) for name in names("FORMATS")],
        "recipes": [(name, title) for name, title in STARTS.items() if name in settings.RECIPES],
    }


def _first_rows(found: Snapshot) -> list[frozen.Row] | None:
    """The first judgements, best answer first; None when the files are not on this machine."""
    try:
        rows = list(islice(frozen.read_rows(found.folder), ROWS_SHOWN))
    except FileNotFoundError:
        return None
    for row in rows:
        row["answers"].sort(key=lambda answer: -answer["grades"].get("overall", 0))
    return rows
