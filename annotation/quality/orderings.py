"""One rater's order of one task's answers, and the votes on pairs of answers that follow from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Ordering:
    """The answers of a task in the order in which they were shown, and the value that the rater gave to each; equal is a tie."""

    task: int
    rater: int
    samples: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Votes:
    """What orderings say of each two answers, as arrays of equal length, one entry a vote.

    `sign` is 1 where the answer shown earlier is better, -1 where the later one is, 0 for a tie. `pair` numbers the two answers,
    the same for every rater of the task, and `side` turns `sign` to that pair's own direction: `sign * side` is 1 where the answer
    with the lower id is better.
    """

    task: np.ndarray
    rater: np.ndarray
    pair: np.ndarray
    sign: np.ndarray
    side: np.ndarray
    earlier: np.ndarray
    later: np.ndarray

    def where(self, chosen: np.ndarray) -> Votes:
        """The votes that a mask over them chooses."""
        return Votes(**{name: column[chosen] for name, column in vars(self).items()})


def votes(orderings: Iterable[Ordering]) -> Votes:
    """Every two answers of every ordering."""
    by_size: dict[int, list[Ordering]] = defaultdict(list)
    for ordering in orderings:
        by_size[len(ordering.samples)].append(ordering)
    tables = [_table(group, size) for size, group in by_size.items() if size > 1]
    task, rater, earlier, later, sign = np.concatenate(tables).T if tables else np.zeros((5, 0), dtype=int)
    low, high = np.minimum(earlier, later), np.maximum(earlier, later)
    pair = np.unique(np.stack([task, low, high]), axis=1, return_inverse=True)[1].ravel()
    return Votes(task, rater, pair, sign, np.where(earlier < later, 1, -1), earlier, later)


def _table(orderings: list[Ordering], size: int) -> np.ndarray:
    """Rows (task, rater, sample shown earlier, sample shown later, sign) of orderings of `size` answers each."""
    samples = np.array([ordering.samples for ordering in orderings])
    values = np.array([ordering.values for ordering in orderings])
    first, second = np.triu_indices(size, 1)
    who = np.array([(ordering.task, ordering.rater) for ordering in orderings]).repeat(len(first), axis=0)
    signs = np.sign(values[:, first] - values[:, second]).astype(int)
    return np.column_stack([who, samples[:, first].ravel(), samples[:, second].ravel(), signs.ravel()])
