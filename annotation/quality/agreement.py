"""How far raters agree: Krippendorff's alpha, with an interval over what was judged.

Values come "long": one entry a value given, with the number of its unit (what was judged). Who gave no value to a unit is absent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from annotation import stats
from annotation.quality.orderings import Ordering

Distances = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Alpha:
    """1: perfect agreement, 0: as much as by chance, below: less. `units` have two values or more, `values` were given to them."""

    value: float
    low: float
    high: float
    units: int
    values: int


def _nominal(scale: np.ndarray, _counts: np.ndarray) -> np.ndarray:
    return (scale[:, None] != scale[None, :]).astype(float)


def _ordinal(_scale: np.ndarray, counts: np.ndarray) -> np.ndarray:
    # The values between two, with half of those at either end, is the distance between their middle places in the pooled order.
    places = counts.cumsum(axis=-1) - counts / 2
    return (places[..., :, None] - places[..., None, :]) ** 2


def _interval(scale: np.ndarray, _counts: np.ndarray) -> np.ndarray:
    return (scale[:, None] - scale[None, :]) ** 2


def _ratio(scale: np.ndarray, _counts: np.ndarray) -> np.ndarray:
    total = scale[:, None] + scale[None, :]
    return np.divide(scale[:, None] - scale[None, :], total, out=np.zeros_like(total), where=total != 0) ** 2


METRICS: dict[str, Distances] = {"nominal": _nominal, "ordinal": _ordinal, "interval": _interval, "ratio": _ratio}


def krippendorff(
    units: np.ndarray,
    values: np.ndarray,
    metric: str,
    *,
    clusters: np.ndarray | None = None,
    draws: int = stats.DRAWS,
    seed: int = 0,
) -> Alpha | None:
    """Krippendorff's alpha of `values` (floats; classes as numbers) given to `units`; None where no two values disagree or agree.

    Krippendorff 2011, "Computing Krippendorff's alpha-reliability", §§ B–D; `metric` is a key of METRICS. The interval is the
    percentile bootstrap, units resampled whole; `clusters` (one number a value) keeps units that are not independent together,
    such as the answers of one task. With a single cluster nothing is known: the interval is (-1, 1).
    """
    units, values, clusters = _pairable(units, values, units if clusters is None else clusters)
    scale, codes = np.unique(values, return_inverse=True)
    if len(scale) < 2:
        return None
    cells, pairs = _coincidences(units, codes, clusters, len(scale))

    def pool(sums: np.ndarray) -> np.ndarray:
        return _alpha(sums, pairs, scale, METRICS[metric])

    low, high = stats.bootstrap(cells, pool, draws=draws, seed=seed) if len(cells) > 1 else (-1.0, 1.0)
    return Alpha(float(pool(cells.sum(axis=0)[None])[0]), low, high, len(np.unique(units)), len(values))


def _pairable(units: np.ndarray, values: np.ndarray, clusters: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The values of the units that have two or more, units and clusters numbered from 0."""
    units, sizes = np.unique(units, return_inverse=True, return_counts=True)[1:]
    paired = sizes[units] > 1
    return (
        np.unique(units[paired], return_inverse=True)[1],
        np.asarray(values, dtype=float)[paired],
        np.unique(clusters[paired], return_inverse=True)[1],
    )


def _coincidences(units: np.ndarray, codes: np.ndarray, clusters: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """By cluster, the coincidence matrix's cells that are ever filled: (clusters × cells); and which two values each cell pairs.

    A unit with m values adds 1 / (m − 1) for each ordered pair of its values.
    """
    counts = np.zeros((width, units.max() + 1))
    np.add.at(counts, (codes, units), 1)
    cluster_of = np.zeros(counts.shape[1], dtype=int)
    cluster_of[units] = clusters
    shares = counts / (counts.sum(axis=0) - 1)
    filled, cells = [], []
    for v in range(width):
        for w in range(v, width):
            weights = shares[v] * (counts[v] - 1) if v == w else 2 * shares[v] * counts[w]
            if weights.any():
                filled.append((v, w))
                cells.append(np.bincount(cluster_of, weights))
    return np.array(cells).T, np.array(filled)


def _alpha(sums: np.ndarray, pairs: np.ndarray, scale: np.ndarray, metric: Distances) -> np.ndarray:
    """Alpha of each row of summed cells (rows × cells); 0 in a row without variation, which shows no agreement beyond chance."""
    first, second = pairs.T
    counts = np.zeros((len(sums), len(scale)))
    for column, (v, w) in enumerate(pairs):
        counts[:, v] += sums[:, column] / 2
        counts[:, w] += sums[:, column] / 2
    squares = np.broadcast_to(metric(scale, counts), (len(sums), len(scale), len(scale)))
    observed = (sums * squares[:, first, second]).sum(axis=1)
    total = counts.sum(axis=1)
    expected = np.einsum("rv,rw,rvw->r", counts, counts, squares) / np.maximum(total - 1, 1)
    return np.where(expected > 0, 1 - observed / np.where(expected > 0, expected, 1), 0.0)


def rank_alpha(orderings: Iterable[Ordering]) -> Alpha | None:
    """Ordinal alpha of rankings: a unit is one answer of a task, its value the place that a rater gave it.

    Places are ridits (Bross 1958): the share of the task's answers below, ties counted half, so that tasks of two and of nine
    answers speak one scale. Answers of one task are resampled together.
    """
    rows = [
        (ordering.task, sample, place)
        for ordering in orderings
        for sample, place in zip(ordering.samples, _ridits(ordering.values), strict=True)
    ]
    tasks, samples, places = np.array(rows).reshape(-1, 3).T
    units = np.unique(np.stack([tasks, samples]), axis=1, return_inverse=True)[1].ravel()
    return krippendorff(units, places, "ordinal", clusters=tasks)


def _ridits(values: tuple[float, ...]) -> list[float]:
    return [sum((other < value) + (other == value) / 2 for other in values) / len(values) for value in values]
