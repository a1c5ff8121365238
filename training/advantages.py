"""How much better than expected each logged answer is, token by token, and what it therefore weighs in the regression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from training import awr_math, critic
from training.logged import Logged
from training.rundir import RunDir

if TYPE_CHECKING:
    from training.recipes.awr import Config


def weigh(run: RunDir, config: Config, tokenizer: Any, train: list[Logged], valid: list[Logged]) -> dict[str, float]:
    """Gives every row the weights of its tokens, 1 on average over the training tokens. Returns figures of the weights."""
    of_train, of_valid = advantages(run, config, tokenizer, train, valid)
    unit = float(of_train.std()) or 1.0 if config.unit == "spread" else 1.0
    found = [awr_math.weights_of(values / unit, config.beta, config.weight_cap) for values in (of_train, of_valid)]
    mean = float(found[0].mean())
    for rows, values in zip((train, valid), found, strict=True):
        for row, one in zip(rows, np.split(values / mean, np.cumsum(lengths(rows)))[:-1], strict=True):
            row.weights = one.tolist()
    share, capped = awr_math.effective_share(found[0]), float((found[0] >= config.weight_cap).mean())
    told = {"weight_mean": mean, "weight_ess": share, "weight_capped": capped}
    run.metrics(0, **told)
    run.message(f"weights: mean {mean:.2f}, {capped:.1%} at the cap; they leave {share:.0%} of the training tokens")
    return told


def advantages(
    run: RunDir, config: Config, tokenizer: Any, train: list[Logged], valid: list[Logged]
) -> tuple[np.ndarray, np.ndarray]:
    """Reward minus baseline of every answer token, the rows one after the other: of the training and of the held-out rows."""
    expected = baselines(run, config, tokenizer, train, valid)
    ahead = [np.repeat(earned(rows), lengths(rows)) - before for rows, before in zip((train, valid), expected, strict=True)]
    if config.baseline == "value":
        foretold(run, train, ahead[0])
    if config.unit == "prompt":
        for rows, values in zip((train, valid), ahead, strict=True):
            values /= np.repeat(awr_math.spread_within(earned(rows), asked(rows)), lengths(rows))
    return ahead[0], ahead[1]


def baselines(run: RunDir, config: Config, tokenizer: Any, train: list[Logged], valid: list[Logged]) -> list[np.ndarray]:
    """What was to be expected before every answer token, of the training and of the held-out rows."""
    if config.baseline == "value":
        return [np.concatenate([[], *values]) for values in critic.values(run, config, tokenizer, train, valid)]
    if config.baseline == "group":
        return [np.repeat(awr_math.of_others(earned(rows), asked(rows)), lengths(rows)) for rows in (train, valid)]
    return [np.full(sum(lengths(rows)), earned(train).mean()) for rows in (train, valid)]


def foretold(run: RunDir, rows: list[Logged], errors: np.ndarray) -> None:
    """Says how much of the rewards' variance the critics foretold of prompts that they had not seen."""
    variance = float(np.repeat(earned(rows), lengths(rows)).var())
    share = 1 - float((errors**2).mean()) / variance if variance else 0.0
    run.metrics(0, critic_explained=share)
    advice = "" if share > 0 else ": no more than their mean does. Take baseline group or none, or fit the critics longer"
    run.message(f"critics: foretell {share:.0%} of the variance of rewards{advice}")


def earned(rows: list[Logged]) -> np.ndarray:
    """The reward of each row [rows]."""
    return np.array([row.reward for row in rows], dtype=np.float64)


def asked(rows: list[Logged]) -> list[int]:
    """The prompt of each row."""
    return [row.prompt_id for row in rows]


def lengths(rows: list[Logged]) -> list[int]:
    """The answer tokens of each row."""
    return [row.length for row in rows]
