"""Template words of the leads' pages."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.translation import gettext

from annotation.parts import part
from training import lineage, watch
from training.models import Run

register = template.Library()
register.filter("runs_from", lineage.used_by)
register.filter("shown_samples", watch.shown_samples)
register.filter("time_left", watch.time_left)


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
