"""How prompts go through TRL, and what the answers that come out of it earn.

TRL would render prompts with the tokenizer's chat template: without their tools, and reading special tokens that a person spelled
as if the template had written them, so that a hostile prompt could open a turn. Here a prompt goes in as a chat that says its
number, and `tokenizer_of` turns the number into the tokens that `text.encode_prompt` made of the prompt. Answers are read from
their tokens and paid as PPO pays them.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

from training import ppo_forward, ppo_math, ppo_rewards, rewards
from training.online import Online
from training.ppo_generate import Answered, Asked
from training.ppo_networks import Networks


def ticket(place: int) -> list[dict[str, str]]:
    """The prompt at this place, as TRL carries it."""
    return [{"role": "user", "content": str(place)}]


def place_of(prompt: list[dict[str, str]]) -> int:
    """What `ticket` says."""
    return int(prompt[0]["content"])


def tokenizer_of(tokenizer: Any, asked: Sequence[Asked]) -> Any:
    """A tokenizer for TRL, whose chat template turns the tickets of prompts into the prompts' tokens."""

    def apply_chat_template(conversation: list[Any], **_: Any) -> dict[str, list[list[int]]]:
        return {"input_ids": [list(asked[place_of(prompt)].ids) for prompt in conversation]}

    made = copy.deepcopy(tokenizer)
    made.padding_side = "left"
    # What a tokenizer would parse out of answers is not used here, and parsing may fail on what models write.
    made.response_template = made.response_schema = None
    made.apply_chat_template = apply_chat_template
    return made


def answered(tokenizer: Any, asked: Sequence[Asked], prompts: list[Any], completions: list[list[int]]) -> list[Answered]:
    """TRL's answers as ours: `completions` end with the end token where the model wrote it."""
    found = zip((asked[place_of(prompt)] for prompt in prompts), completions, strict=True)
    return [Answered(one, ids, tokenizer.eos_token_id in ids) for one, ids in found]


def paid(nets: Networks, config: Online, rows: Sequence[Answered]) -> tuple[list[float], dict[str, float]]:
    """What each answer earns, and each reward's mean as `reward_NAME`. ArithmeticError where the reward model gives no number."""
    model = None
    if nets.reward is not None:
        raw = ppo_forward.scores(nets, rows, config.batch_size)
        model = ppo_math.normalised(raw, nets.mean, nets.std, config.reward_clip)
    weights = rewards.parse(config.rewards)
    pay, parts = ppo_rewards.paid(nets.tokenizer, rows, weights, model=model, unended=config.no_end)
    refuse_not_finite(float(pay.sum()), parts)
    return pay.tolist(), parts


def refuse_not_finite(reward: float, figures: Mapping[str, float]) -> None:
    """ArithmeticError where a sum or mean of rewards is no number, with the figures that tell of it."""
    if not math.isfinite(reward):
        raise ArithmeticError(f"an answer's reward is not a finite number: look at the reward model ({dict(figures)})")
