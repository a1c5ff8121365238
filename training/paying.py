"""What answers earn that nobody graded: scores of a reward checkpoint, rewards by rule, or their weighted sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from annotation import frozen
from training import reward_scores, rewards
from training.reward_scores import Look
from training.rundir import RunDir
from training.schema import Input

REWARD = Input("reward", "checkpoint", "A reward model whose scores `rewards` names `model`.", required=False, role="reward")

Messages = list[dict[str, Any]]


@dataclass(frozen=True)
class Given:
    """An answer (its messages alone) to a prompt of a snapshot.

    `model`: the checkpoint that gave it, empty for a person; `ended` is false where it was cut at its longest length.
    """

    prompt_id: int
    prompt: Messages
    tools: list[Any]
    answer: Messages
    model: str = ""
    ended: bool = True


def paid(
    run: RunDir, wanted: str, metadata: dict[int, dict[str, Any]], given: Sequence[Given], look: Look | None = None
) -> list[float | None]:
    """The sum of the rewards that `wanted` names, of each answer; None where it is longer than the reward model reads.

    `metadata`: of each prompt, by its id. The reward model's scores have mean 0 and deviation 1 over what it learned from.
    """
    weights = rewards.parse(wanted)
    refuse_unpayable(weights, metadata, given)
    scores: list[float | None] = [0.0] * len(given)
    if rewards.MODEL in weights:
        if run.input("reward") is None:
            raise ValueError("rewards names 'model', but the run has no input 'reward': give a reward checkpoint")
        chats, tools = [[*one.prompt, *one.answer] for one in given], [one.tools for one in given]
        scores = reward_scores.normalised(run.required("reward"), chats, tools, look=look)
    answers = [rewards.Answer(one.prompt, spoken(one.answer), metadata[one.prompt_id], one.ended) for one in given]
    found = rewards.score(weights, answers, [score or 0.0 for score in scores])
    return [None if score is None else value for value, score in zip(found, scores, strict=True)]


def refuse_unpayable(weights: dict[str, float], metadata: dict[int, dict[str, Any]], given: Sequence[Given]) -> None:
    """ValueError names the first prompt that lacks what a reward needs to know."""
    for prompt_id in dict.fromkeys(one.prompt_id for one in given):
        try:
            rewards.check(weights, metadata[prompt_id])
        except ValueError as error:
            raise ValueError(f"prompt {prompt_id}: {error}") from None


def errors(wanted: str) -> dict[str, str]:
    """What is wrong with an option `rewards`, for a Config's `check`."""
    try:
        rewards.parse(wanted)
    except ValueError as error:
        return {"rewards": str(error)}
    return {}


def metadata_of(folder: Any, split: str) -> dict[int, dict[str, Any]]:
    """What the snapshot knows of each prompt of a split, by its id."""
    return {row["prompt_id"]: row.get("metadata") or {} for row in frozen.read_prompts(folder, split)}


def spoken(answer: Messages) -> str:
    """What the answer says last."""
    return str(answer[-1].get("content") or "")
