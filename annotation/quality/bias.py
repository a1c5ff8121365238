"""What moves raters besides the answers' worth: where they stand on the page, and how long they are.

Both are shares of the votes without a tie; a half is no bias. A long answer may well be better: compare raters with each other,
and with what the guidelines ask, before calling it a fault.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from annotation.quality.orderings import Votes
from annotation.quality.preferences import Share, by_rater, share


def position(votes: Votes) -> Share:
    """How often the answer shown earlier is preferred. The order is drawn anew for each seat, so an unmoved rater's is a half."""
    decided = votes.where(votes.sign != 0)
    return share(_earlier(decided), decided.task)


def position_of_each(votes: Votes) -> dict[int, Share]:
    """Rater → how often they prefer the answer shown earlier."""
    decided = votes.where(votes.sign != 0)
    return by_rater(_earlier(decided), decided)


def length(votes: Votes, lengths: Mapping[int, int]) -> Share:
    """How often the longer answer is preferred; `lengths` by sample, answers of equal length are left out."""
    decided, longer = _by_length(votes, lengths)
    return share(longer, decided.task)


def length_of_each(votes: Votes, lengths: Mapping[int, int]) -> dict[int, Share]:
    """Rater → how often they prefer the longer answer."""
    decided, longer = _by_length(votes, lengths)
    return by_rater(longer, decided)


def _earlier(decided: Votes) -> np.ndarray:
    return (decided.sign > 0).astype(float)


def _by_length(votes: Votes, lengths: Mapping[int, int]) -> tuple[Votes, np.ndarray]:
    """The votes without a tie on answers of different lengths, and 1.0 where the longer one is preferred."""
    longer = np.array([lengths[a] - lengths[b] for a, b in zip(votes.earlier.tolist(), votes.later.tolist(), strict=True)])
    chosen = (votes.sign != 0) & (longer != 0) if len(longer) else np.zeros(0, dtype=bool)
    return votes.where(chosen), (votes.sign[chosen] == np.sign(longer[chosen])).astype(float)
