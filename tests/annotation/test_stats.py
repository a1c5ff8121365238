"""Intervals against closed forms and against how often they really hold."""

from __future__ import annotations

import math

import numpy as np
import pytest

from annotation import stats
from evals.pooling import ratio


@pytest.mark.parametrize(
    ("wins", "n", "low", "high"),
    [
        # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3 (score).
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_intervals(wins, n, low, high):
    found = stats.wilson(wins / n, n)
    assert found == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_nothing_counted_leaves_everything_possible():
    assert stats.wilson(0.5, 0) == (0.0, 1.0)
    assert stats.cluster_interval([], []) == (0.0, 1.0)


def test_one_judgement_a_prompt_is_as_good_as_wilson():
    values = [1.0] * 30 + [0.0] * 20
    low, high = stats.cluster_interval(values, range(50))
    # The cluster-robust variance of 50 clusters of one is p(1-p)/49.
    assert (low, high) == stats.wilson(0.6, 49.0)


def test_the_same_vote_repeated_on_a_prompt_adds_nothing():
    once = [1.0] * 12 + [0.0] * 8
    repeated, prompts = [value for value in once for _ in range(5)], [prompt for prompt in range(20) for _ in range(5)]
    assert stats.cluster_interval(repeated, prompts) == pytest.approx(stats.cluster_interval(once, range(20)))


def test_unanimous_votes_still_leave_doubt():
    low, high = stats.cluster_interval([1.0] * 40, [number // 2 for number in range(40)])
    assert (low, high) == stats.wilson(1.0, 20)


def test_the_cluster_interval_holds_as_often_as_it_says_and_the_plain_one_does_not():
    """40 prompts of 5 votes; each prompt has its own preference, drawn around 0.6. Nominal 95 %."""
    random = np.random.default_rng(5)
    clustered = plain = 0
    for _ in range(600):
        share = random.beta(1.2, 0.8, size=40)
        votes = (random.random((40, 5)) < share[:, None]).astype(float).ravel()
        low, high = stats.cluster_interval(votes, np.repeat(np.arange(40), 5).tolist())
        clustered += low <= 0.6 <= high
        low, high = stats.wilson(votes.mean(), len(votes))
        plain += low <= 0.6 <= high
    assert clustered / 600 >= 0.93
    assert plain / 600 <= 0.85


def test_a_bootstrap_interval_of_a_mean_is_near_the_normal_one():
    values = np.random.default_rng(6).normal(3, 2, size=400)
    table = np.stack([values, np.ones(400)], axis=1)
    low, high = stats.bootstrap(table, ratio, draws=4000)
    half = stats.Z95 * values.std() / math.sqrt(400)
    assert (low, high) == (pytest.approx(values.mean() - half, abs=0.02), pytest.approx(values.mean() + half, abs=0.02))


def test_the_same_rows_and_seed_give_the_same_interval():
    table = np.random.default_rng(7).random((50, 2)) + 1
    assert stats.bootstrap(table, ratio) == stats.bootstrap(table, ratio)
    assert stats.bootstrap(table, ratio, seed=1) != stats.bootstrap(table, ratio)


def test_pairing_finds_a_difference_that_two_separate_intervals_hide():
    random = np.random.default_rng(8)
    hard = random.normal(0, 5, size=200)
    first = np.stack([hard, np.ones(200)], axis=1)
    second = np.stack([hard + 0.3 + random.normal(0, 0.5, size=200), np.ones(200)], axis=1)
    separate = stats.bootstrap(first, ratio), stats.bootstrap(second, ratio)
    assert separate[0][1] > separate[1][0]
    found = stats.paired_bootstrap(first, second, ratio)
    assert found.low > 0
    assert found.p < 0.01
    assert found.value == pytest.approx((second - first)[:, 0].mean())


def test_no_difference_is_called_one_about_as_often_as_it_should_be():
    random = np.random.default_rng(9)
    ones = np.ones(60)
    called = sum(
        stats.paired_bootstrap(
            np.stack([random.normal(size=60), ones], axis=1), np.stack([random.normal(size=60), ones], axis=1), ratio, draws=400
        ).p
        < 0.05
        for _ in range(300)
    )
    assert 3 <= called <= 30


def test_memory_of_the_bootstrap_is_bounded(monkeypatch):
    table = np.random.default_rng(10).random((100, 2)) + 1
    whole = stats.bootstrap(table, ratio)
    monkeypatch.setattr(stats, "CELLS", 1000)
    assert stats.bootstrap(table, ratio) == pytest.approx(whole)
