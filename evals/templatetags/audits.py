"""The human check on a run's page: training may not import what evals knows, but a page may show both."""

from __future__ import annotations

from typing import Any

from django import template

from evals import audit_page
from training.models import Run

register = template.Library()


@register.inclusion_tag("evals/audit.html")
def human_check(run: Run) -> dict[str, Any]:
    """The section; nothing where nobody was to be asked."""
    return {"page": audit_page.page(run)}
