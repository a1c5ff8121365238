"""What PPO pays for answers: rules, the score of a reward checkpoint, or a weighted sum of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from training import ppo_math, rewards, text
from training.rewards import Answer

if TYPE_CHECKING:
    from training.ppo_rollout import Answered


def paid(
    tokenizer: Any,
    answered: Sequence[Answered],
    weights: Mapping[str, float],
    *,
    model: Tensor | None,
    unended: float,
) -> tuple[Tensor, dict[str, float]]:
    """The pay [rows] of each answer, and each reward's mean before its weight, as `reward_NAME`.

    `model`: normalised scores [rows] of the reward checkpoint, where it is named. An answer that did not end earns `unended`.
    """
    answers = [
        Answer(row.asked.messages, text.decode_answer(tokenizer, row.ids), row.asked.metadata, row.ended) for row in answered
    ]
    values = rewards.parts(weights, answers, None if model is None else model.tolist())
    ended = torch.tensor([row.ended for row in answered])
    pay = ppo_math.or_unended(torch.tensor(rewards.total(weights, values)), ended, unended)
    return pay, {f"reward_{name}": sum(column) / len(column) for name, column in values.items()}
