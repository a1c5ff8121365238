"""Who gets which seat: claim, hold, fill, give back. The only writer of `Seat`.

A seat is one wanted judgement. Claiming takes one free row in one transaction (`FOR UPDATE SKIP LOCKED` on PostgreSQL; on SQLite
every transaction holds the write lock from its start), so no seat has two holders. A seat whose hold has lapsed is free to others,
and still its rater's to fill while nobody took it.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import Count
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from annotation.models import Guidelines, Judgement, Project, Sample, Seat, SeatQuerySet, Skip, Task
from annotation.written import checked_text

DRAFT_LIMIT = 250_000
LEFT_LIMIT = 1000
_shuffle = random.SystemRandom().shuffle


class SeatLost(Exception):
    """The seat is not this rater's to fill; the message says, for people, what happened."""


def add_seats(task: Task, count: int) -> None:
    """`count` more people are wanted for `task`."""
    project_id = task.prompt.project_id
    Seat.objects.bulk_create(Seat(project_id=project_id, task=task) for _number in range(count))


@transaction.atomic
def raise_overlap(project: Project, kind: str, overlap: int) -> int:
    """Seats for the tasks to train on of one kind, until each has `overlap`; how many were added."""
    Project.objects.select_for_update().get(pk=project.pk)  # two leads at once must not both add the same seats
    tasks = Task.objects.filter(prompt__project=project, kind=kind, purpose=Task.Purpose.TRAIN).annotate(has=Count("seats"))
    missing = [task for task in tasks.filter(has__lt=overlap) for _number in range(overlap - task.has)]
    Seat.objects.bulk_create((Seat(project=project, task=task) for task in missing), batch_size=1000)
    return len(missing)


def add_filled_seats(project: Project, places: Iterable[tuple[int, int, datetime, list[int]]]) -> list[Seat]:
    """Seats of judgements that were made elsewhere: (task id, rater id, when, sample ids in the order shown). In bulk."""
    return Seat.objects.bulk_create(
        Seat(project=project, task_id=task_id, rater_id=rater_id, held_since=when, filled=when, order=order)
        for task_id, rater_id, when, order in places
    )


def held(user: User, project: Project) -> Seat | None:
    """The seat at which this rater sits, if any; a lapsed one that nobody took is still theirs."""
    return Seat.objects.held_by(user).in_project(project).order_by("id").first()


def claim(user: User, project: Project) -> Seat | None:
    """The rater's held seat, its hold renewed if it had lapsed; else a free seat of a task new to them; None when nothing is left.

    A project that is not open gives no new seats.
    """
    with transaction.atomic():
        _one_claim_at_a_time(user)
        if seat := held(user, project):
            return _renewed(seat, project)
        if project.state != Project.State.OPEN:
            return None
        seat = _free_seat(user, project, skip_locked=True) or _free_seat(user, project, skip_locked=False)
        return seat and _seated(seat, user, project)


def _one_claim_at_a_time(user: User) -> None:
    """Two tabs of one rater take turns. Without this both could find no held seat and each take one."""
    if connection.features.has_select_for_update:
        User.objects.select_for_update(no_key=True).filter(pk=user.pk).exists()


def _free_seat(user: User, project: Project, *, skip_locked: bool) -> Seat | None:
    """The first free seat. Without `skip_locked` it waits for rows that others are taking: they may yet leave them free."""
    free = Seat.objects.free().in_project(project).never_seen_by(user).order_by("id")
    if not connection.features.has_select_for_update:
        return free.first() if skip_locked else None
    return free.select_for_update(skip_locked=skip_locked, of=("self",)).first()


def _seated(seat: Seat, user: User, project: Project) -> Seat:
    """Sits the rater down: a fresh hold, a fresh order of the answers, no trace of an earlier holder."""
    order = list(Task.samples.through.objects.filter(task_id=seat.task_id).order_by("id").values_list("sample_id", flat=True))
    _shuffle(order)
    seat.rater, seat.held_since, seat.held_until = user, timezone.now(), _hold_end(project)
    seat.order, seat.draft, seat.draft_saved = order, {}, None
    seat.save(update_fields=["rater", "held_since", "held_until", "order", "draft", "draft_saved"])
    return seat


def _renewed(seat: Seat, project: Project) -> Seat:
    if seat.held_until and seat.held_until < timezone.now():
        seat.held_until = _hold_end(project)
        seat.save(update_fields=["held_until"])
    return seat


def _hold_end(project: Project):
    return timezone.now() + timedelta(minutes=project.hold_minutes)


def _still_held(seat: Seat, user: User) -> SeatQuerySet:
    """The row, if the hold that `seat` was read from goes on: same rater, same sitting, not filled."""
    return Seat.objects.held_by(user).filter(pk=seat.pk, held_since=seat.held_since)


def samples_of(seat: Seat) -> list[Sample]:
    """The task's answers in the order in which this rater sees them."""
    if not seat.order:
        return []
    found = Sample.objects.in_bulk(seat.order)
    return [found[pk] for pk in seat.order if pk in found]


def guidelines_of(seat: Seat) -> Guidelines | None:
    """The version in force when the rater sat down: what the page shows is what the judgement names."""
    return seat.project.guidelines_versions.filter(created__lte=seat.held_since).order_by("-version").first()


def key_of(seat: Seat) -> str:
    """The idempotency key of one sitting: every page of it carries the same, so a form sent twice is one judgement."""
    return salted_hmac("annotation.desk", f"{seat.pk}/{seat.rater_id}/{seat.held_since}").hexdigest()


def left_for(user: User, project: Project) -> int:
    """How many tasks this rater could still be given, counted up to LEFT_LIMIT."""
    if project.state != Project.State.OPEN:
        return 0
    free = Seat.objects.free().in_project(project).never_seen_by(user)
    return free.values("task_id").distinct()[:LEFT_LIMIT].count()


def save_draft(seat: Seat, user: User, draft: dict[str, Any]) -> None:
    """Keeps what the rater has so far and renews the hold; SeatLost if somebody else sits there now."""
    if len(json.dumps(draft)) > DRAFT_LIMIT:
        raise ValidationError({"draft": _("At most %(limit)d characters.") % {"limit": DRAFT_LIMIT}})
    _refuse_unstorable(draft)
    saved = _still_held(seat, user).update(draft=draft, draft_saved=timezone.now(), held_until=_hold_end(seat.project))
    if not saved:
        raise lost(seat, user)


def _refuse_unstorable(value: Any) -> None:
    if isinstance(value, str):
        checked_text(value, "draft", limit=DRAFT_LIMIT)
    elif isinstance(value, dict):
        for part in (*value.keys(), *value.values()):
            _refuse_unstorable(part)
    elif isinstance(value, list):
        for part in value:
            _refuse_unstorable(part)


def fill(seat: Seat, user: User, answer: Any, *, key: str, seconds: float | None = None, comment: str = "") -> Judgement:
    """The seat's judgement, made in one transaction. The same key again gives the same judgement.

    `seconds` is the time that the rater's page counted; it cannot exceed the time since they sat down. SeatLost if the seat is
    no longer theirs; ValidationError if `key` belongs to another seat's judgement.
    """
    if not key or len(key) > 80:
        raise ValidationError({"key": _("An idempotency key of 1 to 80 characters is needed.")})
    comment = checked_text(comment, "comment", limit=5000).strip()
    try:
        with transaction.atomic():
            return _fill(seat, user, answer, key, seconds, comment)
    except IntegrityError as error:
        if Judgement.objects.filter(key=key).exists():
            raise ValidationError({"key": _("This key was already used for another seat.")}) from error
        raise


def _fill(seat: Seat, user: User, answer: Any, key: str, seconds: float | None, comment: str) -> Judgement:
    # The update both asks whether the seat is theirs and locks it: of two submits, the second waits here and then finds it filled.
    if not _still_held(seat, user).update(filled=timezone.now(), held_until=None, draft={}, draft_saved=None):
        return _answered_before(seat, user, key)
    judgement = Judgement(
        task=seat.task,
        seat=seat,
        rater=user,
        guidelines=guidelines_of(seat),
        key=key,
        order=seat.order,
        seconds=_plausible(seconds, seat),
        comment=comment,
    )
    seat.task.question.record(judgement, answer)
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
    return seats.update(rater=None, held_until=None, held_since=None, order=[], draft={}, draft_saved=None)
