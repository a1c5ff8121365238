"""Snapshots of graded answers, made by hand for tests of learning from logged rewards."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from annotation import frozen
from tests.training.recipes.conftest import assistant, user


class Said(NamedTuple):
    """An answer, and what one rater gave it."""

    text: str
    grade: float | None = None
    model: str = "base"
    aspect: str = "helpful"


def graded(folder: Path, asked: dict[str, Iterable[Said]], splits: tuple[str, ...] = ("train",), **prompt: Any) -> Path:
    """A snapshot with one judgement of the kind `rate` for each answer; prompt after prompt goes to the next of the splits."""
    prompts, rows, samples = [], [], 0
    for number, (question, answers) in enumerate(asked.items()):
        shared = {"prompt_id": number, "tools": [], "language": "en", "source": "test", "licence": "CC0-1.0"}
        shared["split"] = splits[number % len(splits)]
        prompts.append({**shared, "messages": user(question), "metadata": prompt})
        for said in answers:
            samples += 1
            rows.append({**shared, "prompt": user(question), **judgement(samples, said)})
    frozen.write(folder, prompts, rows)
    return folder


def judgement(number: int, said: Said, rater: str = "r1", kind: str = "rate") -> dict[str, Any]:
    """What a judgement says besides its prompt."""
    answer = {"sample_id": number, "messages": assistant(said.text), "model": said.model, "author": None, "written": False}
    grades = {} if said.grade is None else {said.aspect: said.grade}
    about = {"judgement_id": number, "task_id": number, "kind": kind, "rater": rater, "guidelines": None, "seconds": 1.0}
    return {**about, "answers": [{**answer, "grades": grades}]}
