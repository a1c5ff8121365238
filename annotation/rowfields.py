"""The fields of a row that comes in: text, JSON, answers, times, durations. Every ValueError names the field and is a sentence."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from annotation import chat, rowfiles

LONGEST_NAME = 100

Values = dict[str, Any]


def json_field(values: Values, name: str, default: Any = None) -> Any:
    """A field that holds JSON; in CSV it is written as text."""
    value = values.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        return value
    try:
        found = rowfiles.from_json(value)
        rowfiles.check_storable(found)  # "\u0000" is harmless in the cell and becomes a NUL only here
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    return found


def text_field(values: Values, name: str, longest: int | None = None) -> str:
    """A field that holds text, or nothing."""
    value = values.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(_("%(name)s: must be text") % {"name": name})
    if longest and len(value) > longest:
        raise ValueError(_("%(name)s: is longer than %(longest)d characters") % {"name": name, "longest": longest})
    return value


def needed_text(values: Values, name: str, longest: int | None = None) -> str:
    """A field that must hold text."""
    text = text_field(values, name, longest)
    if not text.strip():
        raise ValueError(_("%(name)s: is missing or empty") % {"name": name})
    return text


def person(values: Values, name: str = "rater") -> str:
    """A rater's name; a number, as some exports write people, is one too. Empty: nobody was named."""
    value = values.get(name)
    named = {name: str(value)} if isinstance(value, int) and not isinstance(value, bool) else values
    return text_field(named, name, LONGEST_NAME)


def answer(values: Values, name: str) -> list[chat.Message]:
    """An answer given as text or as chat messages; a model's may be empty."""
    value = values.get(name)
    if isinstance(value, str):
        return chat.said(value)
    if isinstance(value, list):
        return chat.answer_messages(value, name)
    raise ValueError(_("%(name)s: must be text or a list of chat messages") % {"name": name})


def moment(values: Values, name: str = "created") -> datetime | None:
    """When it was judged: ISO 8601, or seconds since 1970. Without a time zone it is taken as UTC."""
    value = values.get(name)
    if value is None or value == "":
        return None
    try:
        found = _unix_time(value) or (parse_datetime(value) if isinstance(value, str) else None)
    except (ValueError, OverflowError, OSError):
        found = None
    if found is None:
        raise ValueError(_("%(name)s: must be a time like 2024-05-19T13:11:45Z") % {"name": name})
    return found if timezone.is_aware(found) else timezone.make_aware(found, UTC)


def _unix_time(value: Any) -> datetime | None:
    """The moment, if the value counts seconds; in CSV a number is written as text."""
    try:
        return None if isinstance(value, bool) else datetime.fromtimestamp(float(value), UTC)
    except (TypeError, ValueError):
        return None


def duration(values: Values, name: str = "seconds") -> float | None:
    """How long it took, in seconds."""
    value = values.get(name)
    if value is None or value == "":
        return None
    try:
        seconds = float("nan") if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        seconds = float("nan")
    if not 0 <= seconds < 1e9:
        raise ValueError(_("%(name)s: must be a number of seconds") % {"name": name})
    return seconds
