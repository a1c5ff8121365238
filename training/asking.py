"""What a policy that learns online is asked, in which order, and which reward model judges it: shared by ppo, grpo and rloo."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from training import rewards, snapshot_rows, text, weights
from training.rundir import RunDir
from training.snapshot_rows import NOBODY, Onlooker

if TYPE_CHECKING:
    from training.ppo_generate import Asked
    from training.ppo_networks import Networks

Prompt = TypeVar("Prompt")


class Asking(Protocol):
    """What a Config has that pays for answers."""

    rewards: str
    max_new_tokens: int


def reward_model(run: RunDir, config: Asking) -> Path | None:
    """The reward checkpoint, None where only rules are paid for. ValueError where `rewards` and the inputs disagree."""
    if rewards.MODEL in rewards.parse(config.rewards):
        if run.input("reward") is None:
            raise ValueError("rewards names model: give a reward checkpoint as input reward, or name rules only, as in exact:1")
        return run.required("reward")
    if run.input("reward") is not None:
        raise ValueError(
            f"a reward checkpoint was given that rewards={config.rewards!r} does not pay for: add model:1 or leave it out"
        )
    return None


def read(run: RunDir, config: Asking, nets: Networks, splits: tuple[str, ...]) -> list[Asked]:
    """The prompts of some splits as tokens; says how many leave no room for a whole answer.

    ValueError names the first prompt whose metadata lacks what a reward needs.
    """
    room = weights.longest(nets.policy, 10**9) - config.max_new_tokens
    asked = [prompt for split in splits for prompt in payable(run, config, nets.tokenizer, split)]
    fitting = [prompt for prompt in asked if len(prompt.ids) <= room]
    if not fitting and "train" in splits:
        raise ValueError(f"none of {len(asked)} training prompts leaves room for {config.max_new_tokens} new tokens")
    left_out = f"; {len(asked) - len(fitting)} left out, longer than {room} tokens" if len(fitting) < len(asked) else ""
    run.message(f"{' and '.join(splits)}: {len(fitting)} prompts{left_out}")
    return fitting


def payable(run: RunDir, config: Asking, tokenizer: Any, split: str, onlooker: Onlooker = NOBODY) -> Iterator[Asked]:
    """The prompts of a split as tokens. ValueError names one that lacks what a reward needs to know."""
    from training.ppo_generate import Asked

    wanted = rewards.parse(config.rewards)

    def items(row: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Asked]]:
        known = row.get("metadata") or {}
        rewards.check(wanted, known)
        ids = text.encode_prompt(tokenizer, row["messages"], row["tools"])
        yield row, Asked(row["prompt_id"], row["messages"], row["tools"], ids, known)

    return (asked for _row, asked in snapshot_rows.each_prompt(run, split, items, onlooker))


def show(run: RunDir, config: Asking, tokenizer: Any, split: str, onlooker: Onlooker) -> None:
    """Shows every prompt of a split, as it is asked. ValueError where `rewards` and the inputs disagree."""
    reward_model(run, config)
    for _ in payable(run, config, tokenizer, split, onlooker):
        pass


def following(prompts: Sequence[Prompt], asked: int, count: int, seed: int) -> list[Prompt]:
    """The next prompts after the first `asked`: every pass over them in a shuffled order that its number alone decides."""
    places = range(asked, asked + count)
    orders = {number: shuffled(len(prompts), f"{seed}/{number}") for number in {place // len(prompts) for place in places}}
    return [prompts[orders[place // len(prompts)][place % len(prompts)]] for place in places]


def shuffled(count: int, seed: str) -> list[int]:
    """The numbers below `count` in an order that follows from the seed."""
    return random.Random(seed).sample(range(count), count)
