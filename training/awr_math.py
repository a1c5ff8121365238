"""The mathematics of advantage-weighted regression (Peng et al. 2019): baselines, weights, and how much data they leave.

All arrays are float64 numpy. A weight exp(A/β) turns a regression on answers of μ into one on π ∝ μ exp(R/β): the baseline depends
on the prompt and on what is written so far, never on the choice that is weighed, so that it cancels in π.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np


def of_others(rewards: np.ndarray, groups: Sequence[Hashable]) -> np.ndarray:
    """The mean reward [n] of the other answers in each one's group; NaN for an answer that is alone.

    Leaving out the answer's own reward keeps the baseline free of the choice that is weighed: with it, k answers would have the
    fixed point of the temperature β k / (k − 1).
    """
    where = _places(groups)
    sums, counts = np.bincount(where, rewards), np.bincount(where)
    with np.errstate(invalid="ignore"):
        return (sums[where] - rewards) / np.where(counts[where] > 1, counts[where] - 1, np.nan)


def spread_within(rewards: np.ndarray, groups: Sequence[Hashable]) -> np.ndarray:
    """The standard deviation [n] of the rewards in each one's group; 1 where they are all equal."""
    where = _places(groups)
    counts = np.bincount(where)
    means = np.bincount(where, rewards) / counts
    spread = np.sqrt(np.bincount(where, (rewards - means[where]) ** 2) / counts)
    return np.where(spread > 1e-12, spread, 1.0)[where]


def weights_of(advantages: np.ndarray, beta: float, most: float) -> np.ndarray:
    """exp(A/β), `most` at most (Peng et al. 2019, eq. 10 and C)."""
    return np.exp(np.minimum(advantages / beta, np.log(most)))


def effective_share(weights: np.ndarray) -> float:
    """Kish's effective sample size, (Σw)² / Σw², as a share of the sample."""
    return float(weights.sum() ** 2 / (len(weights) * (weights**2).sum()))


def kl_of_best(n: int) -> float:
    """The best of n answers is at most log n − (n−1)/n nats of KL from the model that gave them (Stiennon et al. 2020, G.3).

    It is nearer where the same answer is drawn twice (Beirami et al. 2024).
    """
    return float(np.log(n) - (n - 1) / n)


def _places(groups: Sequence[Hashable]) -> np.ndarray:
    """The number of each one's group, counted from 0."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(group, len(numbers)) for group in groups], dtype=np.int64)
