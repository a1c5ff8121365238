"""Judgements that were made elsewhere, recorded as the desk would have: filled seats, written samples, grades. In bulk.

Every judgement has a key made of its content, so that importing a file twice adds nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.utils import timezone

from annotation import seating
from annotation.models import Grade, Judgement, Member, Project, Role, Sample, Seat


@dataclass(frozen=True)
class Verdict:
    """One rater's word on one task. `grades` are (sample id, aspect, value)."""

    key: str
    task_id: int
    rater_id: int
    created: datetime | None = None
    seconds: float | None = None
    comment: str = ""
    order: list[int] = field(default_factory=list)
    written_id: int | None = None
    grades: list[tuple[int, str, float]] = field(default_factory=list)


def key_of(project: Project, *content: Any) -> str:
    """The idempotency key of imported content."""
    text = json.dumps([project.pk, *content], sort_keys=True, ensure_ascii=False)
    return f"import:{hashlib.sha256(text.encode()).hexdigest()}"


def unknown(rows: dict[str, Any]) -> dict[str, Any]:
    """The rows, by key, whose judgement is not recorded yet."""
    known = set(Judgement.objects.filter(key__in=list(rows)).values_list("key", flat=True))
    return {key: row for key, row in rows.items() if key not in known}


def raters(project: Project, names: Iterable[str]) -> dict[str, int]:
    """The ids of imported raters, by name: users of this project who cannot sign in. Those that are missing are made."""
    usernames = {f"imported:{project.pk}:{name}": name for name in names}
    known = _user_ids(usernames)
    users = [
        User(username=username, is_active=False, password=make_password(None)) for username in usernames if username not in known
    ]
    User.objects.bulk_create(users, ignore_conflicts=True)
    ids = _user_ids(usernames)
    members = [Member(project=project, user_id=user_id, role=Role.RATER) for user_id in ids.values()]
    Member.objects.bulk_create(members, ignore_conflicts=True)
    return {usernames[username]: user_id for username, user_id in ids.items()}


def _user_ids(usernames: Iterable[str]) -> dict[str, int]:
    return dict(User.objects.filter(username__in=list(usernames)).values_list("username", "pk"))


def samples(made: dict[str, Sample]) -> dict[str, int]:
    """The ids of these samples, by key; those that are missing are made."""
    for key, sample in made.items():
        sample.key = key
    known = _sample_ids(made)
    Sample.objects.bulk_create([sample for key, sample in made.items() if key not in known], ignore_conflicts=True)
    return _sample_ids(made)


def _sample_ids(keys: Iterable[str]) -> dict[str, int]:
    return dict(Sample.objects.filter(key__in=list(keys)).values_list("key", "pk"))  # type: ignore[arg-type]


def record(project: Project, verdicts: list[Verdict]) -> None:
    """Fills a seat for each verdict. A second word by the same rater on the same task corrects, and supersedes, the first."""
    while verdicts:
        first: dict[tuple[int, int], Verdict] = {}
        later: list[Verdict] = []
        for verdict in verdicts:
            if first.setdefault((verdict.task_id, verdict.rater_id), verdict) is not verdict:
                later.append(verdict)
        _record(project, first)
        verdicts = later


def _record(project: Project, verdicts: dict[tuple[int, int], Verdict]) -> None:
    seats = _seats(project, verdicts)
    corrected = dict(Judgement.objects.in_force().filter(seat__in=seats.values()).values_list("seat_id", "pk"))
    judgements = Judgement.objects.bulk_create(
        Judgement(
            task_id=verdict.task_id,
            seat_id=seats[place],
            rater_id=verdict.rater_id,
            key=verdict.key,
            order=verdict.order,
            seconds=verdict.seconds,
            comment=verdict.comment,
            written_id=verdict.written_id,
            supersedes_id=corrected.get(seats[place]),
            created=verdict.created or timezone.now(),
        )
        for place, verdict in verdicts.items()
    )
    Grade.objects.bulk_create(
        Grade(judgement=judgement, sample_id=sample_id, aspect=aspect, value=value)
        for judgement, verdict in zip(judgements, verdicts.values(), strict=True)
        for sample_id, aspect, value in verdict.grades
    )


def _seats(project: Project, verdicts: dict[tuple[int, int], Verdict]) -> dict[tuple[int, int], int]:
    """The filled seat of each (task, rater); those that are missing are made."""
    tasks, people = {task for task, _rater in verdicts}, {rater for _task, rater in verdicts}
    filled = Seat.objects.filter(task_id__in=tasks, rater_id__in=people, filled__isnull=False)
    seats = {(task, rater): pk for task, rater, pk in filled.values_list("task_id", "rater_id", "pk")}
    missing = [verdict for place, verdict in verdicts.items() if place not in seats]
    made = seating.add_filled_seats(
        project, [(verdict.task_id, verdict.rater_id, verdict.created or timezone.now(), verdict.order) for verdict in missing]
    )
    places = ((verdict.task_id, verdict.rater_id) for verdict in missing)
    return seats | {place: seat.pk for place, seat in zip(places, made, strict=True)}
