"""Text that people and programs send, checked in one place before it is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from annotation.models import Project

TEXT_LIMIT = 100_000
KEY_LIMIT = 80


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


def checked_comment(project: Project, comment: str) -> str:
    """The comment on a judgement; ValidationError when this project wants one and there is none."""
    comment = checked_text(comment, "comment", limit=5000).strip()
    if project.comment_required and not comment:
        raise ValidationError({"comment": _("This project asks you to say why: write a comment.")})
    return comment


def checked_key(key: str) -> str:
    """The idempotency key of a judgement; ValidationError when there is none or it is too long to be kept."""
    if not key or len(key) > KEY_LIMIT:
        raise ValidationError({"key": _("An idempotency key of 1 to %(limit)d characters is needed.") % {"limit": KEY_LIMIT}})
    return checked_text(key, "key")


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
