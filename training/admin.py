"""The admin's shelves for corpora, runs, events and checkpoints. A run is made by a recipe's form, to which these lead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.admin import Kept, ReadOnly, SnapshotAdmin
from annotation.models import Snapshot
from annotation.parts import names, part
from training.models import Checkpoint, Corpus, Event, Run, RunInput
from training.schema import Input


class TrainFrom(admin.ModelAdmin):
    """An action for each recipe that starts from this kind of thing: it opens the recipe's form, filled with the one chosen."""

    input_kind = ""

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        for name in names("RECIPES"):
            wanted = [one for one in part("RECIPES", name).INPUTS if one.kind == self.input_kind]
            if wanted:
                title = _("Start a run from this: %(recipe)s") % {"recipe": _(part("RECIPES", name).TITLE)}
                actions[f"train_{name}"] = (_opens_form(name, wanted), f"train_{name}", title)
        return actions


def _opens_form(recipe: str, wanted: list[Input]) -> Callable[..., Any]:
    def open_form(model_admin: TrainFrom, request: HttpRequest, chosen: QuerySet) -> HttpResponse | None:
        things = list(chosen[:2])
        if len(things) != 1:
            messages.error(request, _("Choose exactly one: a run starts from one of them."))
            return None
        role = getattr(things[0], "role", "")
        if role and not any(one.role in ("", role) for one in wanted):
            messages.error(request, _("This recipe does not start from a checkpoint of this kind."))
            return None
        return redirect(f"{reverse('run_new', args=[recipe])}?{model_admin.input_kind}={things[0].pk}")

    return open_form


class RunInputInline(admin.TabularInline):
    model = RunInput


@admin.register(Run)
class RunAdmin(ReadOnly):
    list_display = ["__str__", "page", "state", "project", "name", "attempt", "engine", "created"]
    list_filter = ["state", "recipe", "project"]
    search_fields = ["name", "recipe"]
    list_select_related = ["project"]
    inlines = [RunInputInline]

    def has_add_permission(self, request: HttpRequest, *_args: Any) -> bool:
        return admin.ModelAdmin.has_add_permission(self, request)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """A run begins with its recipe's form."""
        return redirect("recipes")

    @admin.display(description=gettext_lazy("page"))
    def page(self, run: Run) -> str:
        return format_html('<a href="{}">{}</a>', reverse("run", args=[run.pk]), _("watch"))


@admin.register(Event)
class EventAdmin(ReadOnly):
    list_display = ["run", "attempt", "kind", "step", "at"]
    list_filter = ["kind"]
    list_select_related = ["run"]
    ordering = ["-id"]


@admin.register(Corpus)
class CorpusAdmin(TrainFrom, Kept):
    input_kind = "corpus"
    list_display = ["name", "project", "language", "size", "licence", "created"]
    list_filter = ["project", "language"]
    search_fields = ["name", "source"]
    readonly_fields = ["project", "digest", "size", "created", "created_by"]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """A corpus begins with its file, which the corpora page checks and keeps."""
        return redirect("corpora")


@admin.register(Checkpoint)
class CheckpointAdmin(TrainFrom, Kept):
    input_kind = "checkpoint"
    list_display = ["name", "role", "project", "run", "step", "licence", "created"]
    list_filter = ["role", "project"]
    search_fields = ["name", "source"]
    list_select_related = ["project", "run"]
    # A checkpoint's samples carry its name, and its digest vouches for its files: only the licence may be put right by hand.
    readonly_fields = ["project", "run", "name", "role", "path", "digest", "step", "source", "card", "created"]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """A checkpoint from elsewhere begins with its import."""
        return redirect("checkpoint_import")


class TrainableSnapshotAdmin(TrainFrom, SnapshotAdmin):
    """The snapshot shelf of the annotation app, with the recipes that learn from one."""

    input_kind = "snapshot"


admin.site.unregister(Snapshot)
admin.site.register(Snapshot, TrainableSnapshotAdmin)
