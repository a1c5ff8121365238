"""The admin's view of people's work. What is append only can be looked at, searched and filtered, never changed or deleted."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from annotation.models import (
    ApiToken,
    Grade,
    Guidelines,
    Invitation,
    Judgement,
    Member,
    Project,
    Prompt,
    Sample,
    Seat,
    Skip,
    Snapshot,
    Task,
)  # fmt: skip


class ReadOnly(admin.ModelAdmin):
    """Rows that only the desk, an import or a freeze may write."""

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest, *_args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Kept(admin.ModelAdmin):
    """Rows that may be corrected. Deleting would take judgements along, so nobody may."""

    list_per_page = 50
    show_full_result_count = False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Project)
class ProjectAdmin(Kept):
    list_display = ["name", "state", "overlap", "hold_minutes", "created"]
    list_filter = ["state"]
    search_fields = ["name", "description"]


@admin.register(Guidelines)
class GuidelinesAdmin(ReadOnly):
    list_display = ["project", "version", "created"]
    list_filter = ["project"]
    list_select_related = ["project"]
    search_fields = ["text"]


@admin.register(Member)
class MemberAdmin(admin.ModelAdmin):
    list_display = ["user", "project", "role", "created"]
    list_filter = ["role", "project"]
    list_select_related = ["user", "project"]
    search_fields = ["user__username"]
    raw_id_fields = ["user", "invitation"]


@admin.register(Invitation)
class InvitationAdmin(ReadOnly):
    list_display = ["project", "role", "places", "expires", "revoked", "created_by"]
    list_filter = ["role", "project"]
    list_select_related = ["project", "created_by"]
    exclude = ["digest"]


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnly):
    """A leaked token can be deleted here; it then opens nothing."""

    list_display = ["name", "prefix", "user", "scopes", "created", "expires", "revoked"]
    list_select_related = ["user"]
    search_fields = ["name", "prefix", "user__username"]
    exclude = ["digest"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_delete_permission(self, request, obj)


@admin.register(Prompt)
class PromptAdmin(Kept):
    """What is asked cannot change under the judgements that answer it; what is said about it can."""

    list_display = ["__str__", "project", "language", "source", "licence", "created"]
    list_filter = ["project", "language", "licence"]
    list_select_related = ["project"]
    search_fields = ["messages", "source", "digest"]
    readonly_fields = ["project", "messages", "tools", "digest", "created"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(Sample)
class SampleAdmin(ReadOnly):
    list_display = ["__str__", "prompt", "model", "author", "created"]
    list_filter = ["prompt__project"]
    list_select_related = ["prompt", "author"]
    search_fields = ["messages", "model"]


@admin.register(Task)
class TaskAdmin(ReadOnly):
    list_display = ["id", "kind", "prompt", "purpose", "created"]
    list_filter = ["kind", "purpose", "prompt__project"]
    list_select_related = ["prompt"]
    search_fields = ["prompt__messages"]


@admin.register(Seat)
class SeatAdmin(ReadOnly):
    list_display = ["id", "task", "rater", "held_until", "filled"]
    list_filter = ["project", ("filled", admin.EmptyFieldListFilter), ("rater", admin.EmptyFieldListFilter)]
    list_select_related = ["task__prompt", "rater"]
    search_fields = ["rater__username"]


@admin.register(Skip)
class SkipAdmin(ReadOnly):
    list_display = ["task", "rater", "reason", "created"]
    list_filter = ["task__prompt__project"]
    list_select_related = ["task__prompt", "rater"]
    search_fields = ["reason", "rater__username"]


class GradeInline(admin.TabularInline):
    model = Grade
    fields = readonly_fields = ("sample", "aspect", "step", "value")
    can_delete = False
    max_num = extra = 0


@admin.register(Judgement)
class JudgementAdmin(ReadOnly):
    list_display = ["id", "task", "rater", "seconds", "supersedes_id", "created"]
    list_filter = ["task__kind", "task__purpose", "task__prompt__project", "created"]
    list_select_related = ["task__prompt", "rater"]
    search_fields = ["rater__username", "comment", "key"]
    inlines = [GradeInline]


@admin.register(Snapshot)
class SnapshotAdmin(ReadOnly):
    list_display = ["name", "project", "frozen", "created", "created_by"]
    list_filter = ["project"]
    list_select_related = ["project", "created_by"]
    search_fields = ["name", "project__name"]
    readonly_fields = ["manifest", "error"]

    @admin.display(boolean=True)
    def frozen(self, snapshot: Snapshot) -> bool:
        return snapshot.frozen
