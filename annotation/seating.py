"""Seats are made and arranged here: how many people a task wants, and in which order free seats are found. `desk.py` fills them."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from itertools import groupby

from django.db import connection, transaction
from django.db.models import Count

from annotation.models import Project, Seat, SeatQuerySet, Task
from annotation.parts import part

CHUNK = 1000
_shuffle = random.SystemRandom().shuffle


def shuffled(sample_ids: Iterable[int]) -> list[int]:
    """An order of the answers of its own for each seat, so that no position is any model's."""
    order = list(sample_ids)
    _shuffle(order)
    return order


def shown(task_ids: Iterable[int]) -> dict[int, list[int]]:
    """task → the ids of its samples."""
    found: dict[int, list[int]] = defaultdict(list)
    pairs = Task.samples.through.objects.filter(task_id__in=task_ids).order_by("id").values_list("task_id", "sample_id")
    for task_id, sample_id in pairs:
        found[task_id].append(sample_id)
    return found


def add_seats(project: Project, wanted: Iterable[tuple[Task, int]]) -> int:
    """So many more people are wanted for each of these tasks (read with their prompts); how many seats were made."""
    made = 0
    for chunk in _chunks(wanted):
        answers = shown({task.pk for task, _count in chunk})
        seats = [
            Seat(project=project, task=task, language=task.prompt.language, order=shuffled(answers[task.pk]))
            for task, count in chunk
            for _number in range(count)
        ]
        Seat.objects.bulk_create(seats, batch_size=CHUNK)
        made += len(seats)
        if project.policy != "in_order":
            arrange(project, Seat.objects.filter(task__in=[task.pk for task, _count in chunk]))
    return made


def _chunks(wanted: Iterable[tuple[Task, int]]) -> Iterable[list[tuple[Task, int]]]:
    for _number, chunk in groupby(enumerate(wanted), key=lambda numbered: numbered[0] // CHUNK):
        yield [pair for _index, pair in chunk]


def arrange(project: Project, seats: SeatQuerySet | None = None) -> None:
    """Puts the project's open seats (or those of them that are given) into the order of its policy."""
    waiting = (Seat.objects.all() if seats is None else seats).in_project(project).filter(filled=None)
    policy = part("POLICIES", project.policy)
    waiting.update(place=policy.place())
    if places := getattr(policy, "places", None):
        table = connection.ops.quote_name(Seat._meta.db_table)
        with connection.cursor() as cursor:
            # Row by row in one prepared statement: an expression of thousands of cases takes the database fifty times as long.
            # A list, because the driver sends many at once, and a question asked in between would wait for its answer for ever.
            moved = list(places(waiting))
            cursor.executemany(f"UPDATE {table} SET place = %s WHERE task_id = %s AND filled IS NULL", moved)


@transaction.atomic
def raise_overlap(project: Project, kind: str, overlap: int) -> int:
    """Seats for the tasks to train on of one kind, until each has `overlap`; how many were added."""
    Project.objects.select_for_update().get(pk=project.pk)  # two leads at once must not both add the same seats
    tasks = Task.objects.filter(prompt__project=project, kind=kind, purpose=Task.Purpose.TRAIN).select_related("prompt")
    short = tasks.annotate(has=Count("seats")).filter(has__lt=overlap).order_by("id")
    return add_seats(project, ((task, overlap - task.has) for task in list(short)))


def add_filled_seats(project: Project, places: Iterable[tuple[int, int, datetime, list[int]]]) -> list[Seat]:
    """Seats of judgements that were made elsewhere: (task id, rater id, when, sample ids in the order shown). In bulk."""
    return Seat.objects.bulk_create(
        Seat(project=project, task_id=task_id, rater_id=rater_id, held_since=when, filled=when, order=order)
        for task_id, rater_id, when, order in places
    )


def retire(task: Task) -> int:
    """Nobody more is wanted for the task: its empty seats go, those that are held or filled stay; how many went."""
    return Seat.objects.filter(task=task, rater=None, filled=None).delete()[0]
