"""How fast a project goes: judgements by day and by hour, the time left at that pace, and what each rater did. All of it counted.

A project may hold millions of judgements: counts come from indexes, and what must be read row by row is read of the LATEST ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count, Exists, IntegerField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from annotation.models import Flag, Judgement, Project, Prompt, Review, Seat, Skip

DAYS = 30
PACE_DAYS = 7
LATEST = 20_000


@dataclass(frozen=True)
class Pace:
    """Judgements on each of the last DAYS days, in each hour of today so far, and a day over the last PACE_DAYS days."""

    days: list[tuple[datetime, int]]
    hours: list[tuple[datetime, int]]
    a_day: float
    open: int

    @property
    def today(self) -> int:
        return self.days[-1][1]

    @property
    def days_left(self) -> int | None:
        """Until no seat is open, at the pace of the last days, 0: under a day; None where nobody judged or nothing is open."""
        return int(self.open / self.a_day) if self.a_day and self.open else None


@dataclass(frozen=True)
class RaterRow:
    """What one rater did here. Times are of their judgements among the LATEST of the project, in seconds."""

    name: str
    judgements: int
    active: float
    median: float | None
    skips: int
    flags: int
    returned: int

    @property
    def clock(self) -> str:
        """The active time as h:mm."""
        minutes = round(self.active / 60)
        return f"{minutes // 60}:{minutes % 60:02}"


def pace(project: Project, open_seats: int) -> Pace:
    """The project's pace until now, in the reader's time zone."""
    now = timezone.localtime()
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    hours = [today + timedelta(hours=hour) for hour in range(now.hour + 1)]
    week = now - timedelta(days=PACE_DAYS)
    first = Seat.objects.in_project(project).filter(filled__gte=week).order_by("filled").values_list("filled", flat=True).first()
    spans = [*_spans(days, today + timedelta(days=1)), *_spans(hours, now), (week, now)]
    counts = _counts(project, spans)
    lasted = max((now - first) / timedelta(days=1), 1) if first else PACE_DAYS  # an hour says nothing of a day
    by_day, by_hour = counts[:DAYS], counts[DAYS:-1]
    return Pace(list(zip(days, by_day, strict=True)), list(zip(hours, by_hour, strict=True)), counts[-1] / lasted, open_seats)


def _spans(starts: Sequence[datetime], end: datetime) -> list[tuple[datetime, datetime]]:
    return list(zip(starts, [*starts[1:], end], strict=True))


def _counts(project: Project, spans: Iterable[tuple[datetime, datetime]]) -> list[int]:
    """How many seats were filled in each span: one statement, each count a range of the index."""
    counts = {f"span{number}": _filled_between(*span) for number, span in enumerate(spans)}
    row = Project.objects.filter(pk=project.pk).values_list(*counts.values()).get()
    return list(row)


def _filled_between(start: datetime, end: datetime) -> Coalesce:
    seats = Seat.objects.filter(project=OuterRef("pk"), filled__gte=start, filled__lt=end).order_by().values("project")
    return Coalesce(Subquery(seats.annotate(count=Count("pk")).values("count")), Value(0), output_field=IntegerField())


def raters(project: Project, most: int) -> list[RaterRow]:
    """The busiest raters of the project."""
    busiest = _judged(project)[:most]
    seconds = _seconds(project)
    ours = Exists(Prompt.objects.filter(pk=OuterRef("task__prompt"), project=project))
    skips, flags = _by_rater(Skip.objects.filter(ours)), _by_rater(Flag.objects.filter(ours))
    returned = _returned(project)
    users = dict(User.objects.filter(pk__in=[rater for rater, _count in busiest]).values_list("pk", "username"))
    return [
        RaterRow(
            users[rater],
            count,
            sum(seconds[rater]),
            median(seconds[rater]) if seconds[rater] else None,
            skips.get(rater, 0),
            flags.get(rater, 0),
            returned.get(rater, 0),
        )
        for rater, count in busiest
    ]


def _judged(project: Project) -> list[tuple[int, int]]:
    """(rater, judgements), the busiest first. Asked by time, which is how SQLite finds the index that holds all of it."""
    counts = _by_rater(Seat.objects.in_project(project).filter(filled__lte=timezone.now()))
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _seconds(project: Project) -> dict[int, list[float]]:
    """rater → the active seconds of each of their judgements, among the latest."""
    judged = Judgement.objects.filter(seat__project=project, seat__filled__isnull=False).order_by("-seat__filled", "-seat")
    rows = judged.values_list("rater", "seconds")[:LATEST]
    found: dict[int, list[float]] = defaultdict(list)
    for rater, seconds in rows:
        if seconds is not None:
            found[rater].append(seconds)
    return found


def _by_rater(rows: QuerySet[Any]) -> dict[int, int]:
    return dict(rows.order_by().values_list("rater").annotate(Count("pk")))


def _returned(project: Project) -> dict[int, int]:
    """rater → how many of their judgements a reviewer sent back."""
    ours = Exists(Seat.objects.filter(pk=OuterRef("judgement__seat"), project=project))
    rows = Review.objects.filter(ours, verdict=Review.Verdict.RETURNED).order_by()
    return dict(rows.values_list("judgement__rater").annotate(Count("judgement", distinct=True)))
