"""Learning from logged answers: what earned more is learned more, and how much so is what the papers say."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotation import frozen
from tests.training.recipes.conftest import Attempt, assistant, attempt, create, stop_at_once, user
from training import awr_math

pytestmark = pytest.mark.heavy

FAST = {"learning_rate": 2e-3, "critic_learning_rate": 2e-3, "max_length": 64, "batch_size": 8, "valid_every": 20}


def test_the_baseline_of_an_answer_is_the_mean_of_the_others() -> None:
    found = awr_math.of_others(np.array([1.0, 2.0, 6.0, 5.0]), ["a", "a", "a", "b"])
    assert found[:3].tolist() == [4.0, 3.5, 1.5]
    assert math.isnan(found[3])


def test_spreads_are_within_a_prompt_and_never_nothing() -> None:
    found = awr_math.spread_within(np.array([1.0, 3.0, 7.0, 7.0]), [1, 1, 2, 2])
    assert found.tolist() == [1.0, 1.0, 1.0, 1.0]
    assert awr_math.spread_within(np.array([0.0, 4.0]), [1, 1]).tolist() == [2.0, 2.0]


def test_weights_are_exponential_up_to_the_cap() -> None:
    found = awr_math.weights_of(np.array([-1.0, 0.0, 1.0, 900.0]), beta=0.5, most=20.0)
    assert found == pytest.approx([math.exp(-2), 1.0, math.exp(2), 20.0])


def test_the_effective_share_is_all_of_equals_and_one_of_a_single_weight() -> None:
    assert awr_math.effective_share(np.ones(8)) == 1.0
    assert awr_math.effective_share(np.array([1e9, 1.0, 1.0, 1.0])) == pytest.approx(1 / 4)
