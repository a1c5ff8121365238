"""What a project asks of an answer besides which is better: named aspects, each with a scale (`Project.aspects`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from annotation.models import Project

# The values that each scale allows.
SCALES = {"likert": range(1, 8), "thumb": range(2), "flag": range(2)}
MOST = 12
TITLE_LIMIT, HELP_LIMIT = 80, 300
RESERVED = "acceptable"  # the aspect in which `rank` and `compare` say that nobody should send an answer

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True)
class Aspect:
    """`name` is the aspect of the grades; `scale`: likert (1 to 7), thumb (1 up, 0 down) or flag (1 raised, 0 not).

    The aspect `overall` orders the answers, as a ranking would.
    """

    name: str
    title: str
    scale: str
    help: str = ""


def aspects_of(project: Project) -> list[Aspect]:
    """The project's aspects, in the order in which raters meet them."""
    return [Aspect(**row) for row in project.aspects]


def checked(value: Any) -> list[Aspect]:
    """What may be kept in `Project.aspects`; ValidationError names the row, from 1, and the field that is wrong."""
    if not isinstance(value, list):
        raise ValidationError(_("Aspects must be a list of objects with name, title, scale and help."))
    if len(value) > MOST:
        raise ValidationError(_("At most %(most)d aspects; there are %(count)d.") % {"most": MOST, "count": len(value)})
    aspects = [_aspect(row, number) for number, row in enumerate(value, 1)]
    for number, aspect in enumerate(aspects, 1):
        if aspect.name in (earlier.name for earlier in aspects[: number - 1]):
            raise _wrong(number, "name", _("“%(name)s” is there already.") % {"name": aspect.name})
    return aspects


def _aspect(row: Any, number: int) -> Aspect:
    if not isinstance(row, dict):
        raise _wrong(number, "row", _("Must be an object with name, title, scale and help."))
    if unknown := sorted(str(field) for field in set(row) - {"name", "title", "scale", "help"}):
        raise _wrong(number, unknown[0], _("No such field; there are name, title, scale and help."))
    name = _text(row, number, "name", 40)
    if not _NAME.fullmatch(name):
        raise _wrong(number, "name", _("Small letters, digits and _, a letter first, at most 40."))
    if name == RESERVED:
        raise _wrong(number, "name", _("“acceptable” is taken: rankings and comparisons say it."))
    title = _text(row, number, "title", TITLE_LIMIT)
    if not title:
        raise _wrong(number, "title", _("Raters read this: write a word or two."))
    if (scale := _text(row, number, "scale", 10)) not in SCALES:
        raise _wrong(number, "scale", _("One of %(scales)s.") % {"scales": ", ".join(SCALES)})
    return Aspect(name, title, scale, _text(row, number, "help", HELP_LIMIT))


def _text(row: dict[str, Any], number: int, field: str, limit: int) -> str:
    value = row.get(field, "")
    if not isinstance(value, str) or "\0" in value:
        raise _wrong(number, field, _("Must be text."))
    if len(value) > limit:
        raise _wrong(number, field, _("At most %(limit)d characters; there are %(count)d.") % {"limit": limit, "count": len(value)})
    return value.strip()


def _wrong(number: int, field: str, words: str) -> ValidationError:
    return ValidationError(_("Aspect %(number)d, %(field)s: %(words)s") % {"number": number, "field": field, "words": words})
