"""What people's labels say an item is: majority vote, and Dawid & Skene's model of raters who each err in their own way.

Labels come as three arrays of equal length, one entry a label: the item's number, the rater's number, the class's number, each
counted from 0. Who gave no label to an item is absent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FLOOR = 1e-10  # no error is impossible: keeps the logarithms finite where a rater never gave a class


@dataclass(frozen=True)
class DawidSkene:
    """`posterior` (items × classes), `priors` (classes), `confusion` (raters × true class × given class), and how the fit ended.

    `log_likelihood` is that of the labels, in nats. A model that did not converge is still the best found.
    """

    posterior: np.ndarray
    priors: np.ndarray
    confusion: np.ndarray
    log_likelihood: float
    iterations: int
    converged: bool

    @property
    def labels(self) -> np.ndarray:
        """The likeliest class of each item; the lowest number of equals."""
        return self.posterior.argmax(axis=1)


def vote_shares(items: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How the labels of each item divide: (items × classes), rows sum to 1. An item without labels is refused: ValueError."""
    votes = np.zeros((items.max() + 1, labels.max() + 1))
    np.add.at(votes, (items, labels), 1)
    totals = votes.sum(axis=1, keepdims=True)
    if not totals.all():
        raise ValueError(f"item {int(np.flatnonzero(totals == 0)[0])} has no label: number the items without gaps")
    return votes / totals


def majority_vote(items: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The class that most raters gave to each item; the lowest number of equals."""
    return vote_shares(items, labels).argmax(axis=1)


def fit(
    items: np.ndarray, raters: np.ndarray, labels: np.ndarray, *, tolerance: float = 1e-9, iterations: int = 1000
) -> DawidSkene:
    """Maximum likelihood by EM from the shares of votes, until a step gains under `tolerance` nats a label.

    Dawid & Skene 1979, "Maximum likelihood estimation of observer error-rates using the EM algorithm", equations 2.3–2.5.
    The likelihood has several peaks; starting from the votes assumes that most raters are right more often than not.
    """
    posterior = vote_shares(items, labels)
    likelihood, step, converged = -np.inf, 0, False
    while not converged and step < iterations:
        step += 1
        priors, confusion = _rates(posterior, items, raters, labels)
        posterior, reached = _expected(priors, confusion, items, raters, labels)
        converged = reached - likelihood < tolerance * len(items)
        likelihood = reached
    return DawidSkene(posterior, priors, confusion, likelihood, step, converged)


def _rates(posterior: np.ndarray, items: np.ndarray, raters: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Class shares, and each rater's error rates, were the posterior the truth."""
    classes = posterior.shape[1]
    given = np.zeros((raters.max() + 1, classes, classes))
    np.add.at(given, (raters, labels), posterior[items])
    counts = np.maximum(given.swapaxes(1, 2), FLOOR)
    return np.maximum(posterior.mean(axis=0), FLOOR), counts / counts.sum(axis=2, keepdims=True)


def _expected(
    priors: np.ndarray, confusion: np.ndarray, items: np.ndarray, raters: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, float]:
    """The posterior of each item given the rates, and the log-likelihood of the labels."""
    joint = np.tile(np.log(priors), (items.max() + 1, 1))
    np.add.at(joint, items, np.log(confusion)[raters, :, labels])
    top = joint.max(axis=1, keepdims=True)
    weights = np.exp(joint - top)
    totals = weights.sum(axis=1, keepdims=True)
    return weights / totals, float((np.log(totals) + top).sum())
