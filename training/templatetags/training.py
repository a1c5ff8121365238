"""Template words of the leads' pages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext

from annotation.parts import part
from training import cleaned, lineage, watch
from training.models import Run

register = template.Library()
register.filter("runs_from", lineage.used_by)
register.filter("time_left", watch.time_left)


@register.filter
def ago(when: datetime) -> str:
    """`just now`, `3 minutes ago`, `2 days ago`."""
    if (timezone.now() - when).total_seconds() < 60:
        return gettext("just now")
    return gettext("%(age)s ago") % {"age": timesince(when, depth=1)}


@register.filter
def coded(text: str) -> SafeString:
    """A help text in which `words between backticks` are code."""
    parts = enumerate(str(text).split("`"))
    return format_html_join("", "{}", ((format_html("<code>{}</code>", word) if place % 2 else word,) for place, word in parts))


@register.filter
def state_name(state: str) -> str:
    """The word for a state; a state this version does not know stays as it is."""
    return str(dict(Run.State.choices).get(state, state))


@register.filter
def plain(value: Any) -> str:
    """A config's value as the shell and REST take it: 3e-06, true, none."""
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)


@register.filter
def figure(value: Any) -> str:
    """A figure of a card: a number as people read it, anything else as it is."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return watch.charts.tick_text(value) if number else plain(value)


@register.filter
def recipe_title(recipe: str) -> str:
    """What a recipe is called on buttons."""
    return gettext(part("RECIPES", recipe).TITLE)


@register.inclusion_tag("training/cleaned.html")
def cleaning(run: Run) -> dict[str, Any]:
    """What a cleaning run's rules found; nothing on other runs' pages."""
    return {"run": run, "report": cleaned.report(run)}
