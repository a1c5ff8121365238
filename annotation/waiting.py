"""Which free seats a rater could be given, and how many: questions about seats, none of which writes.

What one rater has judged may stand open for others by the hundred thousand at the front of the line. So a search looks at a
window of the first free seats, then behind the last seat at which this rater sat, and only then at all of them: its cost does
not grow with the rater's history.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Q

from annotation.models import Project, Seat, SeatQuerySet, Task

WINDOW = 100
LEFT_LIMIT = 1000


def searches(user: User, project: Project, languages: list[str]) -> Iterator[SeatQuerySet]:
    """Where to look for a seat, in turn; the last search waits for rows that others are taking, for they may leave them free."""
    lines = [_line(project, language) for language in languages] or [_line(project)]
    for line in lines:
        yield _one(line.filter(pk__in=line.values("pk")[:WINDOW]), user, skip_locked=True)
    behind = _behind(user, project)
    for line in lines:
        yield _one(line.filter(behind), user, skip_locked=True)
    for skip_locked in (True, False) if connection.features.has_select_for_update else (True,):
        for line in lines:
            yield _one(line, user, skip_locked=skip_locked)


def left_at(task: Task, user: User) -> SeatQuerySet:
    """The seats of this task that others gave back."""
    return _one(Seat.objects.free().filter(task=task), user, skip_locked=True)


def _line(project: Project, language: str | None = None) -> SeatQuerySet:
    """The free seats in the order in which they are given out."""
    seats = Seat.objects.free().in_project(project).order_by("place", "id")
    return seats if language is None else seats.filter(language=language)


def _one(seats: SeatQuerySet, user: User, *, skip_locked: bool) -> SeatQuerySet:
    found = seats.never_seen_by(user)
    if not connection.features.has_select_for_update:
        return found
    return found.select_for_update(skip_locked=skip_locked, of=("self",))


def _behind(user: User, project: Project) -> Q:
    """Behind the last seat of this rater in the line: nothing there was ever theirs."""
    last = Seat.objects.filter(project=project, rater=user).order_by("-place", "-id").values_list("place", "pk").first()
    return Q(place__gt=last[0]) | Q(place=last[0], pk__gt=last[1]) if last else Q()


def left_for(user: User, project: Project, languages: list[str]) -> int:
    """How many tasks this rater could still be given, counted up to LEFT_LIMIT."""
    if project.state != Project.State.OPEN:
        return 0
    seats = Seat.objects.free().in_project(project).never_seen_by(user)
    if languages:
        seats = seats.filter(language__in=languages)
    left = LEFT_LIMIT
    for some in (seats.filter(_behind(user, project)), seats):
        left = len(set(islice(some.order_by("place", "id").values_list("task_id", flat=True).iterator(), LEFT_LIMIT)))
        if left == LEFT_LIMIT:
            break
    return min(left, room(user, project))


def room(user: User, project: Project) -> int:
    """How many more judgements the project lets this rater make, counted up to LEFT_LIMIT."""
    if project.most_per_rater is None:
        return LEFT_LIMIT
    made = Seat.objects.filter(project=project, rater=user, filled__isnull=False)[: project.most_per_rater].count()
    return min(project.most_per_rater - made, LEFT_LIMIT)
