"""Questions made from prompts and answers: tasks with their seats, in bulk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from django.db import transaction

from annotation.kinds.rank import FEWEST, MOST
from annotation.models import Prompt, Sample, Seat, Task

CHUNK = 1000
T = TypeVar("T")


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk


@transaction.atomic
def write_tasks(prompts: Iterable[Prompt], *, overlap: int, purpose: str = Task.Purpose.TRAIN) -> int:
    """A `write` task with `overlap` seats for each prompt; how many were made."""
    made = 0
    for chunk in _chunks(prompts):
        tasks = Task.objects.bulk_create(Task(prompt=prompt, kind="write", purpose=purpose) for prompt in chunk)
        _seat(zip(tasks, (prompt.project_id for prompt in chunk), strict=True), overlap)
        made += len(tasks)
    return made


@transaction.atomic
def rank_tasks(groups: Iterable[list[Sample]], *, overlap: int, purpose: str = Task.Purpose.TRAIN) -> list[Task]:
    """A `rank` task with `overlap` seats for each group: 2 to 9 different answers to one prompt. ValueError names a wrong group."""
    made: list[Task] = []
    for chunk in _chunks(groups):
        prompts = [_one_prompt(group) for group in chunk]
        projects = dict(Prompt.objects.filter(pk__in=set(prompts)).values_list("pk", "project_id"))
        tasks = Task.objects.bulk_create(Task(prompt_id=prompt, kind="rank", purpose=purpose) for prompt in prompts)
        shown = Task.samples.through
        shown.objects.bulk_create(
            (shown(task_id=task.pk, sample_id=sample.pk) for task, group in zip(tasks, chunk, strict=True) for sample in group),
            batch_size=CHUNK,
        )
        _seat(((task, projects[task.prompt_id]) for task in tasks), overlap)
        made += tasks
    return made


def _one_prompt(group: list[Sample]) -> int:
    """The id of the prompt that all answers of the group answer."""
    prompts, different = {sample.prompt_id for sample in group}, {sample.pk for sample in group}
    if not FEWEST <= len(group) <= MOST or len(different) != len(group):
        raise ValueError(f"a rank task shows {FEWEST} to {MOST} different answers, not samples {[sample.pk for sample in group]}")
    if len(prompts) != 1:
        raise ValueError(f"the answers of a rank task answer one prompt; these answer prompts {sorted(prompts)}")
    return prompts.pop()


def _seat(tasks: Iterable[tuple[Task, int]], overlap: int) -> None:
    if overlap < 1:
        raise ValueError(f"overlap must be at least 1, not {overlap}")
    Seat.objects.bulk_create(
        (Seat(project_id=project_id, task=task) for task, project_id in tasks for _number in range(overlap)), batch_size=CHUNK
    )
