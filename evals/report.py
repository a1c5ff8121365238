"""The report of an evaluation, drawn from its runs' folders and its tasks' grades each time it is read. Nothing of it is stored.

`draw(evaluation)` is plain data: `report.json` is its text, the page and the one-file report are drawn from it alone. The same rows
and files give the same bytes.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.db.models import Count, Q

from annotation.models import Prompt, Sample, Seat
from evals import preference, scores
from evals.models import Evaluation
from training import lineage
from training.models import Checkpoint, Run
from training.rundir import OUT

VERSION = 1
SHOWN = 6  # prompts whose answers are laid side by side
LONGEST = 4000  # characters of an answer that the report carries

Report = dict[str, Any]
Outs = dict[str, list[Path]]


def draw(evaluation: Evaluation) -> Report:
    """Everything that is known now: checkpoints, measures with intervals and differences, votes, answers, and what still runs."""
    checkpoints = list(evaluation.checkpoints.order_by("id"))
    runs = list(evaluation.runs.order_by("id").prefetch_related("inputs__checkpoint"))
    outs = _outs(runs)
    names = [checkpoint.name for checkpoint in checkpoints]
    return {
        "version": VERSION,
        "evaluation": {
            "id": evaluation.pk,
            "name": evaluation.name,
            "project": evaluation.project.name,
            "created": evaluation.created.isoformat(timespec="seconds"),
        },
        "checkpoints": [_checkpoint(checkpoint) for checkpoint in checkpoints],
        "measures": measures(names, outs),
        "votes": votes(evaluation, names),
        "answers": answers(evaluation, names, outs),
        "skipped": _skipped(names, outs),
        "pending": [_pending(run) for run in runs if run.state != Run.State.SUCCEEDED],
    }


def as_json(report: Report) -> str:
    """The text of `report.json`."""
    return json.dumps(report, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def unfinished(report: Report) -> bool:
    """Whether a run of it may still bring figures."""
    return any(run["state"] not in Run.ENDED for run in report["pending"])


# Figures ----------------------------------------------------------------------------------------------------------------------


def measures(names: list[str], outs: Outs) -> list[dict[str, Any]]:
    """One entry a measure, in the order of ORDER: a row a checkpoint, and each one's difference from the first that has it."""
    titles: dict[str, dict[str, Any]] = {}
    for name in names:
        for out in outs.get(name, []):
            titles |= {measure: entry for measure, entry in scores.figures(out).items() if measure not in titles}
    drawn = [_measure(measure, titles[measure], names, outs) for measure in titles]
    order = list(scores.ORDER)
    return sorted(drawn, key=lambda one: order.index(one["name"]) if one["name"] in order else len(order))


def _measure(measure: str, entry: dict[str, Any], names: list[str], outs: Outs) -> dict[str, Any]:
    found = {name: out for name in names if (out := _newest(outs.get(name, []), measure))}
    first = next(iter(found))
    return {
        "name": measure,
        **{key: entry.get(key, "") for key in ("title", "better", "unit", "percent", "counts", "signature")},
        "rows": [_row(name, out, measure) for name, out in found.items()],
        "differences": [_difference(first, name, found, measure) for name in list(found)[1:]],
    }


def _newest(outs: list[Path], measure: str) -> Path | None:
    """The last run of a checkpoint that has this figure."""
    return next((out for out in reversed(outs) if measure in scores.figures(out)), None)


def _row(name: str, out: Path, measure: str) -> dict[str, Any]:
    entry = scores.figures(out)[measure]
    return {
        "checkpoint": name,
        "run": int(out.parent.name),
        **{key: entry[key] for key in ("value", "low", "high", "n", "counted")},
    }


def _difference(first: str, second: str, found: dict[str, Path], measure: str) -> dict[str, Any]:
    """Second minus first; without figures where the two do not compare."""
    known = scores.difference(found[first], found[second], measure)
    return {"first": first, "second": second, **(asdict(known) if known else {})}


def _skipped(names: list[str], outs: Outs) -> list[dict[str, str]]:
    """The metrics that a checkpoint's newest run could not measure, and why."""
    newest = {name: scores.read_scores(outs[name][-1]) for name in names if outs.get(name)}
    return [
        {"checkpoint": name, "metric": metric, "why": why}
        for name, found in newest.items()
        for metric, why in sorted(found.get("skipped", {}).items())
    ]


def _outs(runs: list[Run]) -> Outs:
    """The `out/` folders of the runs that succeeded, by the name of the checkpoint they measured, oldest first."""
    found: Outs = {}
    for run in runs:
        out = run.folder / OUT
        if run.state == Run.State.SUCCEEDED and (out / "scores.json").exists():
            found.setdefault(measured(run), []).append(out)
    return found


def measured(run: Run) -> str:
    """The name of the checkpoint that an `evaluate` run measures."""
    return next((row.checkpoint.name for row in run.inputs.all() if row.name == "model" and row.checkpoint), str(run))


def _checkpoint(checkpoint: Checkpoint) -> dict[str, Any]:
    """What it is, and whose judgement stands behind it."""
    people = lineage.people([lineage.ancestry(checkpoint)])
    return {
        "id": checkpoint.pk,
        "name": checkpoint.name,
        "role": checkpoint.role,
        "run": checkpoint.run_id,
        "recipe": checkpoint.run.recipe if checkpoint.run else "",
        "digest": checkpoint.digest,
        "parameters": checkpoint.card.get("parameters"),
        "judgements": people.judgements,
        "raters": people.raters,
        "simulated": people.simulated,
        "snapshots": [snapshot.name for snapshot in people.snapshots],
        "licences": people.licences,
    }


def _pending(run: Run) -> dict[str, Any]:
    return {"run": run.pk, "checkpoint": measured(run), "state": run.state}


# Votes ------------------------------------------------------------------------------------------------------------------------


def votes(evaluation: Evaluation, names: list[str]) -> list[dict[str, Any]]:
    """One entry for each two models that people compare, in the order asked: the later checkpoint against the earlier one."""
    place = {name: index for index, name in enumerate(names)}
    asked: dict[tuple[str, str], list[int]] = {}
    for task, models in preference.shown(evaluation.tasks.all(), "samples__model").items():
        if len(models) == 2 and "" not in models:
            earlier, later = sorted(models, key=lambda name: (place.get(name, len(place)), name))
            asked.setdefault((later, earlier), []).append(task)
    return [_vote(evaluation, first, second, tasks) for (first, second), tasks in asked.items()]


def _vote(evaluation: Evaluation, first: str, second: str, ids: list[int]) -> dict[str, Any]:
    tasks = evaluation.tasks.filter(pk__in=ids)
    wanted = Seat.objects.filter(task__in=tasks).aggregate(seats=Count("id"), filled=Count("id", filter=Q(filled__isnull=False)))
    return {"first": first, "second": second, "tasks": len(ids), **wanted, **asdict(preference.win_rate(tasks, first, second))}


# Answers ----------------------------------------------------------------------------------------------------------------------


def answers(evaluation: Evaluation, names: list[str], outs: Outs) -> list[dict[str, Any]]:
    """Some prompts with the answers of every checkpoint that has one: from the measuring runs, else its samples in the project."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    prompts: dict[str, list[dict[str, Any]]] = {}
    for name in names:
        for row in scores.read_answers(outs[name][-1]) if outs.get(name) else ():
            prompts[row["prompt_id"]] = row["prompt"]
            found.setdefault(row["prompt_id"], {})[name] = {"text": row["text"][:LONGEST], "reward": row["reward"]}
    if not found:
        found, prompts = _sampled(evaluation, names)
    most = sorted(found, key=lambda prompt: (-len(found[prompt]), int(prompt)))[:SHOWN]
    return [
        {
            "prompt_id": int(prompt),
            "prompt": prompts[prompt],
            "answers": [{"checkpoint": name, **found[prompt][name]} for name in names if name in found[prompt]],
        }
        for prompt in most
    ]


def _sampled(evaluation: Evaluation, names: list[str]) -> tuple[dict[str, dict[str, dict[str, Any]]], dict[str, Any]]:
    """The first sample of each checkpoint to the prompts that most of them answered."""
    samples = Sample.objects.filter(prompt__project=evaluation.project, model__in=names)
    counted = samples.values("prompt").annotate(models=Count("model", distinct=True)).order_by("-models", "prompt")
    shown = [row["prompt"] for row in counted[:SHOWN]]
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for sample in samples.filter(prompt__in=shown).order_by("id"):
        found.setdefault(str(sample.prompt_id), {}).setdefault(sample.model, {"text": sample.text[:LONGEST], "reward": None})
    prompts = Prompt.objects.filter(pk__in=shown).values_list("id", "messages")
    return found, {str(prompt): messages for prompt, messages in prompts}
