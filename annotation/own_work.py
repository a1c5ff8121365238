"""A rater's own work, for their own eyes: how much, how long, how fast, and whether a pause would do them good.

Counted when asked for, from the latest of what they sent: a long past costs nothing. Time is active time, as their page counted it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import combinations
from statistics import median

from django.contrib.auth.models import User
from django.db.models import Count, Q, Sum
from django.utils import timezone

from annotation.models import Grade, Project, Seat, SeatQuerySet, Task

DAYS = 14
COUNTED = 10_000
PACE_OF = 50
AGREEMENT_OF = 200
PAUSE = timedelta(minutes=5)
LONG = timedelta(minutes=50)

Grades = dict[int, dict[int, dict[int, float]]]  # task → rater → sample → value


@dataclass(frozen=True)
class Sitting:
    """One judgement as work: where, of which kind, when it was sent, and its active seconds, where they were counted."""

    project_id: int
    kind: str
    sent: datetime
    seconds: float | None

    @property
    def begun(self) -> datetime:
        """No later than this; what nobody counted began when it was sent."""
        return self.sent - timedelta(seconds=self.seconds or 0)


def sittings(user: User) -> list[Sitting]:
    """The rater's latest judgements in all projects, the last one first."""
    rows = _counted(Seat.objects.filled_last_by(user), user).order_by("-filled")
    return [Sitting(*row) for row in rows.values_list("project_id", "task__kind", "filled", "judgements__seconds")]


def _counted(seats: SeatQuerySet, user: User) -> SeatQuerySet:
    """Joined with the one judgement of each that counts."""
    return seats.filter(judgements__rater=user, judgements__superseded_by=None, judgements__ruling=False)


def unbroken(latest: Iterable[Sitting], now: datetime) -> timedelta:
    """Active time since the rater last paused for PAUSE; `latest`: the last one first."""
    worked, later = timedelta(), now
    for sitting in latest:
        if later - sitting.sent >= PAUSE:
            break
        worked += sitting.sent - sitting.begun
        later = sitting.begun
    return worked


def medians(latest: Iterable[Sitting], project: Project) -> dict[str, float]:
    """kind → the median of active seconds a judgement, over the last PACE_OF of it here."""
    seconds: dict[str, list[float]] = defaultdict(list)
    for sitting in latest:
        if sitting.project_id == project.pk and sitting.seconds is not None and len(seconds[sitting.kind]) < PACE_OF:
            seconds[sitting.kind].append(sitting.seconds)
    return {kind: median(values) for kind, values in seconds.items() if values}


def midnights() -> list[datetime]:
    """When each of the last DAYS days began, today last."""
    today = timezone.localdate()
    return [timezone.make_aware(datetime.combine(today - timedelta(days=ago), time.min)) for ago in reversed(range(DAYS))]


def judged_by_day(user: User) -> dict[int, list[int]]:
    """project → how many judgements on each of the last DAYS days, today last; of the latest COUNTED."""
    days = midnights()
    ends = [*days[1:], days[-1] + timedelta(days=2)]
    within = {
        f"day_{number}": Count("pk", Q(filled__gte=begin, filled__lt=end))
        for number, (begin, end) in enumerate(zip(days, ends, strict=True))
    }
    rows = _since(user, days[0]).values("project_id").annotate(**within)
    return {row["project_id"]: [row[name] for name in within] for row in rows}


def seconds_today(user: User) -> dict[int, float]:
    """project → active seconds of what was sent today; of the latest COUNTED judgements."""
    rows = _counted(_since(user, midnights()[-1]), user).values("project_id").annotate(seconds=Sum("judgements__seconds"))
    return {row["project_id"]: row["seconds"] or 0.0 for row in rows}


def _since(user: User, begin: datetime) -> SeatQuerySet:
    latest = Seat.objects.filter(rater=user, filled__gte=begin).order_by("-filled")[:COUNTED]
    return Seat.objects.filter(pk__in=latest.values("pk"))


def judged_in_all(user: User, project: Project) -> int:
    """How many seats the rater has filled here, counted up to COUNTED."""
    return Seat.objects.filter(project=project, rater=user, filled__isnull=False)[:COUNTED].count()


@dataclass(frozen=True)
class Agreement:
    """How alike others order two answers as this rater did, in percent of `pairs`, over `tasks`; a tie against an order is half."""

    percent: float
    pairs: int
    tasks: int


def agreement(user: User, project: Project) -> Agreement | None:
    """With the other raters, on those of the rater's last AGREEMENT_OF tasks that others judged too; None where there are none.

    Tasks that check raters are left out: everybody judges those, so counting them would tell which they are.
    """
    asked = Seat.objects.filled_last_by(user).filter(project=project, task__purpose__in=[Task.Purpose.TRAIN, Task.Purpose.EVALUATE])
    said = _orders(list(asked.order_by("-filled").values_list("task_id", flat=True)[:AGREEMENT_OF]))
    agreed = [alike for raters in said.values() for alike in _alike(raters, user.pk)]
    shared = sum(len(raters) > 1 for raters in said.values())
    return Agreement(100 * sum(agreed) / len(agreed), len(agreed), shared) if agreed else None


def _orders(task_ids: list[int]) -> Grades:
    """What counts in the aspect `overall`."""
    found: Grades = defaultdict(lambda: defaultdict(dict))
    given = Grade.objects.filter(judgement__task__in=task_ids, aspect="overall", step=0)
    counted = given.filter(judgement__superseded_by=None, judgement__ruling=False)
    for task, rater, sample, value in counted.values_list("judgement__task_id", "judgement__rater_id", "sample_id", "value"):
        found[task][rater][sample] = value
    return found


def _alike(raters: dict[int, dict[int, float]], me: int) -> list[float]:
    """For each two answers that I and another rater ordered, how alike: as `quality.preferences.pairwise_agreement` counts it."""
    mine = raters.get(me, {})
    return [
        1 - abs(_sign(mine[one] - mine[other]) - _sign(theirs[one] - theirs[other])) / 2
        for rater, theirs in raters.items()
        if rater != me
        for one, other in combinations(sorted(mine.keys() & theirs.keys()), 2)
    ]


def _sign(difference: float) -> int:
    return (difference > 0) - (difference < 0)
