"""Raters say that something is wrong with a task; leads read it and settle it. A flag is a proposal: nothing is removed by it."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation import desk
from annotation.models import Flag, Seat
from annotation.written import checked_text

COMMENT_LIMIT = 1000


def raise_flag(seat: Seat, user: User, word: str, comment: str = "") -> Flag:
    """The rater's flag on the task of the seat that they hold. The same word again is the same flag, with the comment sent last.

    SeatLost if the seat is not theirs; ValidationError for a word that is none.
    """
    comment = checked_text(comment, "comment", limit=COMMENT_LIMIT).strip()
    if word not in Flag.Word.values:
        raise ValidationError({"word": _("Say which: %(words)s.") % {"words": ", ".join(Flag.Word.values)}})
    if not Seat.objects.held_by(user).filter(pk=seat.pk).exists():
        raise desk.lost(seat, user)
    flag, new = Flag.objects.get_or_create(task_id=seat.task_id, rater=user, word=word, defaults={"comment": comment})
    if not new and comment and Flag.objects.open().filter(pk=flag.pk).update(comment=comment):
        flag.comment = comment
    return flag


def settle(flag: Flag, user: User) -> bool:
    """The lead has dealt with it; whether this call did it, or somebody had before."""
    return bool(Flag.objects.open().filter(pk=flag.pk).update(settled=timezone.now(), settled_by=user))
