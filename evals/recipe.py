"""Measures a checkpoint: perplexity, token accuracy, BLEU, ROUGE, chrF and reward of a language model; accuracy of a reward model.

    python manage.py train evaluate --project P --input model=NAME --input dataset=SNAPSHOT --input corpus=NAME --input reward=RM

Perplexity is of the corpus, or without one of people's written answers. Answers are the model's own, greedy, to the prompts of one
split of the dataset. Every figure comes with the number of rows it rests on and a bootstrap interval over them; the rows are
kept, so that two checkpoints measured on the same prompts are compared prompt by prompt.

    out/scores.json     {"model", "metrics": {name: {"value", "low", "high", "n", …}}, "skipped": {metric: why}, "spec"}
    out/rows.jsonl      {"measure", "id", "stats"}: what each prompt or document adds to a figure
    out/answers.jsonl   {"prompt_id", "prompt", "text", "reward"}
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np

from annotation import stats
from evals.material import Material, read_documents, read_pairs, read_questions
from evals.metrics import Measure, NotMeasured, Rows
from evals.pooling import POOLS
from training import schema
from training.rundir import RunDir, Stopped, rank, staged
from training.schema import Input

TITLE = "Evaluate a checkpoint"
OUTCOME = "scores"
INPUTS = (
    Input("model", "checkpoint", "The language model or reward model to measure."),
    Input("dataset", "snapshot", "Prompts to answer, people's answers and their rankings.", required=False),
    Input("corpus", "corpus", "Held-out text whose perplexity is measured.", required=False),
    Input("reward", "checkpoint", "A reward model that scores the model's answers.", required=False, role="reward"),
)


@dataclass
class Config:
    """What is measured, on how much, and how answers are made."""

    metrics: str = field(
        default="perplexity, token_accuracy, bleu, rouge, chrf, reward, reward_accuracy",
        metadata={"help": "Which metrics, with commas between. What the inputs do not allow is left out, and the report says why."},
    )
    split: Literal["test", "validation", "train"] = field(
        default="test", metadata={"help": "Which prompts of the dataset. Nothing learns from the test split."}
    )
    limit: int = field(default=500, metadata={"help": "At most this many prompts, and documents of the corpus; 0: all.", "min": 0})
    batch_size: int = field(
        default=16, metadata={"help": "Rows at once. Changes the speed, not the figures.", "min": 1, "max": 4096}
    )
    max_new_tokens: int = field(default=128, metadata={"help": "Longest answer.", "unit": "tokens", "min": 1, "max": 32768})
    temperature: float = field(
        default=0.0,
        metadata={"help": "0 takes the likeliest token each time: a second run gives the same answers.", "min": 0, "max": 2},
    )
    window: int = field(
        default=0,
        metadata={
            "help": "Perplexity: most tokens read at once; 0: as many as the model can.",
            "unit": "tokens",
            "min": 0,
            "advanced": True,
        },
    )
    stride: int = field(
        default=0,
        metadata={
            "help": "Perplexity: how far the window moves over a longer document; 0: half a window.",
            "unit": "tokens",
            "min": 0,
            "advanced": True,
        },
    )
    draws: int = field(
        default=stats.DRAWS,
        metadata={
            "help": "Bootstrap draws behind each interval (Efron & Tibshirani 1993, §13.3).",
            "min": 100,
            "max": 100_000,
            "advanced": True,
        },
    )

    def check(self) -> dict[str, str]:
        """A metric that does not exist is refused with the name that does."""
        unknown = [name for name in names(self) if find_spec(dotted(name)) is None]
        return {"metrics": f"no metric {unknown[0]!r}; see `METRICS` in config/settings.py"} if unknown else {}


def names(config: Config) -> list[str]:
    """The metrics asked for."""
    return [name for name in map(str.strip, config.metrics.split(",")) if name]


def dotted(name: str) -> str:
    """Where a metric lives: ours by its name, another package's by its dotted path."""
    return name if "." in name else f"evals.metrics.{name}"


def main(run: RunDir, config: Config) -> None:
    """Measures with one metric after another; after each, what is known is kept, so that a stopped run goes on from there."""
    if rank() != 0:
        return  # figures are summed in one process; others have nothing to add
    material = gather(run, config)
    rows, skipped = resume(run, material)
    todo = names(config)
    for number, name in enumerate(todo):
        if name in rows or name in skipped:
            continue
        material.look = watch(run, number, len(todo))
        material.look(0, 1)
        try:
            rows[name] = import_module(dotted(name)).rows(material)
        except NotMeasured as missing:
            skipped[name] = str(missing)
            run.message(f"{name} is not measured: {missing}")
        keep(run, number + 1, material, rows, skipped)
    if not rows:
        raise ValueError("nothing could be measured: " + "; ".join(f"{name}: {why}" for name, why in skipped.items()))
    write(run, config, material, rows, skipped)
    run.progress(len(todo), len(todo), "metrics")


def gather(run: RunDir, config: Config) -> Material:
    """The inputs of the run, read."""
    dataset, corpus = run.input("dataset"), run.input("corpus")
    return Material(
        path=run.required("model"),
        batch_size=config.batch_size,
        window=config.window,
        stride=config.stride,
        max_new_tokens=config.max_new_tokens,
        temperature=config.temperature,
        seed=run.seed,
        documents=read_documents(corpus, config.limit) if corpus else [],
        questions=read_questions(dataset, config.split, config.limit) if dataset else [],
        pairs=read_pairs(dataset, config.split, config.limit) if dataset else [],
        reward_path=run.input("reward"),
    )


def watch(run: RunDir, number: int, total: int) -> Callable[[int, int], None]:
    """Told of every batch: moves the bar, at most once a second, and ends the run when it is asked to stop."""
    told = 0.0

    def look(done: int, of: int) -> None:
        nonlocal told
        if run.stop_requested:
            raise Stopped(f"after {number} of {total} metrics")
        if time.monotonic() - told > 1:
            told = time.monotonic()
            run.progress(round(number + done / of, 3), total, "metrics")

    return look


def keep(run: RunDir, step: int, material: Material, rows: dict[str, dict[str, Rows]], skipped: dict[str, str]) -> None:
    """What is known after `step` metrics: their rows, and the model's answers. Nothing here is random once it is known."""
    state = {"rows": rows, "skipped": skipped, "answers": material.answers, "rewards": material.rewards}
    with run.checkpoint(step, keep=1) as folder:
        (folder / "state.json").write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")


def resume(run: RunDir, material: Material) -> tuple[dict[str, dict[str, Rows]], dict[str, str]]:
    """The rows and the skipped metrics of an earlier attempt, its answers put back; empty without one."""
    folder = run.latest_checkpoint()
    if folder is None:
        return {}, {}
    state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    material.answers, material.rewards = state["answers"], state["rewards"]
    return state["rows"], state["skipped"]


def write(run: RunDir, config: Config, material: Material, rows: dict[str, dict[str, Rows]], skipped: dict[str, str]) -> None:
    """Fills `out/`: the figures, the rows under them, the answers."""
    metrics, lines = {}, []
    for name, found in rows.items():
        module = import_module(dotted(name))
        for measure in module.MEASURES:
            metrics[measure.name] = figure(measure, found[measure.name], config.draws, run.seed)
            if hasattr(module, "signature"):
                metrics[measure.name]["signature"] = module.signature()
            lines += [{"measure": measure.name, "id": row, "stats": list(stats)} for row, stats in found[measure.name]]
    model = run.spec.get("input_names", {}).get("model") or material.path.name
    scores = {"model": model, "metrics": metrics, "skipped": skipped, "spec": spec(run, config, material)}
    with staged(run.out) as out:
        (out / "scores.json").write_text(json.dumps(scores, indent=1, ensure_ascii=False, sort_keys=True), encoding="utf-8")
        write_lines(out / "rows.jsonl", lines)
        write_lines(out / "answers.jsonl", answer_lines(material))


def figure(measure: Measure, rows: Rows, draws: int, seed: int) -> dict[str, Any]:
    """One entry of scores.json: the value, its interval, and what a page needs to show both."""
    table = np.array([stats for _, stats in rows], dtype=float)
    low, high = stats.bootstrap(table, POOLS[measure.pool], draws=draws, seed=seed)
    counted = int(table[:, 1].sum()) if measure.counts in ("tokens", "bytes", "pairs") else len(rows)
    return {
        "value": measure.value(table), "low": low, "high": high, "n": len(rows), "counted": counted, "counts": measure.counts,
        "title": measure.title, "better": measure.better, "pool": measure.pool, "unit": measure.unit, "percent": measure.percent,
    }  # fmt: skip


def spec(run: RunDir, config: Config, material: Material) -> dict[str, Any]:
    """How the figures came about: what must be equal before two runs' figures may be compared."""
    return {
        "config": schema.as_dict(config),
        "inputs": run.spec.get("input_names", {}),
        "perplexity_of": "corpus" if material.documents else "written answers",
        "bos": "given, never predicted",
        "vocabulary": material.vocabulary(),
        "interval": f"percentile bootstrap over rows, 95 %, {config.draws} draws",
    }


def answer_lines(material: Material) -> list[dict[str, Any]]:
    """The model's answers, in the order of the questions."""
    return [
        {
            "prompt_id": question.id,
            "prompt": question.prompt,
            "text": material.answers[question.id],
            "reward": material.rewards.get(question.id),
        }
        for question in material.questions
        if question.id in material.answers
    ]


def write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    """JSON Lines."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
