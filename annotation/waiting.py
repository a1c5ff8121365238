"""Which free seats a rater could be given, and how many: questions about seats, none of which writes.

What one rater has judged may stand open for others by the hundred thousand at the front of the line. So a search looks at the
first free seats, no more than a window of them, then behind the last seat at which this rater sat, and only then at all of them:
its cost does not grow with the rater's history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import F, FloatField, Func, QuerySet, Subquery
from django.db.models.lookups import LessThanOrEqual
from django.utils import timezone

from annotation.models import Project, Seat, SeatQuerySet, Task
from annotation.prepared import Prepared

WINDOW = 100
LEFT_LIMIT = 1000


_AT = Func(F("place"), F("id"), template="(%(expressions)s)", output_field=FloatField())  # where a seat stands, as a pair
_LAST = '(SELECT "place", "pk" FROM (%(subquery)s) AS first ORDER BY "place" DESC, "pk" DESC LIMIT 1)'

Search = tuple[str, Sequence[Any]]  # SQL that finds the id of one seat, and its parameters


def searches(user: User, project: Project, languages: list[str]) -> Iterator[Search]:
    """Where to look for a seat, in turn; the last search waits for rows that others are taking, for they may leave them free."""
    values = {"project_id": project.pk, "user_id": user.pk, "now": timezone.now()}
    yield from _front.of(languages, **values)
    if last := _last_place(user, project):
        place, pk = last
        yield from _beside.of(languages, **values, place=place, pk=pk)
        yield from _beyond.of(languages, **values, place=place)
    yield from _all.of(languages, **values)
    if connection.features.has_select_for_update:
        yield from _all_in_turn.of(languages, **values)


def left_at(task: Task, user: User) -> Search:
    """The seats of this task that others gave back."""
    return _first(Seat.objects.free().filter(task=task), user.pk).query.sql_with_params()


def _line(project_id: int, now: datetime, language: str | None = None, **where: Any) -> SeatQuerySet:
    """The free seats in the order in which they are given out."""
    seats = Seat.objects.free(now).filter(project=project_id, **where).order_by("place", "id")
    return seats if language is None else seats.filter(language=language)


def _window(project_id: int, user_id: int, now: datetime, language: str | None = None) -> QuerySet[Any]:
    line = _line(project_id, now, language)
    # A bound in the line's own order: the search stops at the first seat that will do, where membership in a list of the first
    # seats would have each of them looked up and judged.
    return _first(line.filter(LessThanOrEqual(_AT, Subquery(line.values("place", "pk")[:WINDOW], template=_LAST))), user_id)


def _first(seats: SeatQuerySet, user_id: int, *, skip_locked: bool = True) -> QuerySet[Any]:
    found = seats.never_seen_by(User(pk=user_id))
    if connection.features.has_select_for_update:
        found = found.select_for_update(skip_locked=skip_locked, of=("self",))
    return found.values("pk")[:1]


class _Spoken:
    """A search, written once for all languages and once for one of them."""

    def __init__(self, build: Callable[..., QuerySet[Any]], **types: type):
        of_rater = {"project_id": int, "user_id": int, "now": datetime, **types}
        self.any, self.in_one = Prepared(build, **of_rater), Prepared(build, **of_rater, language=str)

    def of(self, languages: Iterable[str], **values: Any) -> Iterator[Search]:
        """In each of these languages in turn; in all where none is named."""
        yield from [self.in_one.sql(**values, language=language) for language in languages] or [self.any.sql(**values)]


_front = _Spoken(_window)
# What lies behind a seat in the line: two searches, for no database seeks to an OR of both.
_beside = _Spoken(lambda user_id, place, pk, **line: _first(_line(**line, place=place, pk__gt=pk), user_id), place=float, pk=int)
_beyond = _Spoken(lambda user_id, place, **line: _first(_line(**line, place__gt=place), user_id), place=float)
_all = _Spoken(lambda user_id, **line: _first(_line(**line), user_id))
_all_in_turn = _Spoken(lambda user_id, **line: _first(_line(**line), user_id, skip_locked=False))


def _last_place(user: User, project: Project) -> tuple[float, int] | None:
    """The last seat in the line at which this rater sat: behind it nothing was ever theirs."""
    return Seat.objects.filter(project=project, rater=user).order_by("-place", "-id").values_list("place", "pk").first()


def left_for(user: User, project: Project, languages: list[str]) -> int:
    """How many tasks this rater could still be given, counted up to LEFT_LIMIT."""
    if project.state != Project.State.OPEN:
        return 0
    seats = Seat.objects.free().in_project(project).never_seen_by(user)
    if languages:
        seats = seats.filter(language__in=languages)
    last = _last_place(user, project)
    wheres = ({"place": last[0], "pk__gt": last[1]}, {"place__gt": last[0]}) if last else ()
    behind = chain.from_iterable(_tasks_of(seats.filter(**where)) for where in wheres)
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
