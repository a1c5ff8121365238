"""On planted utilities whole rankings teach more than their pairs, and reliable raters more than all raters alike.

The small version of `bench/reward.py`: its world and synthetic raters, and a reward linear in words, so that the search is convex.
"""

from __future__ import annotations

import pytest

from bench.reward_linear import accuracy, ordered_alike, world
from bench.reward_world import Plan, difference

pytestmark = pytest.mark.heavy

SEEDS = range(1, 9)


def test_whole_rankings_with_ties_teach_more_than_their_pairs() -> None:
    plans = [Plan(seed=seed, tasks=100, held_out=300) for seed in SEEDS]
    whole, pairs = ([accuracy(plan, name) for plan in plans] for name in ("plackett_luce", "bradley_terry"))
    assert difference(whole, pairs)["low"] > 0


def test_weights_help_when_a_third_of_the_raters_are_random() -> None:
    plans = [Plan(seed=seed, tasks=100, overlap=3, blind=1 / 3, held_out=300) for seed in SEEDS]
    weighted, plain = ([accuracy(plan, "plackett_luce", weighted=known) for plan in plans] for known in (True, False))
    assert difference(weighted, plain)["low"] > 0


def test_with_enough_judgements_it_foresees_people_as_well_as_the_true_utility_does() -> None:
    plan = Plan(seed=0, tasks=1000, held_out=500, true=False)
    utilities, grades = world(plan)[-2:]
    assert accuracy(plan, "plackett_luce") > ordered_alike(utilities, grades) - 0.01
