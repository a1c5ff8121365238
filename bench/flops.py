"""Arithmetic that a step of pretraining or an update of PPO cannot do without: what MFU is counted in.

Chowdhery et al. 2022 (PaLM), appendix B: a token costs 6 N to learn from, two operations for each of N weights forward and four
backward, and 12 L H Q T of attention over T tokens. Counted more strictly here: N holds only weights that are multiplied (no
embedding), the output layer works on tokens of answers alone, attention looks back only (half of T on average), and padding,
forwards without gradients and layers computed twice count nothing: time spent on them lowers the MFU.
"""

from __future__ import annotations

from bench.shapes import Shape


def update(shape: Shape, *, tokens: float, squares: float, answer_tokens: float, epochs: int) -> float:
    """Operations of an update of policy and critic, all weights trained.

    tokens: of the rollout's prompts and answers, summed over rows; squares: the rows' lengths squared, summed.
    """
    pairs = (squares + tokens) / 2  # a token attends to itself and to all before it
    attention = 12 * shape.layers * shape.width * pairs
    policy = 6 * (shape.trunk * tokens + shape.head * answer_tokens) + attention
    critic = 6 * (shape.trunk * tokens + shape.width * answer_tokens) + attention
    return epochs * (policy + critic)


def step(shape: Shape, *, rows: int, length: int) -> float:
    """Operations of a step of pretraining on so many rows, in each of which every token is learned from all before it."""
    pairs = rows * (length * length + length) / 2
    return 6 * (shape.trunk + shape.head) * rows * length + 12 * shape.layers * shape.width * pairs
