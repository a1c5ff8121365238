"""The human check of a run (`training/audit.py`): its logged answers become blind tasks, and people's answers a picture.

The tasks have the purpose `evaluate` and belong to an evaluation of the run's own: what is said there is never trained on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from annotation.chat import answer_messages
from annotation.models import Sample, Task
from evals import preference
from evals.models import Evaluation
from training import audit
from training.models import Checkpoint, Event, Run
from training.rundir import plain

ASKED = "asked"  # the event that says what became of an audit
KIND = "compare"
SIDES = ("policy", "reference")


# Asking -----------------------------------------------------------------------------------------------------------------------


def ask(run: Run) -> None:
    """Puts every audit of the run that nobody was asked about on the raters' desk. Called again, it does nothing more.

    What cannot be asked is told on the run's page, and the run goes on.
    """
    if not wanted(run):
        return
    done = set(run.events.filter(kind=ASKED).values_list("step", flat=True))
    for event in run.events.filter(kind=audit.KIND).order_by("id"):
        if event.step is not None and event.step not in done:
            done.add(event.step)
            _ask(run, event.step)


def wanted(run: Run) -> tuple[float, ...]:
    """The distances at which the run's lead wants people asked."""
    try:
        return audit.distances(str(run.config.get("audit_at") or ""))
    except ValueError:
        return ()


def policy_name(run: Run, step: int) -> str:
    """The name under which the policy's samples at a step are kept."""
    return f"{run}@{step}"


def _ask(run: Run, step: int) -> None:
    """The samples, tasks and the row that says so, all or nothing."""
    try:
        rows, why = _rows(run, step), ""
    except (ValueError, OSError) as error:
        rows, why = [], str(error)
    with transaction.atomic():
        # Locked, or two supervisors would each ask.
        Run.objects.select_for_update().get(pk=run.pk)
        if run.events.filter(kind=ASKED, step=step).exists():
            return
        tasks = _tasks(run, step, rows) if rows else []
        Event.objects.create(run=run, attempt=run.attempt, kind=ASKED, step=step, data={"tasks": len(tasks), "why": why})


def _tasks(run: Run, step: int, rows: list[dict[str, Any]]) -> list[Task]:
    reference = Checkpoint.objects.get(used_by__run=run, used_by__name="model")
    made = Sample.objects.bulk_create(
        Sample(
            prompt_id=row["prompt_id"],
            messages=row[side],
            model=name,
            sampling={"run": run.pk, "step": step},
            key=f"{preference.AUDIT}{run.pk}/{step}/{row['prompt_id']}/{side}",
        )
        for row in rows
        for side, name in zip(SIDES, (policy_name(run, step), reference.name), strict=True)
    )
    pairs = list(zip(made[::2], made[1::2], strict=True))
    return preference.ask(_evaluation(run, reference), pairs, kind=KIND, overlap=run.project.overlap)


def _evaluation(run: Run, reference: Checkpoint) -> Evaluation:
    found, _new = Evaluation.objects.get_or_create(
        project=run.project, name=f"{run} · audit", defaults={"created_by": run.created_by}
    )
    found.runs.add(run)
    found.checkpoints.add(reference)
    return found


def _rows(run: Run, step: int) -> list[dict[str, Any]]:
    """The logged answers, each line checked. The event's own word for the file is not trusted: its step names it."""
    path = run.folder / audit.FOLDER / f"step-{step}.jsonl"
    with open(path, encoding="utf-8") as file:
        rows = dict(_checked(path.name, file))
    known = run.project.prompts.filter(pk__in=rows).values_list("pk", flat=True)
    if strangers := sorted(set(rows) - set(known)):
        raise ValueError(_("%(file)s: prompt %(prompt)s is not in the run's project") % {"file": path.name, "prompt": strangers[0]})
    return list(rows.values())


def _checked(name: str, lines: Iterable[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each line by its prompt."""
    for number, text in enumerate(lines, 1):
        try:
            row = _row(plain(json.loads(text)))
        except ValueError as error:
            raise ValueError(_("%(file)s, line %(number)d: %(error)s") % {"file": name, "number": number, "error": error}) from None
        yield row["prompt_id"], row


def _row(line: Any) -> dict[str, Any]:
    if not isinstance(line, dict) or type(line.get("prompt_id")) is not int:
        raise ValueError(_("must be an object with a whole number “prompt_id”"))
    return {"prompt_id": line["prompt_id"], **{side: answer_messages(line.get(side), side) for side in SIDES}}
