"""Which free seats a rater could be given, and how many: questions about seats, none of which writes.

What one rater has judged may stand open for others by the hundred thousand at the front of the line. So a search looks at a
window of the first free seats, then behind the last seat at which this rater sat, and only then at all of them: its cost does
not grow with the rater's history.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from annotation.models import Project, Seat, SeatQuerySet, Task
from annotation.prepared import Prepared

WINDOW = 100
LEFT_LIMIT = 1000


Search = tuple[str, Sequence[Any]]  # SQL that finds the id of one seat, and its parameters


def searches(user: User, project: Project, languages: list[str]) -> Iterator[Search]:
    """Where to look for a seat, in turn; the last search waits for rows that others are taking, for they may leave them free."""
    now = timezone.now()
    for language in languages:
        yield _front_in.sql(project_id=project.pk, user_id=user.pk, now=now, language=language)
    if not languages:
        yield _front.sql(project_id=project.pk, user_id=user.pk, now=now)
    lines = [_line(project.pk, now, language) for language in languages] or [_line(project.pk, now)]
    for behind in _behind(user, project):
        for line in lines:
            yield _one(line.filter(behind), user.pk)
    for skip_locked in (True, False) if connection.features.has_select_for_update else (True,):
        for line in lines:
            yield _one(line, user.pk, skip_locked=skip_locked)


def left_at(task: Task, user: User) -> Search:
    """The seats of this task that others gave back."""
    return _one(Seat.objects.free().filter(task=task), user.pk)


def _line(project_id: int, now: datetime, language: str | None = None) -> SeatQuerySet:
    """The free seats in the order in which they are given out."""
    seats = Seat.objects.free(now).filter(project=project_id).order_by("place", "id")
    return seats if language is None else seats.filter(language=language)


def _window(project_id: int, user_id: int, now: datetime, language: str | None = None) -> QuerySet[Any]:
    line = _line(project_id, now, language)
    # Ordered by what no index offers: else SQLite walks the whole line in order and asks of each seat whether the window has it.
    return _first(line.filter(pk__in=line.values("pk")[:WINDOW]).order_by(F("place") + 0.0, F("id") + 0), user_id)


def _first(seats: SeatQuerySet, user_id: int, *, skip_locked: bool = True) -> QuerySet[Any]:
    found = seats.never_seen_by(User(pk=user_id))
    if connection.features.has_select_for_update:
        found = found.select_for_update(skip_locked=skip_locked, of=("self",))
    return found.values("pk")[:1]


def _one(seats: SeatQuerySet, user_id: int, *, skip_locked: bool = True) -> Search:
    return _first(seats, user_id, skip_locked=skip_locked).query.sql_with_params()


_front = Prepared(_window, project_id=int, user_id=int, now=datetime)
_front_in = Prepared(_window, project_id=int, user_id=int, now=datetime, language=str)


def _behind(user: User, project: Project) -> Iterator[Q]:
    """Behind this rater's last seat in the line nothing was ever theirs. Two questions: no database seeks to an OR of them."""
    last = Seat.objects.filter(project=project, rater=user).order_by("-place", "-id").values_list("place", "pk").first()
    if last:
        yield Q(place=last[0], pk__gt=last[1])
        yield Q(place__gt=last[0])


def left_for(user: User, project: Project, languages: list[str]) -> int:
    """How many tasks this rater could still be given, counted up to LEFT_LIMIT."""
    if project.state != Project.State.OPEN:
        return 0
    seats = Seat.objects.free().in_project(project).never_seen_by(user)
    if languages:
        seats = seats.filter(language__in=languages)
    behind = chain.from_iterable(_tasks_of(seats.filter(where)) for where in _behind(user, project))
    left = _counted(behind)  # Where so many are left behind the last seat, what stands before it need not be looked through.
    if left < LEFT_LIMIT:
        left = _counted(_tasks_of(seats))
    return min(left, room(user, project))


def _tasks_of(seats: SeatQuerySet) -> Iterator[int]:
    return seats.order_by("place", "id").values_list("task_id", flat=True).iterator()


def _counted(tasks: Iterator[int]) -> int:
    """How many different ones, up to LEFT_LIMIT."""
    different: set[int] = set()
    for task in tasks:
        different.add(task)
        if len(different) == LEFT_LIMIT:
            break
    return len(different)


def room(user: User, project: Project) -> int:
    """How many more judgements the project lets this rater make, counted up to LEFT_LIMIT."""
    if project.most_per_rater is None:
        return LEFT_LIMIT
    made = Seat.objects.filter(project=project, rater=user, filled__isnull=False)[: project.most_per_rater].count()
    return min(project.most_per_rater - made, LEFT_LIMIT)
