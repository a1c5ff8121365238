"""Reward models score the answers that wait for people, so that raters first see those about which the models disagree.

    python manage.py train score --project P --input reward=RM --input second=RM2

The answers are those of the project's tasks that still want judgements when the run begins (`material/answers.jsonl`). A score is
on the scale of the model's `reward.json` (mean 0, deviation 1 over the rankings that it learned from), so that models compare. What
is longer than a model reads gets no score of it. The scores arrange the queue of a project whose policy is `disagreement`.

    out/rewards.jsonl   {"sample_id", "model", "value"}
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training import reward_scores
from training.rundir import RunDir, Stopped, rank, staged
from training.schema import Input

TITLE = "Score waiting answers"
INPUTS = (
    Input("reward", "checkpoint", "A reward model that scores the answers.", role="reward"),
    Input("second", "checkpoint", "Another one: where they disagree, people judge first.", required=False, role="reward"),
    Input("third", "checkpoint", "A third one.", required=False, role="reward"),
    Input("fourth", "checkpoint", "A fourth one.", required=False, role="reward"),
)
MATERIAL = "waiting_answers"
OUTCOME = "rewards"


@dataclass
class Config:
    batch_size: int = field(default=16, metadata={"help": "Answers scored at once.", "unit": "answers", "min": 1, "max": 4096})


def main(run: RunDir, config: Config) -> None:
    """One model after another; what a model has scored is on disk before the next begins, so that a stopped run goes on there."""
    if rank() != 0:
        return  # one process scores all
    answers = read(run.path / "material" / "answers.jsonl")
    models = [want.name for want in INPUTS if run.input(want.name)]
    run.message(f"{len(answers)} answers, {len(models)} reward models")
    for number, name in enumerate(models):
        if not part(run, name).exists():
            keep(run, name, scores(run, name, answers, config.batch_size, watch(run, number, len(models))))
    finish(run, models)


def read(path: Path) -> list[dict[str, Any]]:
    """The answers to score. ValueError when none wait."""
    with open(path, encoding="utf-8") as file:
        answers = [json.loads(line) for line in file]
    if not answers:
        raise ValueError("no task that shows answers waits for judgements: make tasks of them first")
    return answers


def scores(
    run: RunDir, name: str, answers: list[dict[str, Any]], batch_size: int, look: Callable[[int, int], None]
) -> list[dict[str, Any]]:
    """One reward model's lines of rewards.jsonl."""
    folder = run.required(name)
    chats, tools = [[*answer["prompt"], *answer["messages"]] for answer in answers], [answer["tools"] for answer in answers]
    found = reward_scores.normalised(folder, chats, tools, batch_size, look)
    model = run.spec["input_names"].get(name) or folder.name
    if unread := found.count(None):
        run.message(f"{model}: {unread} answers are longer than it reads and get no score")
    return [
        {"sample_id": answer["sample_id"], "model": model, "value": value}
        for answer, value in zip(answers, found, strict=True)
        if value is not None
    ]


def watch(run: RunDir, number: int, total: int) -> Callable[[int, int], None]:
    """Told of every batch: moves the bar, and ends the run when it is asked to stop."""

    def look(done: int, of: int) -> None:
        if run.stop_requested:
            raise Stopped(f"stopped after {number} of {total} reward models; their scores are kept")
        run.progress(round(number + done / of, 3), total, "reward models")

    return look


# On disk --------------------------------------------------------------------------------------------------------------------


def part(run: RunDir, name: str) -> Path:
    """What one reward model has scored."""
    return run.path / f"scored-{name}"


def keep(run: RunDir, name: str, lines: list[dict[str, Any]]) -> None:
    """Whole or not at all."""
    with staged(part(run, name)) as folder:
        write(folder / "rewards.jsonl", lines)


def finish(run: RunDir, models: list[str]) -> None:
    """All scores in one file, model by model."""
    with staged(run.out) as out, open(out / "rewards.jsonl", "w", encoding="utf-8") as file:
        for name in models:
            file.write((part(run, name) / "rewards.jsonl").read_text(encoding="utf-8"))


def write(path: Path, lines: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
