"""Rewards that need no model: what an answer is worth by a rule that anybody can check, from 0 to 1. No Django, no torch.

A config names them with their weights: `"exact:1 length:0.1"`. The reference values of a rule (the right answer, the schema, the
instructions) are in the `metadata` of each prompt. `model` is the score of a reward checkpoint, which the recipe brings along.

Each file of this package is one reward: `TITLE`, `check(metadata)` that raises ValueError where a prompt lacks what the rule
needs, and `reward(answer)`. Answers are hostile: a rule takes time linear in the answer, or gives up and pays 0.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MODEL = "model"
SHELF = {
    "exact": "training.rewards.exact",
    "regex": "training.rewards.regex",
    "json_schema": "training.rewards.json_schema",
    "instructions": "training.rewards.instructions",
    "calculations": "training.rewards.calculations",
    "length": "training.rewards.length",
}


@dataclass(frozen=True)
class Answer:
    """What is paid for: the answer `text` to the chat `prompt`; `ended` is false where it was cut at its longest length."""

    prompt: list[dict[str, Any]]
    text: str
    metadata: dict[str, Any]
    ended: bool = True


def parse(rewards: str) -> dict[str, float]:
    """`"exact:1 length:0.1"` → {"exact": 1.0, "length": 0.1}. ValueError names what is wrong, and what there is."""
    weights: dict[str, float] = {}
    for word in rewards.split():
        name, _, number = word.partition(":")
        if name not in SHELF and name != MODEL:
            raise ValueError(f"no reward {name!r}; there are: {', '.join([MODEL, *SHELF])}")
        if name in weights:
            raise ValueError(f"reward {name!r} is named twice: give it one weight")
        weights[name] = _weight(word, number)
    if not weights:
        raise ValueError(f"name at least one reward with its weight, as in exact:1; there are: {', '.join([MODEL, *SHELF])}")
    return weights


def errors(rewards: str) -> dict[str, str]:
    """What is wrong with an option `rewards`, for a Config's `check`."""
    try:
        parse(rewards)
    except ValueError as error:
        return {"rewards": str(error)}
    return {}


def _weight(word: str, number: str) -> float:
    try:
        weight = float(number)
    except ValueError:
        raise ValueError(f"reward {word!r}: write its weight after a colon, as in {word.partition(':')[0]}:1") from None
    if not math.isfinite(weight) or weight == 0:
        raise ValueError(f"reward {word!r}: its weight must be a finite number other than 0")
    return weight


def check(weights: Mapping[str, float], metadata: dict[str, Any]) -> None:
    """ValueError where a prompt with this metadata lacks, or spells wrongly, what a reward needs; names reward and field."""
    for name in _rules(weights):
        try:
            importlib.import_module(SHELF[name]).check(metadata)
        except ValueError as error:
            raise ValueError(f"reward {name}: {error}") from None


def parts(weights: Mapping[str, float], answers: Sequence[Answer], model: Sequence[float] | None = None) -> dict[str, list[float]]:
    """Each reward's value of each answer, before its weight. `model`: the scores of the reward checkpoint, where it is named."""
    if MODEL in weights and model is None:
        raise ValueError("the reward 'model' needs the scores of a reward checkpoint")
    found = {MODEL: list(model or ())} if MODEL in weights else {}
    for name in _rules(weights):
        rule = importlib.import_module(SHELF[name])
        found[name] = [float(rule.reward(answer)) for answer in answers]
    return found


def score(weights: Mapping[str, float], answers: Sequence[Answer], model: Sequence[float] | None = None) -> list[float]:
    """The weighted sum of the rewards of each answer."""
    return total(weights, parts(weights, answers, model))


def total(weights: Mapping[str, float], values: Mapping[str, Sequence[float]]) -> list[float]:
    """`parts` added up by weight, answer by answer."""
    columns = [[weight * value for value in values[name]] for name, weight in weights.items()]
    return [math.fsum(column) for column in zip(*columns, strict=True)]


def _rules(weights: Mapping[str, float]) -> list[str]:
    return [name for name in weights if name != MODEL]
