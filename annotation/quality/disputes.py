"""Where raters contradict each other: how far the judgements of each task are from agreeing."""

from __future__ import annotations

import numpy as np

from annotation.quality.orderings import Votes


def disagreements(votes: Votes) -> dict[int, float]:
    """task → how unlike two of its raters order two of its answers: 0 is one mind, 1 opposites. Tasks with one rater are absent.

    What `preferences.pairwise_agreement` leaves of 1: a half where only one of the two raters ties.
    """
    if not len(votes.task):
        return {}
    counts = np.zeros((votes.pair.max() + 1, 3))
    np.add.at(counts, (votes.pair, votes.sign * votes.side + 1), 1)
    total = counts.sum(axis=1)
    lower, tie, higher = counts.T
    pairs, alike = total * (total - 1), (counts * (counts - 1)).sum(axis=1) + tie * (lower + higher)
    task_of = np.zeros(len(counts), dtype=int)
    task_of[votes.pair] = votes.task
    tasks, place = np.unique(task_of, return_inverse=True)
    compared, agreed = np.bincount(place, pairs), np.bincount(place, alike)
    return {int(task): float(1 - same / n) for task, same, n in zip(tasks, agreed, compared, strict=True) if n}
