"""Gao et al.'s curve: exact where it was planted, least squares elsewhere."""

from __future__ import annotations

import math
import random

import pytest

from evals import gains


def planted(distance: float, alpha: float = 1.3, beta: float = 0.5) -> float:
    return distance * (alpha - beta * math.log(distance))


def test_a_planted_curve_is_found_exactly():
    found = gains.fit([(d, planted(d)) for d in (0.5, 1, 2, 4, 8)])
    assert (found.alpha, found.beta, found.points) == (pytest.approx(1.3), pytest.approx(0.5), 5)
    assert [found(d) for d in (0, 1, 3)] == [0.0, pytest.approx(1.3), pytest.approx(planted(3))]


def test_its_peak_is_the_greatest_gain():
    found = gains.fit([(d, planted(d)) for d in (0.5, 1, 2, 4)])
    grid = [0.01 * place for place in range(1, 2000)]
    assert found.peak == pytest.approx(max(grid, key=planted), abs=0.01)
    assert gains.Fit(alpha=1.0, beta=-0.1, points=3).peak is None
    assert gains.Fit(alpha=1.0, beta=1e-9, points=3).peak is None


def test_noisy_points_get_the_least_weighted_squares():
    draw = random.Random(2)
    points = [(d, planted(d) + draw.gauss(0, 0.3)) for d in (0.5, 1, 1.5, 2, 3, 5)]
    weights = [draw.randint(1, 40) for _ in points]

    def lost(alpha: float, beta: float) -> float:
        return sum(w * (y - planted(d, alpha, beta)) ** 2 for (d, y), w in zip(points, weights, strict=True))

    found = gains.fit(points, weights)
    best = lost(found.alpha, found.beta)
    nearby = [(found.alpha + a, found.beta + b) for a in (-1e-3, 0, 1e-3) for b in (-1e-3, 0, 1e-3) if (a, b) != (0, 0)]
    assert all(best < lost(*other) for other in nearby)


def test_fewer_than_three_distances_are_not_fitted():
    assert gains.fit([]) is None
    assert gains.fit([(1, 1.0), (2, 1.5)]) is None
    assert gains.fit([(1, 1.0), (2, 1.5), (2, 1.6), (0, 0.0)]) is None


def test_log_odds_are_the_win_rate_seen_as_a_gain():
    assert gains.log_odds(0.5, 10) == 0
    assert gains.log_odds(1.0, 10) == math.log(10.5 / 0.5)
    assert gains.share_of(gains.log_odds(0.7, 10**9)) == pytest.approx(0.7)
    assert (gains.share_of(0.0), gains.share_of(-1000.0)) == (0.5, 0.0)
