"""Krippendorff's alpha against its author's example, published figures and how often its interval holds."""

from __future__ import annotations

import numpy as np
import pytest

from annotation.quality.agreement import krippendorff
from tests.annotation.quality.oracles import crowd, krippendorff_example


@pytest.mark.parametrize(
    ("metric", "value"), [("nominal", 0.743421), ("ordinal", 0.815388), ("interval", 0.849107), ("ratio", 0.797403)]
)
def test_the_example_of_twelve_units_has_its_published_alpha(metric, value):
    alpha = krippendorff(*krippendorff_example(), metric)
    assert alpha.value == pytest.approx(value, abs=1e-6)
    assert (alpha.units, alpha.values) == (11, 40)  # the twelfth unit has one value, which nothing can be compared with


def test_bluebirds_are_as_hard_to_tell_apart_as_published():
    items, _raters, labels, _gold = crowd("bluebirds")
    assert krippendorff(items, labels, "nominal").value == pytest.approx(0.1255, abs=5e-5)


def test_one_mind_is_one_and_systematic_contradiction_is_below_nought():
    units, same = np.repeat(np.arange(10), 2), np.repeat(np.arange(10) % 3, 2)
    assert krippendorff(units, same, "ordinal").value == 1
    assert krippendorff(units, np.tile([0, 1], 10), "nominal").value == pytest.approx(1 - 1 / (10 / 19))


def test_the_order_and_the_names_of_units_are_nothing_to_alpha():
    units, values = krippendorff_example()
    shuffled = np.random.default_rng(1).permutation(len(units))
    first = krippendorff(units, values, "ordinal").value
    assert krippendorff(units[shuffled] * 7 + 100, values[shuffled], "ordinal").value == pytest.approx(first, abs=1e-12)


def test_nothing_to_compare_has_no_alpha():
    assert krippendorff(np.arange(5), np.arange(5), "interval") is None
    assert krippendorff(np.zeros(5, dtype=int), np.ones(5), "nominal") is None
    assert krippendorff(np.array([], dtype=int), np.array([]), "nominal") is None


def test_one_cluster_leaves_everything_possible():
    alpha = krippendorff(np.repeat(np.arange(4), 2), np.array([1, 1, 2, 2, 1, 2, 2, 2]), "nominal", clusters=np.zeros(8, dtype=int))
    assert (alpha.low, alpha.high) == (-1, 1)


def test_the_same_rows_give_the_same_interval():
    assert krippendorff(*krippendorff_example(), "ordinal") == krippendorff(*krippendorff_example(), "ordinal")


def test_the_interval_holds_as_often_as_it_says():
    """Three raters who each report the truth with probability 0.7 and guess otherwise: alpha is 0.49. Nominal 95 %."""
    random = np.random.default_rng(11)
    units, held = np.repeat(np.arange(80), 3), 0
    for _ in range(300):
        truth, guess = random.integers(0, 2, 80), random.integers(0, 2, 240)
        values = np.where(random.random(240) < 0.7, truth[units], guess)
        alpha = krippendorff(units, values, "nominal", draws=400)
        held += alpha.low <= 0.49 <= alpha.high
    assert 0.90 <= held / 300 <= 0.98


def test_answers_of_one_task_counted_apart_claim_too_much():
    """Every task four copies of one unit: by task the interval is that of the tasks; by unit it is half as wide."""
    random = np.random.default_rng(3)
    values = np.repeat(random.integers(0, 2, (60, 1, 3)), 4, axis=1).ravel()
    units = np.repeat(np.arange(240), 3)
    by_task, by_unit = (krippendorff(units, values, "nominal", clusters=clusters) for clusters in (units // 4, None))
    assert (by_task.high - by_task.low) / (by_unit.high - by_unit.low) == pytest.approx(2, rel=0.15)
