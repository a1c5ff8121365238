"""Where raters contradict each other: how far the judgements of each task are from agreeing."""

from __future__ import annotations

import numpy as np

from annotation.quality.orderings import Votes
from annotation.quality.preferences import counts_of, tasks_of


def disagreements(votes: Votes) -> dict[int, float]:
    """task → how unlike two of its raters order two of its answers: 0 is one mind, 1 opposites. Tasks with one rater are absent.

    What `preferences.pairwise_agreement` leaves of 1: a half where only one of the two raters ties.
    """
    counts = counts_of(votes)
    total = counts.sum(axis=1)
    lower, tie, higher = counts.T
    pairs, alike = total * (total - 1), (counts * (counts - 1)).sum(axis=1) + tie * (lower + higher)
    tasks, place = np.unique(tasks_of(votes, len(counts)), return_inverse=True)
    compared, agreed = np.bincount(place, pairs), np.bincount(place, alike)
    return {int(task): float(1 - same / n) for task, same, n in zip(tasks, agreed, compared, strict=True) if n}
