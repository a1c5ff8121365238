"""Freezes a project's judgements in force into the files of a snapshot.

Judgements are append only, so a snapshot is fixed by its options: the shares of the splits and the last judgement and prompt
that it looks at. Freezing it twice gives the same bytes, whatever was judged in between.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from django.db import models, transaction
from django.db.models import Max

from annotation import frozen
from annotation.models import Grade, Judgement, Prompt, Sample, Snapshot, Task
from annotation.quality.orderings import Ordering
from annotation.simulated import pseudonym
from annotation.soft import soft_labels

DEFAULTS = {"validation": 0.1, "test": 0.1}
CHUNK = 500
COLUMNS = [  # of a judgement, its task, prompt and guidelines: reading the others, too, takes half as long again
    "rater__username", "seconds", "order", "written", "guidelines__version", "task__kind",
    *(f"task__prompt__{name}" for name in ("messages", "tools", "language", "source", "licence", "digest")),
]  # fmt: skip


def options(given: dict[str, Any]) -> dict[str, Any]:
    """The options of a snapshot with their defaults. ValueError names the one that is wrong."""
    values = {**DEFAULTS, **given}
    for name in DEFAULTS:
        if isinstance(values[name], bool) or not isinstance(values[name], (int, float)) or not 0 <= values[name] < 1:
            raise ValueError(f"{name}: must be a share from 0 up to, not including, 1")
    if values["validation"] + values["test"] >= 1:
        raise ValueError("validation and test together must leave a share for training: their sum must be below 1")
    if not isinstance(values.get("reliability", False), bool):
        raise ValueError("reliability: must be true or false")
    return values


def freeze(snapshot: Snapshot) -> Snapshot:
    """Writes the snapshot's folder and then its manifest in the database; one that is frozen is left as it is.

    What cannot be frozen keeps the reason in `error`, and ValueError or OSError is raised. Memory grows by eight
    bytes a row; with the option `reliability` as `annotation/soft.py` says.
    """
    if snapshot.frozen:
        return snapshot
    try:
        _bound(snapshot)
        prompts = (_prompt_row(prompt, snapshot.options) for prompt in _prompts(snapshot))
        manifest = frozen.write(snapshot.folder, prompts, _rows(snapshot), options=snapshot.options)
    except (ValueError, OSError) as error:
        Snapshot.objects.filter(pk=snapshot.pk).update(error=str(error))
        raise
    Snapshot.objects.filter(pk=snapshot.pk, manifest__isnull=True).update(manifest=manifest, error="")
    snapshot.refresh_from_db()
    return snapshot


def judgements(snapshot: Snapshot) -> models.QuerySet[Judgement]:
    """Those that the snapshot holds: made to train, within its bounds, and not superseded within them.

    Where a reviewer ruled on a task, the ruling stands for all that was said there.
    """
    last = snapshot.options["last_judgement"]
    rulings = _in_force(Judgement.objects.filter(task=models.OuterRef("task"), ruling=True), last)
    return _in_force(_to_train(snapshot), last).filter(models.Q(ruling=True) | ~models.Exists(rulings))


def _in_force(judgements: models.QuerySet[Judgement], last: int) -> models.QuerySet[Judgement]:
    """Those up to `last` that none up to `last` supersedes. NOT EXISTS: a join leads PostgreSQL into a loop over all tasks."""
    corrections = Judgement.objects.filter(supersedes=models.OuterRef("pk"), pk__lte=last)
    return judgements.filter(~models.Exists(corrections), pk__lte=last)


def _to_train(snapshot: Snapshot) -> models.QuerySet[Judgement]:
    return Judgement.objects.filter(task__prompt__project_id=snapshot.project_id, task__purpose=Task.Purpose.TRAIN)


def _bound(snapshot: Snapshot) -> None:
    """Fixes what the snapshot looks at, once: another attempt to freeze it, even at the same moment, must see the same."""
    with transaction.atomic():
        values = options(Snapshot.objects.select_for_update().get(pk=snapshot.pk).options)
        if "last_prompt" not in values:
            values["last_prompt"] = snapshot.project.prompts.aggregate(last=Max("pk"))["last"]
            values["last_judgement"] = _to_train(snapshot).aggregate(last=Max("pk"))["last"] or 0
        if values["last_prompt"] is None:
            raise ValueError("the project has no prompts yet: import some, then take a snapshot")
        snapshot.options = values
        snapshot.save(update_fields=["options"])


def _prompts(snapshot: Snapshot) -> Iterator[Prompt]:
    last, prompts = 0, snapshot.project.prompts.filter(pk__lte=snapshot.options["last_prompt"]).order_by("pk")
    while chunk := list(prompts.filter(pk__gt=last)[:CHUNK]):
        yield from chunk
        last = chunk[-1].pk


def _prompt_row(prompt: Prompt, options: dict[str, Any]) -> dict[str, Any]:
    return {"prompt_id": prompt.pk, "messages": prompt.messages, "metadata": prompt.metadata, **_about(prompt, options)}


def _about(prompt: Prompt, options: dict[str, Any]) -> dict[str, Any]:
    return {
        "tools": prompt.tools,
        "language": prompt.language,
        "source": prompt.source,
        "licence": prompt.licence,
        "split": frozen.prompt_split(prompt.digest, options["test"], options["validation"]),
    }


def _orderings(snapshot: Snapshot) -> Iterator[Ordering]:
    """The order of the answers in each judgement that put two or more in one; what its rater wrote was not among them."""
    for chunk in _judgement_chunks(snapshot):
        grades = _grades(chunk)
        for judgement in chunk:
            given = sorted((pk, of["overall"]) for pk, of in grades[judgement.pk].items() if "overall" in of)
            ordered = {pk: value for pk, value in given if pk != judgement.written_id}
            if len(ordered) > 1:
                yield Ordering(judgement.task_id, judgement.rater_id, tuple(ordered), tuple(ordered.values()))


def _rows(snapshot: Snapshot) -> Iterator[dict[str, Any]]:
    soft = soft_labels(_orderings(snapshot)) if snapshot.options.get("reliability") else None
    for chunk in _judgement_chunks(snapshot):
        shown = _shown(chunk)
        grades = _grades(chunk)
        samples = (
            Sample.objects.select_related("author")
            .only("messages", "model", "author__username")
            .in_bulk({pk for pks in shown.values() for pk in pks})
        )
        for judgement in chunk:
            answers = [
                _answer(samples[pk], grades[judgement.pk].get(pk, {}), written=pk == judgement.written_id)
                for pk in sorted(shown[judgement.pk])
            ]
            row = _row(judgement, answers, snapshot.options)
            yield soft.added(row, judgement.rater_id) if soft else row


def _judgement_chunks(snapshot: Snapshot) -> Iterator[list[Judgement]]:
    """The judgements in order of id, some at a time, without holding a transaction open between the chunks.

    Which ones is asked once: asked for each chunk, both databases read the whole project each time.
    """
    wanted = array("q", judgements(snapshot).order_by("pk").values_list("pk", flat=True).iterator())
    found = Judgement.objects.select_related("task__prompt", "guidelines", "rater").only(*COLUMNS).order_by("pk")
    for at in range(0, len(wanted), CHUNK):
        yield list(found.filter(pk__in=wanted[at : at + CHUNK].tolist()))


def _shown(chunk: list[Judgement]) -> dict[int, set[int]]:
    """The samples of each judgement: those of its task, and the one that it wrote."""
    of_task: dict[int, set[int]] = defaultdict(set)
    through = Task.samples.through.objects.filter(task_id__in={judgement.task_id for judgement in chunk})
    for task_id, sample_id in through.values_list("task_id", "sample_id"):
        of_task[task_id].add(sample_id)
    written = {judgement.pk: {judgement.written_id} if judgement.written_id else set() for judgement in chunk}
    return {judgement.pk: of_task[judgement.task_id] | written[judgement.pk] for judgement in chunk}


def _grades(chunk: list[Judgement]) -> dict[int, dict[int, dict[str, float]]]:
    """judgement → sample → aspect → value, for whole answers (step 0)."""
    found: dict[int, dict[int, dict[str, float]]] = defaultdict(dict)
    given = Grade.objects.filter(judgement__in=chunk, step=0)
    for judgement, sample, aspect, value in given.values_list("judgement_id", "sample_id", "aspect", "value"):
        found[judgement].setdefault(sample, {})[aspect] = value
    return found


def _row(judgement: Judgement, answers: list[dict[str, Any]], options: dict[str, Any]) -> dict[str, Any]:
    task = judgement.task
    return {
        "judgement_id": judgement.pk,
        "task_id": task.pk,
        "kind": task.kind,
        "prompt_id": task.prompt_id,
        "prompt": task.prompt.messages,
        **_about(task.prompt, options),
        "rater": pseudonym(judgement.rater),
        "guidelines": judgement.guidelines.version if judgement.guidelines else None,
        "seconds": judgement.seconds,
        "order": judgement.order,
        "answers": answers,
    }


def _answer(sample: Sample, grades: dict[str, float], *, written: bool) -> dict[str, Any]:
    return {
        "sample_id": sample.pk,
        "messages": sample.messages,
        "model": sample.model,
        "author": pseudonym(sample.author) if sample.author else None,
        "written": written,
        "grades": grades,
    }
