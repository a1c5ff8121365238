"""Text that people and programs send, checked in one place before it is stored."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

TEXT_LIMIT = 100_000


def checked_text(value: object, field: str, *, limit: int = TEXT_LIMIT) -> str:
    """`value` with line ends as `\\n`; ValidationError names `field` where it is no text, too long or cannot be stored."""
    if not isinstance(value, str):
        raise ValidationError({field: _("Must be text.")})
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    if len(text) > limit:
        raise ValidationError(
            {field: _("At most %(limit)d characters; there are %(count)d.") % {"limit": limit, "count": len(text)}}
        )
    if "\0" in text or not _encodes(text):
        raise ValidationError({field: _("Holds a character that cannot be stored (a NUL or half of a surrogate pair).")})
    return text


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
