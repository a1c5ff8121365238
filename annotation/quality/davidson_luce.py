"""How likely a ranking with ties is: Davidson–Luce, tier by tier, for raters who discriminate more or less.

A rater with discrimination β and readiness to tie τ picks the best tier S among the answers R that are left with probability
exp(score(S)) / Σ_{S' ⊆ R} exp(score(S')), score(S) = β · mean of the utilities in S + τ (|S| − 1), then goes on without S. One pair
without ties is Bradley–Terry, one pair Davidson 1970, a ranking without ties Plackett–Luce; Firth, Kosmidis & Turner 2019,
"Davidson-Luce model for multi-item choice with ties", § 2, where δ_d = exp(τ (d − 1)). Log-concave in the utilities.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np


@dataclass(frozen=True)
class Stages:
    """Rankings of k answers as choices of tiers: (tasks × raters) judgements, each a row of stages.

    `means` (tiers possible × k) gives a tier's mean utility, `extra` (tiers possible) its size less one. `open` (tasks × raters ×
    tiers possible × stages) is 1 where the tier could be picked at that stage, `picked` (tasks × raters × stages) which one was.
    A stage that a judgement does not need leaves one choice open, so that it says nothing.
    """

    means: np.ndarray
    extra: np.ndarray
    open: np.ndarray
    picked: np.ndarray

    def of(self, tasks: slice) -> Stages:
        return Stages(self.means, self.extra, self.open[tasks], self.picked[tasks])


@dataclass(frozen=True)
class Derivatives:
    """Of the log-likelihood (tasks × raters × draws) by β and τ: gradient (… × 2) and negative second derivatives (… × 2 × 2)."""

    log_likelihood: np.ndarray
    gradient: np.ndarray
    curvature: np.ndarray


def largest_tier(tiers: np.ndarray) -> int:
    """How many answers share the fullest of these tiers (… × k)."""
    return int((tiers[..., :, None] == tiers[..., None, :]).sum(axis=-1).max())


def stages(tiers: np.ndarray, largest: int) -> Stages:
    """The stages of `tiers` (tasks × raters × k): the tier of each answer, 0 the best, none left out.

    No tier of more than `largest` answers can be picked: give the largest seen (Turner et al. 2020, "Modelling rankings in R: the
    PlackettLuce package", § 2.1), which keeps nine answers affordable.
    """
    k = tiers.shape[-1]
    sets = [members for size in range(1, largest + 1) for members in combinations(range(k), size)]
    member = np.zeros((len(sets), k))
    for row, members in enumerate(sets):
        member[row, list(members)] = 1
    size = member.sum(axis=1)
    masks = member @ (1 << np.arange(k))
    position = np.zeros(1 << k, dtype=int)
    position[masks.astype(int)] = np.arange(len(sets))
    return Stages(member / size[:, None], size - 1, *_choices(tiers, masks.astype(int), position))


def _choices(tiers: np.ndarray, masks: np.ndarray, position: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`open` and `picked` of each judgement, from the possible tiers as bit masks and the place of each mask among them."""
    k = tiers.shape[-1]
    bits = 1 << np.arange(k)
    count = max(1, min(k - 1, int(tiers.max()) + 1))
    open_ = np.zeros((*tiers.shape[:-1], len(masks), count))
    picked = np.zeros((*tiers.shape[:-1], count), dtype=int)
    for stage in range(count):
        left = ((tiers >= stage) * bits).sum(axis=-1)
        tier = ((tiers == stage) * bits).sum(axis=-1)
        needed = (left & (left - 1)) > 0  # two answers or more are left
        picked[..., stage] = np.where(needed, position[tier], 0)
        possible = (masks & ~left[..., None]) == 0
        open_[..., stage] = np.where(needed[..., None], possible, np.arange(len(masks)) == 0)
    return open_, picked


def log_likelihood(choices: Stages, beta: np.ndarray, tau: np.ndarray, utilities: np.ndarray) -> np.ndarray:
    """(tasks × raters × draws) of raters' β and τ (tasks × raters each) and draws of utilities (tasks × draws × k)."""
    scores, weights = _scores(choices, beta, tau, utilities @ choices.means.T)
    return (_at(scores, choices.picked) - np.log(weights @ choices.open)).sum(axis=-1)


def derivatives(choices: Stages, beta: np.ndarray, tau: np.ndarray, utilities: np.ndarray) -> Derivatives:
    """As `log_likelihood`, with its first two derivatives by β and τ."""
    means = (utilities @ choices.means.T)[:, None]
    scores, weights = _scores(choices, beta, tau, means[:, 0])
    count = choices.open.shape[-1]
    extra = choices.extra[:, None]
    plain = weights @ np.concatenate([choices.open, choices.open * extra, choices.open * extra**2], axis=-1)
    weights *= means
    once = weights @ np.concatenate([choices.open, choices.open * extra], axis=-1)
    weights *= means
    total = plain[..., :count]
    mean, size = once[..., :count] / total, plain[..., count : 2 * count] / total
    gradient = [_at(means, choices.picked) - mean, choices.extra[choices.picked][:, :, None] - size]
    by_beta = (weights @ choices.open) / total - mean**2
    by_both = once[..., count:] / total - mean * size
    by_tau = plain[..., 2 * count :] / total - size**2
    curvature = np.stack([part.sum(axis=-1) for part in (by_beta, by_both, by_both, by_tau)], axis=-1)
    return Derivatives(
        (_at(scores, choices.picked) - np.log(total)).sum(axis=-1),
        np.stack([part.sum(axis=-1) for part in gradient], axis=-1),
        curvature.reshape(*curvature.shape[:-1], 2, 2),
    )


def by_utilities(choices: Stages, beta: np.ndarray, tau: np.ndarray, utilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At one point a task (tasks × k): gradient (tasks × k) and negative second derivatives (tasks × k × k) by the utilities."""
    weights = _scores(choices, beta, tau, (utilities @ choices.means.T)[:, None])[1][:, :, 0]
    chances = weights[..., None] * choices.open
    chances /= chances.sum(axis=2, keepdims=True)
    expected = np.einsum("trsc,sk->trck", chances, choices.means)
    gradient = np.einsum("tr,trck->tk", beta, choices.means[choices.picked] - expected)
    products = choices.means[:, :, None] * choices.means[:, None, :]
    pooled = np.einsum("tr,trsc->ts", beta**2, chances)
    scaled = expected * beta[:, :, None, None]
    return gradient, np.tensordot(pooled, products, axes=1) - np.einsum("trck,trcl->tkl", scaled, scaled)


def _scores(choices: Stages, beta: np.ndarray, tau: np.ndarray, means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores of the possible tiers, less the largest, and their exponentials: (tasks × raters × draws × tiers possible)."""
    scores = beta[:, :, None, None] * means[:, None] + tau[:, :, None, None] * choices.extra
    scores -= scores.max(axis=-1, keepdims=True)
    return scores, np.exp(scores)


def _at(values: np.ndarray, picked: np.ndarray) -> np.ndarray:
    """The value of the tier picked at each stage: (tasks × raters × draws × stages)."""
    shape = (*picked.shape[:2], values.shape[2])
    values = np.broadcast_to(values, (*shape, values.shape[3]))
    return np.take_along_axis(values, np.broadcast_to(picked[:, :, None, :], (*shape, picked.shape[-1])), axis=-1)
