"""Where `bench.faults` plants: a case is rows, a model and a config, all of them changeable, and what preflight says of it."""

from __future__ import annotations

import importlib
import json
import shutil
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from annotation import frozen
from training import preflight, schema
from training.rundir import RunDir

Row = dict[str, Any]


@dataclass
class Case:
    """A run that could be started: judgements or prompts (or documents), a model's folder, a recipe and its config.

    `removed`: genuine faults that were taken out, by kind. `folder`: the model's own, made when it is first changed.
    """

    recipe: str
    config: Row
    model: Path
    rows: list[Row] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)
    removed: dict[str, int] = field(default_factory=dict)
    folder: Path | None = None
    tokenizer_only: bool = False
    blocked: bool = False  # nothing can be saved where the run lies

    def copy(self) -> Case:
        return deepcopy(self)

    def own_model(self) -> Path:
        """A copy of the model that may be spoiled."""
        if self.folder is None:
            number = sum(1 for _ in self.model.parent.glob("spoiled-*"))
            self.folder = Path(shutil.copytree(self.model, self.model.parent / f"spoiled-{number}"))
        return self.folder

    def of(self, split: str) -> list[Row]:
        return [row for row in self.rows if row["split"] == split]


def user(content: str) -> list[Row]:
    return [{"role": "user", "content": content}]


def assistant(content: str) -> list[Row]:
    return [{"role": "assistant", "content": content}]


def judgement(number: int, split: str, asked: list[Row], answers: list[Row], **about: Any) -> Row:
    """A row of a snapshot. `answers`: as `answer` makes them."""
    numbers = {"judgement_id": number, "task_id": number, "prompt_id": number}
    shared = {"language": "en", "source": "bench", "licence": "", "split": split, "tools": []}
    judged = {"kind": "rank", "rater": "r1", "guidelines": None, "seconds": 1.0}
    return {**numbers, **shared, **judged, "prompt": asked, "answers": answers, **about}


def answer(sample: int, messages: list[Row], written: bool = False, **grades: float) -> Row:
    return {"sample_id": sample, "messages": messages, "model": "", "author": None, "written": written, "grades": grades}


def findings(case: Case, folder: Path) -> dict[str, list[int]]:
    """The checks that found something, each with the ids that it names."""
    model = case.folder or case.model
    inputs: dict[str, Path] = {"tokenizer" if case.tokenizer_only else "model": model}
    recipe = importlib.import_module(f"training.recipes.{case.recipe}")
    if case.documents:
        inputs["corpus"] = folder.with_suffix(".txt")
        inputs["corpus"].parent.mkdir(parents=True, exist_ok=True)
        inputs["corpus"].write_text("\n\n".join(case.documents), encoding="utf-8")
    else:
        wanted = next(one.name for one in recipe.INPUTS if one.kind == "snapshot")
        inputs[wanted] = folder / "snapshot"
        frozen.write(inputs[wanted], map(prompt_of, case.rows), [row for row in case.rows if "answers" in row])
    spec = {"run": 1, "recipe": case.recipe, "main": recipe.__name__, "config": case.config, "seed": 0, "resources": {}}
    named = {"inputs": {name: str(path) for name, path in inputs.items()}, "input_names": {}, "preflight": True}
    run = RunDir.create(folder / "run", spec | named)
    if case.blocked:
        (run.path / "rehearsal").write_text("a file where a folder is wanted")
    preflight.main(run, recipe, schema.parse(recipe.Config, case.config))
    told = json.loads((run.out / preflight.FINDINGS).read_text(encoding="utf-8"))
    shutil.rmtree(folder)
    return {one["check"]: one["ids"] for one in told["findings"]}


def prompt_of(row: Row) -> Row:
    """The prompt of a judgement, or the row itself where it is one."""
    kept = ("prompt_id", "language", "source", "licence", "split", "tools")
    asked = row["prompt"] if "prompt" in row else row["messages"]
    return {**{name: row[name] for name in kept}, "messages": asked, "metadata": row.get("metadata", {})}
