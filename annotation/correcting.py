"""A rater changes their mind: a new judgement supersedes the old one, which stays. For a while after sending, or when a reviewer
returned it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from annotation import asking
from annotation.asking import Ask
from annotation.models import Judgement, JudgementQuerySet, Project, Review
from annotation.written import checked_comment


class NotYours(Exception):
    """The judgement cannot be changed by this person, or not any more; the message says why."""


def ask_of(judgement: Judgement) -> Ask:
    """The question as it was answered, with the answers in the order in which they were shown."""
    return Ask(judgement.seat.project, judgement.task, judgement.order)


def changeable(user: User, project: Project) -> JudgementQuerySet:
    """The rater's judgements that they may still change, the last one first."""
    since = timezone.now() - timedelta(minutes=project.undo_minutes)
    last_word = Review.objects.filter(judgement=OuterRef("pk")).order_by("-pk").values("verdict")[:1]
    mine = Judgement.objects.in_force().filter(rater=user, seat__project=project, ruling=False)
    return mine.annotate(last_word=Subquery(last_word)).filter(Q(created__gt=since) | Q(last_word="returned")).order_by("-pk")


def returned(user: User, project: Project) -> JudgementQuerySet:
    """Those that a reviewer sent back, and that wait for a better word."""
    return changeable(user, project).filter(last_word="returned")


def key_of(judgement: Judgement) -> str:
    """The idempotency key of the one correction that this judgement can have."""
    return salted_hmac("annotation.correcting", str(judgement.pk)).hexdigest()


def amend(judgement: Judgement, user: User, payload: Any, *, seconds: float | None = None, comment: str = "") -> Judgement:
    """The judgement that takes this one's place. Sent twice, it is one. NotYours if the time for it is over."""
    project = judgement.seat.project
    answered = asking.parse(ask_of(judgement), payload)
    comment = checked_comment(project, comment)
    if before := Judgement.objects.filter(key=key_of(judgement), rater=user).first():
        return before
    if not changeable(user, project).filter(pk=judgement.pk).exists():
        raise NotYours(_("The time to change this judgement is over, or you have changed it already."))
    new = Judgement(
        task=judgement.task,
        seat=judgement.seat,
        rater=user,
        guidelines=project.guidelines,
        key=key_of(judgement),
        order=judgement.order,
        seconds=_together(judgement, seconds),
        comment=comment,
        supersedes=judgement,
    )
    try:
        with transaction.atomic():
            asking.record(new, answered)
    except IntegrityError:  # Sent twice at the same moment.
        return Judgement.objects.get(key=key_of(judgement))
    return new


def _together(judgement: Judgement, seconds: float | None) -> float | None:
    """The active seconds of both sittings; the second cannot be longer than the time since the first ended."""
    if seconds is None or not 0 <= seconds < (timezone.now() - judgement.created).total_seconds() + 1:
        return judgement.seconds
    return (judgement.seconds or 0) + seconds
