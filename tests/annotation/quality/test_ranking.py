"""Reliabilities and preferences against brute force and against planted raters."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from annotation.quality import davidson_luce, ranking
from annotation.quality.orderings import Ordering
from tests.annotation.quality import planted

BETAS = [0.3, 0.7, 1.0, 1.5, 2.2, 3.0]


def tiers(*rankings: list[int]) -> np.ndarray:
    return np.array([[ranking] for ranking in rankings])


def test_the_rankings_of_three_answers_are_as_likely_as_all_of_them_together():
    """Thirteen weak orders of three answers: their probabilities sum to one, and two answers follow Davidson 1970."""
    orders = [*permutations(range(3)), (0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0), (0, 0, 0)]
    table = tiers(*[list(order) for order in orders])
    ones, utilities = np.ones((13, 1)), np.tile([[0.3, -1.0, 0.8]], (13, 1, 1))
    found = davidson_luce.log_likelihood(davidson_luce.stages(table, 3), 1.7 * ones, -0.4 * ones, utilities)
    assert np.exp(found).sum() == pytest.approx(1)
    pair = davidson_luce.log_likelihood(
        davidson_luce.stages(tiers([0, 0]), 2), np.array([[2.0]]), np.array([[0.5]]), np.array([[[1.0, 0.0]]])
    )
    assert np.exp(pair).item() == pytest.approx(np.exp(0.5 + 1) / (np.exp(2) + 1 + np.exp(0.5 + 1)))


def test_slopes_are_those_of_the_likelihood():
    """Against finite differences, by β, τ and the utilities."""
    random, step = np.random.default_rng(0), 1e-5
    choices = davidson_luce.stages(random.integers(0, 1, (1, 2, 4)) + np.array([[[0, 1, 1, 2], [2, 0, 1, 0]]]), 3)
    beta, tau, points = np.array([[0.8, 2.0]]), np.array([[-0.5, 0.3]]), random.normal(size=(1, 1, 4))

    def value(beta: np.ndarray, tau: np.ndarray, points: np.ndarray) -> np.ndarray:
        return davidson_luce.log_likelihood(choices, beta, tau, points)[..., 0]

    found = davidson_luce.derivatives(choices, beta, tau, points)
    assert found.log_likelihood[..., 0] == pytest.approx(value(beta, tau, points))
    ups, downs = value(beta + step, tau, points), value(beta - step, tau, points)
    assert found.gradient[..., 0, 0] == pytest.approx((ups - downs) / (2 * step), abs=1e-6)
    assert found.curvature[..., 0, 0, 0] == pytest.approx(-(ups + downs - 2 * value(beta, tau, points)) / step**2, abs=1e-3)
    ups, downs = value(beta, tau + step, points), value(beta, tau - step, points)
    assert found.gradient[..., 0, 1] == pytest.approx((ups - downs) / (2 * step), abs=1e-6)
    gradient, curvature = davidson_luce.by_utilities(choices, beta, tau, points[:, 0])
    for answer in range(4):
        move = step * np.eye(4)[answer]
        up, down = (davidson_luce.by_utilities(choices, beta, tau, points[:, 0] + side)[0] for side in (move, -move))
        change = (value(beta, tau, points + move) - value(beta, tau, points - move)).sum() / (2 * step)
        assert gradient[0, answer] == pytest.approx(change, abs=1e-6)
        assert curvature[0, answer] == pytest.approx(-(up - down)[0] / (2 * step), abs=1e-5)


def test_preferences_are_the_posterior_summed_over_a_grid():
    """Two answers, three raters of the same reliability: the posterior of their difference by brute force."""
    orderings = [Ordering(1, rater, (5, 6), values) for rater, values in enumerate([(1.0, 0.0), (1.0, 0.0), (0.0, 1.0)])]
    fit = ranking.fit(orderings)
    distance = np.linspace(-12, 12, 20001)
    density = np.exp(-(distance**2) / 4)
    for rater, sign in enumerate([1, 1, -1]):
        density /= 1 + np.exp(-fit.raters[rater].beta * sign * distance)
    chance = density[distance > 0].sum() / density.sum()
    assert fit.preferences[0].samples == (5, 6)
    assert fit.preferences[0].chance[0, 1] == pytest.approx(chance, abs=0.01)
    assert fit.preferences[0].chance.diagonal().tolist() == [0, 0]


def test_planted_raters_are_recovered_within_their_intervals():
    """Six raters, 120 tasks of four answers with ties, three raters a task, eight seeds: 48 intervals of nominal 95 %."""
    held, errors = [], []
    for seed in range(8):
        fit = ranking.fit(planted.project(seed, BETAS, tasks=120, answers=4, overlap=3)[0])
        assert fit.converged
        found = [fit.raters[rater] for rater in range(len(BETAS))]
        held += [one.low <= beta <= one.high for one, beta in zip(found, BETAS, strict=True)]
        errors.append([np.arcsinh(one.beta) - np.arcsinh(beta) for one, beta in zip(found, BETAS, strict=True)])
    assert 0.88 <= np.mean(held) < 1
    assert np.mean(errors, axis=0) == pytest.approx(np.zeros(6), abs=0.2)


def test_chances_come_true_as_often_as_they_say():
    orderings, utilities = planted.project(21, BETAS, tasks=400, answers=3, overlap=2)
    said, true = [], []
    for preference in ranking.fit(orderings).preferences:
        ordered = utilities[preference.task][:, None] > utilities[preference.task][None, :]
        upper = np.triu_indices(3, 1)
        said += preference.chance[upper].tolist()
        true += ordered[upper].tolist()
    place = np.digitize(said, [0.15, 0.35, 0.65, 0.85])
    for number in range(5):
        mine = place == number
        assert np.mean(np.array(true)[mine]) == pytest.approx(np.mean(np.array(said)[mine]), abs=0.1)


def test_a_reliable_rater_outweighs_two_who_guess():
    orderings = planted.project(5, [4.0, 0.1, 0.1, 4.0], tasks=120, answers=2, overlap=3)[0]
    orderings += [Ordering(999, 0, (90001, 90002), (1.0, 0.0))]
    orderings += [Ordering(999, rater, (90001, 90002), (0.0, 1.0)) for rater in (1, 2)]
    chance = {found.task: found.chance for found in ranking.fit(orderings).preferences}[999]
    assert chance[0, 1] > 0.7


def test_a_rater_who_reads_the_scale_upside_down_is_seen():
    fit = ranking.fit(planted.project(1, [2.0, 2.0, 2.0, -2.0], tasks=150, answers=3, overlap=3)[0])
    assert fit.raters[3].high < 0
    assert fit.raters[3].accuracy < 0.5 < fit.raters[0].accuracy


def test_without_a_task_in_common_nothing_is_known_of_raters():
    orderings = [Ordering(task, task % 2, (2 * task, 2 * task + 1), (1.0, 0.0)) for task in range(60)]
    found = ranking.fit(orderings).raters[0]
    assert found.low < 0
    assert found.high > 5


def test_nine_answers_and_few_and_no_rankings_are_fitted_too():
    assert ranking.fit([]) == ranking.Fit({}, [], True)
    orderings = planted.project(2, [1.0, 3.0], tasks=12, answers=6, overlap=2)[0]
    nine = [Ordering(99, 0, tuple(range(900, 909)), tuple(map(float, range(9))))]
    fit = ranking.fit([*orderings, *nine, Ordering(100, 0, (1,), (0.0,))])
    assert fit.raters[0].rankings == 13
    assert len(fit.preferences) == 13
    assert fit.preferences[-1].chance[8, 0] > 0.9


@pytest.mark.parametrize(("beta", "accuracy"), [(0.0, 0.5), (50.0, 0.99)])
def test_accuracy_runs_from_guessing_to_certainty(beta, accuracy):
    assert ranking.accuracy(beta) == pytest.approx(accuracy, abs=0.01)
