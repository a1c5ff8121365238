"""Intervals that say how sure a figure is. numpy only; every random draw is seeded, so the same rows give the same interval."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

Z95 = NormalDist().inv_cdf(0.975)
DRAWS = 1000
CELLS = 4_000_000  # numbers of one block of resampling weights: 32 MB

Pool = Callable[[np.ndarray], np.ndarray]


def wilson(share: float, n: float, z: float = Z95) -> tuple[float, float]:
    """Score interval of a proportion: `share` of `n` trials (n may be an effective number). Wilson 1927."""
    if n <= 0:
        return 0.0, 1.0
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)))
    return max(0.0, centre - half), min(1.0, centre + half)


def effective_n(values: Sequence[float], clusters: Sequence[Hashable]) -> float:
    """How many independent trials carry as much as these values in [0, 1], given that those of one cluster go together.

    share (1 − share) over the cluster-robust variance of the mean, at most the number of values; where the values do not vary
    at all, the number of clusters. Korn & Graubard 1998, "Confidence intervals for proportions with small expected counts".
    """
    array = np.asarray(values, dtype=float)
    names = {name: index for index, name in enumerate(dict.fromkeys(clusters))}
    groups = len(names)
    share = float(array.mean())
    residuals = np.bincount([names[name] for name in clusters], weights=array - share, minlength=groups)
    if groups < 2 or not residuals.any():
        return float(groups)
    variance = groups / (groups - 1) * float((residuals**2).sum()) / len(array) ** 2
    return min(float(len(array)), share * (1 - share) / variance)


def cluster_interval(values: Sequence[float], clusters: Sequence[Hashable], z: float = Z95) -> tuple[float, float]:
    """Interval of the mean of values in [0, 1] that come in clusters (prompts): Wilson's, at the effective number of trials."""
    if not len(values):
        return 0.0, 1.0
    return wilson(float(np.mean(values)), effective_n(values, clusters), z)


def _resampled(stats: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """Sums of `stats` (rows × columns) over rows drawn with replacement: (draws × columns), in blocks of bounded memory."""
    rows = len(stats)
    random = np.random.default_rng(seed)
    block = max(1, CELLS // rows)
    share = np.full(rows, 1 / rows)
    sums = [
        random.multinomial(rows, share, size=min(block, draws - start)).astype(float) @ stats for start in range(0, draws, block)
    ]
    return np.concatenate(sums)


def _middle(draws: np.ndarray, level: float) -> tuple[float, float]:
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def bootstrap(stats: np.ndarray, pool: Pool, *, draws: int = DRAWS, seed: int = 0, level: float = 0.95) -> tuple[float, float]:
    """Percentile interval of `pool` of the summed rows of `stats`, rows resampled whole. Efron & Tibshirani 1993, §13.3."""
    return _middle(pool(_resampled(stats, draws, seed)), level)


@dataclass(frozen=True)
class Difference:
    """Second minus first, its interval, and how often resampling gives the other sign or none (two-sided)."""

    value: float
    low: float
    high: float
    p: float
    n: int


def paired_bootstrap(
    first: np.ndarray, second: np.ndarray, pool: Pool, *, draws: int = DRAWS, seed: int = 0, level: float = 0.95
) -> Difference:
    """How much two systems differ on the same rows (equal shapes, rows aligned): both resampled alike. Koehn 2004, §3."""
    both = _resampled(np.concatenate([first, second], axis=1), draws, seed)
    width = first.shape[1]
    drawn = pool(both[:, width:]) - pool(both[:, :width])
    value = float(pool(second.sum(axis=0)) - pool(first.sum(axis=0)))
    tail = min((drawn <= 0).mean(), (drawn >= 0).mean())
    # One is added to both counts so that no finite number of draws ever claims p = 0 (Davison & Hinkley 1997, §4.2).
    p = min(1.0, 2 * (float(tail) * draws + 1) / (draws + 1))
    return Difference(value, *_middle(drawn, level), p, len(first))
