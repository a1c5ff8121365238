"""Demonstrations: prompts with an ideal answer that a person wrote.

A prompt (see `prompts.py`) and {"response": "text" or [chat messages]}, with optional "rater", "seconds", "created".
They become filled seats of write tasks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation import chat, imported
from annotation.imports import prompts
from annotation.models import Project, Sample, Seat, Task

TITLE = gettext_lazy("Demonstrations")
HELP = gettext_lazy("A prompt and the “response” that a person wrote to it, one a row; “rater” says who, if known.")
EXAMPLE = {"prompt": "Why is the sky blue?", "response": "Air scatters blue light most.", "rater": "ana", "licence": "CC0-1.0"}
UNNAMED = "unnamed"


@dataclass(frozen=True)
class DemonstrationRow:
    prompt: prompts.PromptRow
    response: list[chat.Message]
    rater: str
    seconds: float | None
    created: datetime | None

    @property
    def preview(self) -> dict[str, Any]:
        return {**self.prompt.preview, "response": self.response[-1]["content"], "rater": self.rater}


def parse(values: dict[str, Any]) -> DemonstrationRow:
    """The demonstration that a row holds. ValueError names the field that is wrong."""
    return DemonstrationRow(
        prompt=prompts.parse(values),
        response=_response(values),
        rater=prompts.text_field(values, "rater", imported.LONGEST_NAME) or UNNAMED,
        seconds=imported.duration(values),
        created=imported.moment(values),
    )


def _response(values: dict[str, Any]) -> list[chat.Message]:
    response = imported.answer(values, "response")
    if not response[-1]["content"].strip():
        raise ValueError(_("response: is empty"))
    return response


def save(project: Project, rows: Iterable[DemonstrationRow]) -> int:
    """Adds the demonstrations that the project does not have yet."""
    keyed = {imported.key_of(project, "write", row.prompt.digest, row.response, row.rater): row for row in rows}
    fresh = imported.unknown(keyed)
    asked = prompts.ensure(project, (row.prompt for row in fresh.values()))
    people = imported.raters(project, {row.rater for row in fresh.values()})
    written = imported.samples(
        {
            key: Sample(prompt_id=asked[row.prompt.digest], messages=row.response, author_id=people[row.rater])
            for key, row in fresh.items()
        }
    )
    tasks = _tasks([(asked[row.prompt.digest], people[row.rater]) for row in fresh.values()])
    verdicts = [
        imported.Verdict(
            key=key,
            task_id=task.pk,
            rater_id=people[row.rater],
            created=row.created,
            seconds=row.seconds,
            written_id=written[key],
        )
        for (key, row), task in zip(fresh.items(), tasks, strict=True)
    ]
    imported.record(project, verdicts)
    return len(verdicts)


def _tasks(wanted: list[tuple[int, int]]) -> list[Task]:
    """A write task for each (prompt, rater): one of the prompt's at which the rater does not sit yet, else a new one."""
    tasks: dict[int, list[Task]] = defaultdict(list)
    sat: set[tuple[int, int]] = set()  # (id() of the task, rater): a new task has no key yet
    for task in _known_tasks({prompt_id for prompt_id, _rater in wanted}):
        tasks[task.prompt_id].append(task)
        sat |= {(id(task), seat.rater_id) for seat in task.seats.all() if seat.rater_id}
    chosen = []
    for prompt_id, rater_id in wanted:
        free = (task for task in tasks[prompt_id] if (id(task), rater_id) not in sat)
        task = next(free, None) or Task(prompt_id=prompt_id, kind="write")
        if task.pk is None and task not in tasks[prompt_id]:
            tasks[prompt_id].append(task)
        sat.add((id(task), rater_id))
        chosen.append(task)
    Task.objects.bulk_create({id(task): task for task in chosen if task.pk is None}.values())
    return chosen


def _known_tasks(prompt_ids: set[int]) -> QuerySet[Task]:
    tasks = Task.objects.filter(prompt_id__in=prompt_ids, kind="write", purpose=Task.Purpose.TRAIN)
    return tasks.order_by("pk").prefetch_related(Prefetch("seats", Seat.objects.only("task_id", "rater_id")))
