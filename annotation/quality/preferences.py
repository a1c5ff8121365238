"""How often raters order two answers alike, and the best score that a model could have on their labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotation import stats
from annotation.quality.orderings import Votes


@dataclass(frozen=True)
class Share:
    """A mean of `n` values in [0, 1] with its 95 % interval, tasks taken as the independent draws; with n = 0 nothing is known."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Ceiling:
    """Between what one rater reaches against the others (`lower`) and what no model of these labels can pass (`upper`)."""

    lower: Share
    upper: Share


def share(values: np.ndarray, tasks: np.ndarray) -> Share:
    """The mean of values in [0, 1], one half where there are none; those of one task go together."""
    low, high = stats.cluster_interval(values.tolist(), tasks.tolist())
    return Share(float(values.mean()) if len(values) else 0.5, low, high, len(values))


def pairwise_agreement(votes: Votes) -> Share:
    """How alike two raters of a task order two of its answers: 1 alike, 0 opposite, a half where only one of them ties.

    The tie-discounted accuracy of Zhou et al. 2023, "LIMA: Less is more for alignment", § 4.3, over every two raters and answers.
    """
    counts = counts_of(votes)
    lower, tie, higher = counts.T
    alike = (counts * (counts - 1)).sum(axis=1) / 2
    half, opposite = tie * (lower + higher), lower * higher
    values = np.tile([1.0, 0.5, 0.0], len(counts))
    times = np.stack([alike, half, opposite], axis=1).ravel().astype(int)
    return share(values.repeat(times), tasks_of(votes, len(counts)).repeat(3).repeat(times))


def agreement_of_each(votes: Votes) -> dict[int, Share]:
    """Rater → how alike they and another rater of the task order two answers, averaged over the others; as `pairwise_agreement`."""
    own, others = _own_and_others(votes)
    total = others.sum(axis=1)
    alike = np.take_along_axis(others, own[:, None] + 1, axis=1)[:, 0]
    half = np.where(own == 0, total - alike, others[:, 1])
    met = total > 0
    values = (alike + half / 2)[met] / total[met]
    return by_rater(values, votes.where(met))


def by_rater(values: np.ndarray, votes: Votes) -> dict[int, Share]:
    """The share of each rater who has a vote, of values one a vote."""
    chosen = {int(rater): votes.rater == rater for rater in np.unique(votes.rater)}
    return {rater: share(values[mine], votes.task[mine]) for rater, mine in chosen.items()}


def ceiling(votes: Votes) -> Ceiling:
    """How often the majority of the other raters (`lower`), and of all of them (`upper`), orders two answers as a rater did.

    Over the votes that a reward model is scored on: those without a tie, where two raters or more voted; a majority without a
    winner counts a half. The noise ceiling of Nili et al. 2014, "A toolbox for representational similarity analysis", "Estimating
    the upper limit": the best a model can reach lies between. No labelling of pairs scores above `upper`.
    """
    own, others = _own_and_others(votes)
    counted = (own != 0) & (others.sum(axis=1) > 0)
    lead = (others[:, 2] - others[:, 0])[counted]
    own, tasks = own[counted], votes.task[counted]
    return Ceiling(share((1 + np.sign(lead * own)) / 2, tasks), share((1 + np.sign((lead + own) * own)) / 2, tasks))


def counts_of(votes: Votes) -> np.ndarray:
    """(pairs × 3): votes for the answer with the higher id, ties, votes for that with the lower."""
    counts = np.zeros((votes.pair.max(initial=-1) + 1, 3), dtype=int)
    np.add.at(counts, (votes.pair, votes.sign * votes.side + 1), 1)
    return counts


def _own_and_others(votes: Votes) -> tuple[np.ndarray, np.ndarray]:
    """Each vote in its pair's own direction, and the counts (votes × 3) of the other votes on that pair."""
    own = votes.sign * votes.side
    others = counts_of(votes)[votes.pair]
    others[np.arange(len(own)), own + 1] -= 1
    return own, others


def tasks_of(votes: Votes, pairs: int) -> np.ndarray:
    tasks = np.zeros(pairs, dtype=int)
    tasks[votes.pair] = votes.task
    return tasks
