"""The metrics, one file each: an `evaluate.Metric` for anybody, and `rows(material)` for the recipe `evaluate`.

A metric file lists its MEASURES; `rows` gives, for each of them, the statistics of every row (see `evals/pooling.py`).
This module is light: it imports neither `evaluate` nor torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evals.pooling import POOLS

Rows = Sequence[tuple[str, Sequence[float]]]  # (id of the prompt or document, statistics)


def gettext_noop(text: str) -> str:
    """Marks what a page will translate."""
    return text


class NotMeasured(Exception):
    """Raised by a metric's `rows` when the run was given nothing to measure; its text says what is missing."""


@dataclass(frozen=True)
class Measure:
    """One figure: how it is called, which way is better, and how the sums of its rows become the figure."""

    name: str
    title: str
    better: Literal["higher", "lower"]
    pool: str  # a name in evals.pooling.POOLS
    unit: str = ""
    percent: bool = False  # shown as a percentage
    counts: str = "rows"  # what the last column counts

    def value(self, stats: np.ndarray) -> float:
        """The figure of these rows (rows × columns)."""
        return float(POOLS[self.pool](np.asarray(stats, dtype=float).sum(axis=0)))


def values(measures: Sequence[Measure], rows: Mapping[str, Rows]) -> dict[str, float]:
    """The figure of every measure that has rows: what `compute` answers."""
    return {measure.name: measure.value(np.array([stats for _, stats in rows[measure.name]])) for measure in measures}
