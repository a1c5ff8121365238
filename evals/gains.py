"""How gains over a reference go with the distance from it: the curve of Gao et al. 2023, "Scaling laws for reward model
overoptimization", §3.1, for reinforcement learning. numpy only.

    R(d) = d (α − β log d),   d = √KL,   R(0) = 0

It is linear in α and β, so the least squares are exact. β is how fast the gain wears off: where it is positive, R is highest at
d = exp(α/β − 1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FEWEST = 3  # points: two would be met exactly, whatever they are


@dataclass(frozen=True)
class Fit:
    """A curve of gains; `points` is how many it was fitted to."""

    alpha: float
    beta: float
    points: int

    def __call__(self, distance: float) -> float:
        return distance * (self.alpha - self.beta * math.log(distance)) if distance > 0 else 0.0

    @property
    def peak(self) -> float | None:
        """The distance of the greatest gain; None where the curve never turns down."""
        exponent = self.alpha / self.beta - 1 if self.beta > 0 else math.inf
        return math.exp(exponent) if exponent < 50 else None


def fit(points: Sequence[tuple[float, float]], weights: Sequence[float] | None = None) -> Fit | None:
    """The curve with the least (weighted) squared error through `(distance, gain)`; None with fewer than FEWEST distances."""
    distances, gains = np.array(points, dtype=float).reshape(-1, 2).T
    if len(np.unique(distances[distances > 0])) < FEWEST:
        return None
    given = (distances > 0) & np.isfinite(gains)
    root = np.sqrt(np.ones(len(points)) if weights is None else np.asarray(weights, dtype=float))[given]
    terms = np.stack([distances[given], -distances[given] * np.log(distances[given])], axis=1)
    alpha, beta = np.linalg.lstsq(terms * root[:, None], gains[given] * root, rcond=None)[0]
    return Fit(float(alpha), float(beta), int(given.sum()))


def log_odds(share: float, n: int) -> float:
    """What people's win rate says as a gain: the Bradley–Terry difference in nats. Half a win is added to both sides, so that
    n wins of n are finite (Haldane 1956; Anscombe 1956)."""
    return math.log((share * n + 0.5) / ((1 - share) * n + 0.5))


def share_of(gain: float) -> float:
    """The win rate of a Bradley–Terry difference in nats: `log_odds` the other way, without its half wins."""
    return 1 / (1 + math.exp(-gain)) if gain > -500 else 0.0
