"""Questions made from prompts and answers: tasks with their seats, in bulk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from typing import TypeVar

from django.db import transaction

from annotation import seating
from annotation.models import Prompt, Sample, Task
from annotation.parts import part

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
        _seat(tasks, overlap)
        made += len(tasks)
    return made


@transaction.atomic
def answer_tasks(
    groups: Iterable[list[Sample]],
    *,
    kind: str,
    overlap: int,
    purpose: str = Task.Purpose.TRAIN,
    follow_ups: Iterable[str] = (),
) -> list[Task]:
    """A task of `kind` with `overlap` seats for each group of different answers to one prompt. ValueError names a wrong group.

    `follow_ups`: kinds of question asked of the best answer afterwards, where the kind finds one.
    """
    made, after = [], _follow_ups(kind, follow_ups)
    for chunk in _chunks(groups):
        ids = [_one_prompt(kind, group) for group in chunk]
        prompts = Prompt.objects.select_related("project").in_bulk(set(ids))
        tasks = Task.objects.bulk_create(Task(prompt=prompts[pk], kind=kind, follow_ups=after, purpose=purpose) for pk in ids)
        shown = Task.samples.through
        shown.objects.bulk_create(
            (shown(task_id=task.pk, sample_id=sample.pk) for task, group in zip(tasks, chunk, strict=True) for sample in group),
            batch_size=CHUNK,
        )
        _seat(tasks, overlap)
        made += tasks
    return made


def _follow_ups(kind: str, names: Iterable[str]) -> list[str]:
    after = list(names)
    if after and not hasattr(part("KINDS", kind), "best"):
        raise ValueError(f"nothing can follow {kind}: it finds no best answer")
    if wrong := [name for name in after if not getattr(part("KINDS", name), "FOLLOWS", False)]:
        raise ValueError(f"{', '.join(wrong)} cannot follow another question")
    return after


def _one_prompt(kind: str, group: list[Sample]) -> int:
    """The id of the prompt that all answers of the group answer."""
    prompts, different = {sample.prompt_id for sample in group}, {sample.pk for sample in group}
    fewest, most = part("KINDS", kind).FEWEST, part("KINDS", kind).MOST
    if not fewest <= len(group) <= most or len(different) != len(group):
        raise ValueError(f"a {kind} task shows {fewest} to {most} different answers, not samples {[sample.pk for sample in group]}")
    if len(prompts) != 1:
        raise ValueError(f"the answers of a {kind} task answer one prompt; these answer prompts {sorted(prompts)}")
    return prompts.pop()


def _seat(tasks: list[Task], overlap: int) -> None:
    """Seats for tasks that were just made; those that check raters have none in advance."""
    if overlap < 1:
        raise ValueError(f"overlap must be at least 1, not {overlap}")
    for _project, some in groupby(tasks, key=lambda task: task.prompt.project_id):
        wanted = [(task, overlap) for task in some]
        seating.add_seats(wanted[0][0].prompt.project, wanted)
