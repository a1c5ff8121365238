"""How reliable each rater is, and how sure the order of each two answers is: one model of all rankings of a project.

Each answer of a task has a latent utility, N(0, 1); rater r discriminates with β_r (0: blindly, 1: as a logistic choice between
utilities a standard deviation apart, ∞: without error, below 0: upside down) and ties with readiness τ_r; rankings follow
`davidson_luce`. β and τ maximise the marginal likelihood, utilities integrated out: with few raters a task, maximising over
utilities too would overstate β (Neyman & Scott 1948). The integral is importance sampling around each task's mode; the search is
Newton's, with the observed information of Louis 1982, "Finding the observed information matrix when using the EM algorithm", § 3,
which also gives the intervals. They are of asinh β, in which the likelihood is nearly normal both around 0 and far from it. Weak
priors, asinh β ~ N(1, 1) and τ ~ N(−2, 2²), keep raters with few rankings finite and tell up from down.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from annotation.quality import davidson_luce
from annotation.quality.davidson_luce import Stages
from annotation.quality.orderings import Ordering
from annotation.stats import Z95

PRIOR_MEAN = np.array([1.0, -2.0])
PRIOR_PRECISION = np.array([1.0, 0.25])
BUDGET, FEWEST, MOST = 20_000, 32, 256  # draws: over all tasks, and for one; fewer tasks leave less room for errors to cancel
CELLS = 400_000  # scores of one block of tasks: 3 MB, so that they stay in the processor's cache
WIDE, WIDE_SHARE = 2.0, 0.25  # a quarter of the draws is twice as wide, against the tails that a mode does not see
STEPS, LONGEST_STEP, TOLERANCE = 200, 1.0, 1e-3
GRID = np.linspace(0, 1, 4097)
QUANTILES = np.vectorize(NormalDist().inv_cdf)(GRID.clip(1e-5, 1 - 1e-5))


@dataclass(frozen=True)
class Reliability:
    """A rater's β with its 95 % interval, and `accuracy`: how often they would put two random answers in their true order."""

    rater: int
    rankings: int
    beta: float
    low: float
    high: float
    tie: float

    @property
    def accuracy(self) -> float:
        return accuracy(self.beta)

    @property
    def accuracy_interval(self) -> tuple[float, float]:
        return accuracy(self.low), accuracy(self.high)


@dataclass(frozen=True)
class Preference:
    """`chance[a, b]`: the posterior probability that answer `samples[a]` of the task is truly better than `samples[b]`."""

    task: int
    samples: tuple[int, ...]
    chance: np.ndarray


@dataclass(frozen=True)
class Fit:
    """What the rankings say of raters and answers. Where the search did not converge, intervals are not to be trusted."""

    raters: dict[int, Reliability]
    preferences: list[Preference]
    converged: bool


@dataclass
class Block:
    """The tasks with equal numbers of answers and of raters: `who` (tasks × raters) numbers raters, `mode` is (tasks × answers)."""

    keys: list[tuple[int, tuple[int, ...]]]
    who: np.ndarray
    choices: Stages
    mode: np.ndarray

    def parts(self, draws: int) -> Iterator[slice]:
        each = self.who.shape[1] * len(self.choices.means) * draws
        size = max(1, CELLS // each)
        return (slice(start, start + size) for start in range(0, len(self.who), size))


def fit(orderings: Iterable[Ordering]) -> Fit:
    """The raters' reliabilities, and the preferences of every task with two answers or more.

    Rankings of one task by different raters are taken as independent given the utilities. Preferences hold for the β and τ found:
    what is unsure about these is not in them. 10,000 rankings of four answers by 30 raters take some 3 seconds, comparisons one.
    """
    found = [ordering for ordering in orderings if len(ordering.samples) > 1]
    raters = sorted({ordering.rater for ordering in found})
    blocks = _blocks(found, {rater: number for number, rater in enumerate(raters)})
    draws = int(np.clip(BUDGET / max(1, sum(len(block.who) for block in blocks)), FEWEST, MOST))
    theta, covariance, converged = _search(blocks, len(raters), draws)
    counts = Counter(ordering.rater for ordering in found)
    errors = np.sqrt(np.diag(covariance)).reshape(-1, 2)[:, 0]
    reliabilities = {
        rater: Reliability(rater, counts[rater], *_with_interval(asinh, error), float(tau))
        for rater, (asinh, tau), error in zip(raters, theta, errors, strict=True)
    }
    preferences = [preference for block in blocks for preference in _preferences(block, theta, min(MOST, 4 * draws))]
    return Fit(reliabilities, preferences, converged)


def _with_interval(asinh: float, error: float) -> tuple[float, float, float]:
    beta, low, high = np.sinh(asinh + Z95 * error * np.array([0, -1, 1])).tolist()
    return beta, low, high


def accuracy(beta: float) -> float:
    """The chance that a rater of discrimination β puts two answers of independent N(0, 1) utilities in their true order, untied."""
    distance = np.linspace(0, 12, 2001)
    density = np.exp(-(distance**2) / 4)
    return float((density / (1 + np.exp(-beta * distance))).sum() / density.sum())


def _blocks(orderings: list[Ordering], numbers: dict[int, int]) -> list[Block]:
    tasks: dict[tuple[int, tuple[int, ...]], list[Ordering]] = defaultdict(list)
    for ordering in orderings:
        tasks[ordering.task, tuple(sorted(ordering.samples))].append(ordering)
    shapes: dict[tuple[int, int], list[tuple[int, tuple[int, ...]]]] = defaultdict(list)
    for key, rankings in tasks.items():
        shapes[len(key[1]), len(rankings)].append(key)
    tiers = {shape: _tiers([tasks[key] for key in keys]) for shape, keys in shapes.items()}
    largest: dict[int, int] = defaultdict(int)
    for (answers, _raters), array in tiers.items():
        largest[answers] = max(largest[answers], davidson_luce.largest_tier(array))
    return [
        Block(
            keys,
            np.array([[numbers[ordering.rater] for ordering in tasks[key]] for key in keys]),
            davidson_luce.stages(tiers[shape], largest[shape[0]]),
            np.zeros((len(keys), shape[0])),
        )
        for shape, keys in shapes.items()
    ]


def _tiers(tasks: list[list[Ordering]]) -> np.ndarray:
    """The tier of each answer, 0 the best, answers in order of their ids: (tasks × raters × answers)."""
    samples = np.array([[ordering.samples for ordering in rankings] for rankings in tasks])
    values = np.array([[ordering.values for ordering in rankings] for rankings in tasks])
    values = np.take_along_axis(values, samples.argsort(axis=-1), axis=-1)
    falling = -np.sort(-values, axis=-1)
    first = np.concatenate([np.ones_like(falling[..., :1]), falling[..., 1:] < falling[..., :-1]], axis=-1)
    # An answer's tier is the number of distinct values above its own.
    return ((falling[..., None, :] > values[..., :, None]) * first[..., None, :]).sum(axis=-1)


def _search(blocks: list[Block], raters: int, draws: int) -> tuple[np.ndarray, np.ndarray, bool]:
    """θ = (asinh β, τ) of each rater, the covariance of their estimates, and whether the search came to rest."""
    theta = np.tile(PRIOR_MEAN, (raters, 1))
    caution, longest = 0.0, np.inf
    for _step in range(STEPS):
        gradient, complete, missing = _slopes(blocks, theta, draws)
        if longest < TOLERANCE and _positive(complete - missing):
            return theta, np.linalg.inv(complete - missing), True
        step = _solve(gradient, complete, (1 - caution) * missing)
        before, longest = longest, np.abs(step).max(initial=0)
        if longest > 0.9 * before:
            caution = (1 + caution) / 2
        theta = theta + step.reshape(-1, 2) * min(1.0, LONGEST_STEP / max(longest, 1e-12))
    return theta, np.linalg.inv(complete), False


def _solve(gradient: np.ndarray, complete: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Newton's step; where the information observed is not positive, and where nothing is said to be missing, the step of EM."""
    return np.linalg.solve(complete - missing if _positive(complete - missing) else complete, gradient)


def _positive(matrix: np.ndarray) -> bool:
    """Whether the matrix is positive definite."""
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True


def _slopes(blocks: list[Block], theta: np.ndarray, draws: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradient of the log-posterior of θ; the information on θ were the utilities known; what is lost as they are not."""
    size = theta.size
    gradient = (PRIOR_PRECISION * (PRIOR_MEAN - theta)).ravel()
    complete = np.diag(np.tile(PRIOR_PRECISION, len(theta)))
    missing = np.zeros((size, size))
    for block in blocks:
        for part in block.parts(draws):
            who = block.who[part]
            places = (2 * who[..., None] + np.arange(2)).reshape(len(who), -1)
            scores, curvature, lost = _expectations(block, part, theta, draws)
            np.add.at(gradient, places, scores)
            pairs = places.reshape(*who.shape, 2)
            np.add.at(complete, (pairs[..., :, None], pairs[..., None, :]), curvature)
            np.add.at(missing, (places[:, :, None], places[:, None, :]), lost)
    return gradient, complete, missing


def _expectations(block: Block, part: slice, theta: np.ndarray, draws: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Posterior means, over a task's utilities, of the score (tasks × 2 raters) and of the curvature (tasks × raters × 2 × 2) in θ,
    and the covariance of the score (tasks × 2 raters × 2 raters): the information that not knowing the utilities costs."""
    choices, beta, tau = block.choices.of(part), np.sinh(theta[block.who[part], 0]), theta[block.who[part], 1]
    utilities, log_prior = _draw(block, part, beta, tau, draws)
    found = davidson_luce.derivatives(choices, beta, tau, utilities)
    weights = _normal(found.log_likelihood.sum(axis=1) + log_prior)
    # By asinh β rather than β: the chain rule multiplies by √(1 + β²), and bends by β times the gradient.
    scale = np.stack([np.sqrt(1 + beta**2), np.ones_like(beta)], axis=-1)[:, :, None]
    scores = found.gradient * scale
    curvature = found.curvature * scale[..., :, None] * scale[..., None, :]
    curvature[..., 0, 0] -= found.gradient[..., 0] * beta[:, :, None]
    flat = np.swapaxes(scores, 1, 2).reshape(len(weights), weights.shape[1], -1)
    mean = np.einsum("tm,tms->ts", weights, flat)
    around = flat - mean[:, None]
    lost = np.swapaxes(around * weights[..., None], 1, 2) @ around
    return mean, np.einsum("tm,trmij->trij", weights, curvature), lost


def _preferences(block: Block, theta: np.ndarray, draws: int) -> Iterator[Preference]:
    for part in block.parts(draws):
        choices, beta, tau = block.choices.of(part), np.sinh(theta[block.who[part], 0]), theta[block.who[part], 1]
        utilities, log_prior = _draw(block, part, beta, tau, draws)
        weights = _normal(davidson_luce.log_likelihood(choices, beta, tau, utilities).sum(axis=1) + log_prior)
        above = utilities[:, :, :, None] > utilities[:, :, None, :]
        chances = np.einsum("tm,tmab->tab", weights, above)
        for (task, samples), chance in zip(block.keys[part], chances, strict=True):
            yield Preference(task, samples, chance)


def _draw(block: Block, part: slice, beta: np.ndarray, tau: np.ndarray, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """Utilities around each task's mode (tasks × draws × k), and log of prior density over the density they were drawn with.

    The proposal is a mixture of two normals around the mode, with the curvature's covariance and WIDE times its width (a defensive
    mixture: Owen & Zhou 2000, "Safe and effective importance sampling", § 2.2).
    """
    spread = _to_mode(block, part, beta, tau)
    tasks = np.arange(part.start, part.start + len(spread))
    points, log_density = _points(tasks, draws, spread.shape[2])
    utilities = block.mode[part][:, None] + points @ np.swapaxes(spread, 1, 2)
    return utilities, -(utilities**2).sum(axis=-1) / 2 - log_density


def _to_mode(block: Block, part: slice, beta: np.ndarray, tau: np.ndarray) -> np.ndarray:
    """Moves the tasks' modes to where utilities are likeliest; a square root of the covariance there: (tasks × k × k − 1)."""
    choices, mode = block.choices.of(part), block.mode[part]
    contrasts = _contrasts(mode.shape[1])
    for _step in range(STEPS):
        gradient, curvature = davidson_luce.by_utilities(choices, beta, tau, mode)
        curvature = contrasts.T @ curvature @ contrasts + np.eye(contrasts.shape[1])
        step = np.linalg.solve(curvature, ((gradient - mode) @ contrasts)[..., None])[..., 0]
        longest = np.abs(step).max(axis=1, keepdims=True)
        mode += step @ contrasts.T * np.minimum(1, LONGEST_STEP / np.maximum(longest, 1e-12))
        if longest.max() < 0.05:  # the weights of the draws make up for what is missing
            break
    return contrasts @ np.linalg.inv(np.swapaxes(np.linalg.cholesky(curvature), 1, 2))


def _contrasts(answers: int) -> np.ndarray:
    """Orthonormal differences of utilities (answers × answers − 1), all that rankings depend on: a dimension less to integrate."""
    steps = np.tri(answers, answers - 1, -1) - np.eye(answers, answers - 1) * np.arange(answers - 1, 0, -1)
    return steps / np.sqrt((steps**2).sum(axis=0))


def _points(tasks: np.ndarray, draws: int, dimensions: int) -> tuple[np.ndarray, np.ndarray]:
    """Even points of the proposal mixture around 0 with unit covariance (tasks × draws × dimensions), and its log density at each.

    A rank-1 sequence (Roberts 2018, "The unreasonable effectiveness of quasirandom sequences") through the normal's quantiles,
    shifted for each task by its number, so that the errors of tasks do not add up (Cranley & Patterson 1976).
    """
    root = 2.0
    for _step in range(60):
        root = (1 + root) ** (1 / (dimensions + 1))
    powers = root ** -np.arange(1.0, dimensions + 1)
    shifts = np.random.default_rng(0).random((tasks.max() + 1, dimensions))[tasks]
    even = (shifts[:, None] + np.arange(draws)[:, None] * powers) % 1
    points = np.interp(even, GRID, QUANTILES)
    wide = np.arange(draws) % round(1 / WIDE_SHARE) == 0
    points[:, wide] *= WIDE
    square = (points**2).sum(axis=-1) / 2
    narrow = np.log(1 - WIDE_SHARE) - square
    return points, np.logaddexp(narrow, np.log(WIDE_SHARE) - square / WIDE**2 - dimensions * np.log(WIDE))


def _normal(log_weights: np.ndarray) -> np.ndarray:
    """Weights that sum to 1 along the last axis."""
    weights = np.exp(log_weights - log_weights.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)
