"""Evaluations in the admin: found, read, and their reports opened; they are begun on the leads' pages."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext

from evals.models import Evaluation


@admin.register(Evaluation)
class EvaluationAdmin(admin.ModelAdmin):
    """Read only but for the name: what was measured stays as it was."""

    list_display = ("name", "project", "created", "created_by", "report")
    list_filter = ("project",)
    search_fields = ("name", "checkpoints__name")
    list_select_related = ("project", "created_by")
    fields = ("name", "project", "checkpoints", "runs", "created", "created_by", "report")
    readonly_fields = ("project", "checkpoints", "runs", "created", "created_by", "report")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.display(description=_("report"))
    def report(self, evaluation: Evaluation) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse("evaluation", args=[evaluation.pk]), pgettext("verb", "Open"))
