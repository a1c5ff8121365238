"""Who gets which seat: claim, hold, fill, give back. The only writer of `Seat`.

A seat is one wanted judgement. Claiming takes one free row in one statement (`FOR UPDATE SKIP LOCKED` on PostgreSQL; on SQLite
every transaction holds the write lock from its start), so no seat has two holders. A seat whose hold has lapsed is free to others,
and still its rater's to fill while nobody took it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from annotation import asking, checks, seating, waiting
from annotation.models import Guidelines, Judgement, Member, Project, Seat, SeatQuerySet, Skip, Task
from annotation.prepared import Prepared
from annotation.written import checked_comment, checked_key, checked_text

DRAFT_LIMIT = 250_000
AHEAD = -1e18  # a place before every place that a policy gives


class SeatLost(Exception):
    """The seat is not this rater's to fill; the message says, for people, what happened."""


def held(user: User, project: Project) -> Seat | None:
    """The seat at which this rater sits, if any; a lapsed one that nobody took is still theirs."""
    # At most one (`one_open_seat_per_rater`). Asking for the first by id would walk every seat that the rater ever filled.
    return next(iter(Seat.objects.held_by(user).in_project(project)), None)


def claim(user: User, project: Project) -> Seat | None:
    """The rater's held seat, its hold renewed if it had lapsed; else a free seat of a task new to them; None when nothing is left.

    A project that is not open gives no new seats.
    """
    seat = held(user, project)
    return _renewed(seat, project) if seat else sit_down(user, project)


def sit_down(user: User, project: Project, languages: Iterable[str] | None = None) -> Seat | None:
    """A seat for a rater who holds none here; None when nothing is left for them. `languages`: the rater's, where known already."""
    if project.state != Project.State.OPEN:
        return None
    try:
        with transaction.atomic():
            return _sit_down(user, project, languages)
    except IntegrityError:  # Another tab of theirs sat down first.
        return held(user, project)


def _sit_down(user: User, project: Project, languages: Iterable[str] | None) -> Seat | None:
    if waiting.room(user, project) <= 0:
        return None
    spoken = list(languages_of(user, project) if languages is None else languages)
    check = checks.due(user, project, spoken)
    if check.failed:
        return None
    if check.task and check.task.purpose == Task.Purpose.ENTRY:
        return _take(waiting.left_at(check.task, user), user, project) or _own_seat(user, project, check.task)
    for search in waiting.searches(user, project, spoken):
        if seat := _take(search, user, project):
            return _hidden_at(seat, check.task) if check.task else seat
    return None


def languages_of(user: User, project: Project) -> list[str]:
    """The languages in which this rater judges here, best first; empty: any."""
    return Member.objects.filter(user=user, project=project).values_list("languages", flat=True).first() or []


def _take(search: waiting.Search, user: User, project: Project) -> Seat | None:
    """Sits the rater down at the seat that the search finds, in one statement: a fresh hold, no trace of an earlier holder."""
    now, adapt = timezone.now(), connection.ops.adapt_datetimefield_value
    (chosen, found), (told, of_project) = search, _newest_guidelines.sql(project_id=project.pk)
    sql = f"""
        UPDATE annotation_seat SET rater_id = %s, held_since = %s, held_until = %s, draft = '{{}}', draft_saved = NULL,
            guidelines_id = ({told})
        WHERE id = ({chosen}) RETURNING *"""
    values = [user.pk, adapt(now), adapt(now + timedelta(minutes=project.hold_minutes)), *of_project, *found]
    for seat in Seat.objects.raw(sql, values):
        seat.project = project
        return seat
    return None


_newest_guidelines = Prepared(
    lambda project_id: Guidelines.objects.filter(project=project_id).order_by("-version").values("pk")[:1], project_id=int
)


def _own_seat(user: User, project: Project, task: Task) -> Seat:
    """A new seat at an entry task: each rater has their own. Ahead of the line it is never the last that they took of it."""
    now = timezone.now()
    return Seat.objects.create(
        project=project,
        task=task,
        place=AHEAD,
        language=task.prompt.language,
        rater=user,
        held_since=now,
        held_until=now + timedelta(minutes=project.hold_minutes),
        guidelines=project.guidelines,
        order=seating.shuffled(seating.shown([task.pk])[task.pk]),
    )


def _hidden_at(seat: Seat, gold: Task) -> Seat:
    """The seat that the rater took in the line, now of a task with a known answer; what stood there goes to the line's end.

    A new seat would have a number unlike those before and after it, and the rater would know.
    """
    Seat.objects.create(project=seat.project, task_id=seat.task_id, place=seat.place, language=seat.language, order=seat.order)
    seat.task, seat.language = gold, gold.prompt.language
    seat.order = seating.shuffled(seating.shown([gold.pk])[gold.pk])
    seat.save(update_fields=["task", "language", "order"])
    return seat


def _renewed(seat: Seat, project: Project) -> Seat:
    now = timezone.now()
    if seat.held_until and seat.held_until < now:
        seat.held_until = now + timedelta(minutes=project.hold_minutes)
        # If it was taken meanwhile, nothing is updated, and the page says so when they send.
        Seat.objects.filter(pk=seat.pk, rater_id=seat.rater_id, filled=None).update(held_until=seat.held_until)
    return seat


def _still_held(seat: Seat, user: User) -> SeatQuerySet:
    """The row, if the hold that `seat` was read from goes on: same rater, same sitting, not filled."""
    return Seat.objects.held_by(user).filter(pk=seat.pk, held_since=seat.held_since)


def key_of(seat: Seat) -> str:
    """The idempotency key of one sitting: every page of it carries the same, so a form sent twice is one judgement."""
    return salted_hmac("annotation.desk", f"{seat.pk}/{seat.rater_id}/{seat.held_since}").hexdigest()


def save_draft(seat: Seat, user: User, draft: dict[str, Any]) -> datetime:
    """Keeps what the rater has so far and renews the hold; when it was saved. SeatLost if somebody else sits there now."""
    if len(json.dumps(draft)) > DRAFT_LIMIT:
        raise ValidationError({"draft": _("At most %(limit)d characters.") % {"limit": DRAFT_LIMIT}})
    _refuse_unstorable(draft)
    now = timezone.now()
    until = now + timedelta(minutes=seat.project.hold_minutes)
    if not _still_held(seat, user).update(draft=draft, draft_saved=now, held_until=until):
        raise lost(seat, user)
    return now


def _refuse_unstorable(value: Any) -> None:
    if isinstance(value, str):
        checked_text(value, "draft", limit=DRAFT_LIMIT)
    elif isinstance(value, dict):
        for part in (*value.keys(), *value.values()):
            _refuse_unstorable(part)
    elif isinstance(value, list):
        for part in value:
            _refuse_unstorable(part)


def fill(seat: Seat, user: User, payload: Any, *, key: str, seconds: float | None = None, comment: str = "") -> Judgement:
    """The seat's judgement, made of `payload` in one transaction. The same key again gives the same judgement.

    `seconds` is the active time that the rater's page counted; it cannot exceed the time since they sat down. SeatLost if the seat
    is no longer theirs; ValidationError names what is wrong with the payload, the comment, or a key of another seat's judgement.
    """
    checked_key(key)
    comment = checked_comment(seat.project, comment)
    answered = asking.parse(asking.of_seat(seat), payload)
    try:
        with transaction.atomic():
            return _fill(seat, user, answered, key, seconds, comment)
    except IntegrityError as error:
        if Judgement.objects.filter(key=key).exists():
            raise ValidationError({"key": _("This key was already used for another seat.")}) from error
        raise


def _fill(seat: Seat, user: User, answered: list[asking.Answered], key: str, seconds: float | None, comment: str) -> Judgement:
    # The update both asks whether the seat is theirs and locks it: of two submits, the second waits here and then finds it filled.
    if not _still_held(seat, user).update(filled=timezone.now(), held_until=None, draft={}, draft_saved=None):
        return _answered_before(seat, user, key)
    judgement = Judgement(
        task=seat.task,
        seat=seat,
        rater=user,
        guidelines_id=seat.guidelines_id,
        key=key,
        order=seat.order,
        seconds=_plausible(seconds, seat),
        comment=comment,
    )
    asking.record(judgement, answered)
    return judgement


def _answered_before(seat: Seat, user: User, key: str) -> Judgement:
    before = Judgement.objects.filter(key=key, seat_id=seat.pk, rater_id=user.pk).first()
    if before is None:
        raise lost(seat, user)
    return before


def _plausible(seconds: float | None, seat: Seat) -> float | None:
    """Nobody works longer than they sat; a page that sends nonsense has measured nothing."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0 or seat.held_since is None:
        return None
    return min(seconds, (timezone.now() - seat.held_since).total_seconds())


def lost(seat: Seat, user: User) -> SeatLost:
    """Why the seat is not `user`'s to fill."""
    now = Seat.objects.filter(pk=seat.pk).first()
    if now and now.rater_id == user.pk and now.filled:
        return SeatLost(_("You have already answered this one; what you sent first stands."))
    if now and now.rater_id is not None:
        return SeatLost(_("Your time for this one ran out and another rater took the place."))
    return SeatLost(_("You gave this place back."))


def release(seat: Seat, user: User) -> None:
    """Gives the seat back, unanswered; it may come to this rater again."""
    if not _emptied(_still_held(seat, user)):
        raise lost(seat, user)


def release_all(project: Project) -> int:
    """Takes back every seat that is held and not answered, drafts and all; how many there were. The lead's to do."""
    return _emptied(Seat.objects.in_project(project).filter(rater__isnull=False, filled=None))


def skip(seat: Seat, user: User, reason: str) -> None:
    """Gives the seat back for good: this rater is not offered the task again, and their lead can read why."""
    reason = checked_text(reason, "reason", limit=300).strip()
    if not reason:
        raise ValidationError({"reason": _("Say in a few words why you skip it.")})
    with transaction.atomic():
        if not _emptied(_still_held(seat, user)):
            raise lost(seat, user)
        Skip.objects.get_or_create(task_id=seat.task_id, rater=user, defaults={"reason": reason})


def _emptied(seats: SeatQuerySet) -> int:
    return seats.update(rater=None, held_until=None, held_since=None, guidelines=None, draft={}, draft_saved=None)
