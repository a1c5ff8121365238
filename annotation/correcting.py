"""A rater changes their mind: a new judgement supersedes the old one, which stays. For a while after sending, or when a reviewer
returned it. What a reviewer approved stands, and so do the answers of an entry test."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F, OuterRef, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation import asking
from annotation.asking import Ask
from annotation.models import Judgement, Project, Review, Seat, Task
from annotation.written import checked_comment, checked_key

RETURNED = Review.Verdict.RETURNED


class NotYours(Exception):
    """The judgement cannot be changed by this person, or not any more; the message says why."""


@dataclass(frozen=True)
class Leave:
    """The rater may change a judgement: until a time, or, for one that was returned (`comment`), without an end."""

    until: datetime | None = None
    comment: str = ""


def ask_of(judgement: Judgement) -> Ask:
    """The question as it was answered, with the answers in the order in which they were shown."""
    return Ask(judgement.seat.project, judgement.task, judgement.order)


def latest(user: User, project: Project, count: int) -> list[Judgement]:
    """The rater's last judgements here, the last one first, each with `leave`: None where it stands for good."""
    sat = Seat.objects.filled_last_by(user).filter(project=project).order_by("-filled")[:count]
    rows = _standing(user).filter(seat__in=list(sat)).order_by("-seat__filled")
    return [_with_leave(judgement) for judgement in rows]


def returned(user: User, project: Project) -> list[Judgement]:
    """Those that a reviewer sent back and that wait for a better word, the oldest first, each with `leave`."""
    back = Review.objects.filter(verdict=RETURNED, judgement__rater=user, judgement__seat__project=project)
    ids = list(back.filter(judgement__superseded_by=None).values_list("judgement", flat=True))
    rows = _standing(user).filter(pk__in=ids, last_word=RETURNED).order_by("pk")
    return [_with_leave(judgement) for judgement in rows]


def last_changeable(user: User, project: Project) -> Judgement | None:
    """What the rater sent last, if they may still change it."""
    judgement = next(iter(latest(user, project, 1)), None)
    return judgement if judgement and judgement.leave else None  # type: ignore[attr-defined]


def leave_of(judgement: Judgement, user: User) -> Leave:
    """The rater's leave to change this judgement. NotYours if they have none."""
    found = _standing(user).filter(pk=judgement.pk).first()
    leave = _leave(found) if found else None
    if leave is None:
        raise NotYours(_("The time to change this judgement is over, or you have changed it already."))
    return leave


def _standing(user: User) -> Any:
    """The rater's judgements in force, with the last word of a reviewer on each."""
    words = Review.objects.filter(judgement=OuterRef("pk")).order_by("-pk")
    mine = Judgement.objects.in_force().filter(rater=user, ruling=False)
    return mine.annotate(
        last_word=Subquery(words.values("verdict")[:1]),
        last_comment=Subquery(words.values("comment")[:1]),
        sent=F("seat__filled"),
    ).select_related("task__prompt", "seat__project")


def _with_leave(judgement: Judgement) -> Judgement:
    judgement.leave = _leave(judgement)  # type: ignore[attr-defined]
    return judgement


def _leave(judgement: Any) -> Leave | None:
    """The time runs from the first sending, so that changes do not prolong it."""
    if judgement.last_word == RETURNED:
        return Leave(comment=judgement.last_comment)
    if judgement.last_word or judgement.task.purpose == Task.Purpose.ENTRY or judgement.sent is None:
        return None
    until = judgement.sent + timedelta(minutes=judgement.seat.project.undo_minutes)
    return Leave(until) if timezone.now() < until else None


def amend(
    judgement: Judgement, user: User, payload: Any, *, key: str, seconds: float | None = None, comment: str = ""
) -> Judgement:
    """The judgement that takes this one's place. The same key again gives the same judgement.

    NotYours if the time for it is over or another change came first; ValidationError names what is wrong with the payload, the
    comment or the key.
    """
    project, key = judgement.seat.project, checked_key(key)
    comment = checked_comment(project, comment)
    answered = asking.parse(ask_of(judgement), payload)
    if before := _sent_before(judgement, user, key):
        return before
    try:
        leave_of(judgement, user)
    except NotYours:  # Unless this very change, sent at the same moment, has just taken the leave.
        if before := _sent_before(judgement, user, key):
            return before
        raise
    new = Judgement(
        task=judgement.task,
        seat=judgement.seat,
        rater=user,
        guidelines=project.guidelines,
        key=key,
        order=judgement.order,
        seconds=_together(judgement, seconds),
        comment=comment,
        supersedes=judgement,
    )
    try:
        with transaction.atomic():
            asking.record(new, answered)
    except IntegrityError as error:  # Another change of the same judgement came first: this one sent twice, or another tab's.
        if before := _sent_before(judgement, user, key):
            return before
        raise NotYours(_("You have changed this judgement already; what you sent first stands.")) from error
    return new


def _sent_before(judgement: Judgement, user: User, key: str) -> Judgement | None:
    before = Judgement.objects.filter(key=key).first()
    if before and (before.supersedes_id != judgement.pk or before.rater_id != user.pk):
        raise ValidationError({"key": _("This key was already used for another judgement.")})
    return before


def _together(judgement: Judgement, seconds: float | None) -> float | None:
    """The active seconds of both sittings; the second cannot be longer than the time since the first ended."""
    if seconds is None or not 0 <= seconds < (timezone.now() - judgement.created).total_seconds() + 1:
        return judgement.seconds
    return (judgement.seconds or 0) + seconds
