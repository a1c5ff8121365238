"""Agreement on pairs, the ceiling for models, and biases, counted by hand and against oracles."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from annotation.quality import bias, preferences
from annotation.quality.agreement import rank_alpha
from annotation.quality.orderings import Ordering, votes
from tests.annotation.quality import planted


def of(task: int, rater: int, **values: float) -> Ordering:
    """`of(1, 7, a=2, b=0)`: rater 7 of task 1 saw answer a first and put it above b."""
    return Ordering(task, rater, tuple(10 * task + ord(name) - 97 for name in values), tuple(values.values()))


def test_two_raters_agree_by_halves_where_one_of_them_ties():
    alike = preferences.pairwise_agreement(votes([of(1, 1, a=1, b=0), of(1, 2, b=0, a=3)]))
    opposite = preferences.pairwise_agreement(votes([of(1, 1, a=1, b=0), of(1, 2, a=0, b=1)]))
    one_ties = preferences.pairwise_agreement(votes([of(1, 1, a=1, b=0), of(1, 2, a=1, b=1)]))
    both_tie = preferences.pairwise_agreement(votes([of(1, 1, a=1, b=1), of(1, 2, a=0, b=0)]))
    assert [share.value for share in (alike, opposite, one_ties, both_tie)] == [1, 0, 0.5, 1]


def test_every_two_raters_and_every_two_answers_count_once():
    orderings = planted.project(4, [0.5, 1, 2, 4], tasks=30, answers=4, overlap=3)[0]
    found = []
    for one, other in combinations(orderings, 2):
        if one.task == other.task:
            values = dict(zip(other.samples, other.values, strict=True))
            mine = dict(zip(one.samples, one.values, strict=True))
            for a, b in combinations(one.samples, 2):
                signs = [np.sign(mine[a] - mine[b]), np.sign(values[a] - values[b])]
                found.append(1.0 if signs[0] == signs[1] else 0.5 if 0 in signs else 0.0)
    agreement = preferences.pairwise_agreement(votes(orderings))
    assert (agreement.value, agreement.n) == (pytest.approx(np.mean(found)), 30 * 3 * 6)


def test_agreement_of_each_is_with_the_others_of_their_tasks():
    ballots = votes([of(1, 1, a=1, b=0), of(1, 2, a=1, b=0), of(1, 3, a=0, b=1), of(2, 1, a=1, b=0)])
    found = preferences.agreement_of_each(ballots)
    assert {rater: share.value for rater, share in found.items()} == {1: 0.5, 2: 0.5, 3: 0.0}


def test_five_votes_on_one_task_are_not_five_tasks():
    alike = [of(1, rater, a=1, b=0) for rater in range(5)]
    apart = [of(task, rater, a=1, b=0) for task in range(5) for rater in range(2)]
    wide, narrow = (preferences.pairwise_agreement(votes(orderings)) for orderings in (alike, apart))
    assert (wide.value, narrow.value) == (1, 1)
    assert wide.low < narrow.low


def test_the_ceiling_lies_between_the_others_majority_and_everybodys():
    # Two of three raters prefer a: each of the two sees a split among the others, the third sees both against them.
    ceiling = preferences.ceiling(votes([of(1, 1, a=1, b=0), of(1, 2, a=1, b=0), of(1, 3, a=0, b=1)]))
    assert ceiling.lower.value == pytest.approx((0.5 + 0.5 + 0) / 3)
    assert ceiling.upper.value == pytest.approx(2 / 3)


def test_no_labelling_scores_above_the_ceiling():
    orderings = planted.project(9, [0.5, 1, 2, 3, 3], tasks=40, answers=2, overlap=3)[0]
    ballots = votes(orderings)
    decided = ballots.where(ballots.sign != 0)
    best = [
        max(np.mean(own == 1), np.mean(own == -1)) * len(own)
        for own in ((decided.sign * decided.side)[decided.pair == pair] for pair in np.unique(decided.pair))
    ]
    ceiling = preferences.ceiling(ballots).upper
    assert ceiling.value == pytest.approx(
        sum(best) / len(decided.sign), abs=0.02
    )  # a lone vote among ties has nobody to compare with
    assert preferences.ceiling(ballots).lower.value < ceiling.value


def test_position_and_length_are_seen_where_they_are_planted():
    """A rater who takes whatever stands first, and one who takes whatever is longer."""
    orderings = [of(task, 1, a=1, b=0) if task % 2 else of(task, 1, b=1, a=0) for task in range(40)]
    lengths = {10 * task + answer: 100 + answer * (1 if task % 4 < 2 else -1) for task in range(40) for answer in (0, 1)}
    longer = [
        Ordering(task, 2, (10 * task, 10 * task + 1), (float(lengths[10 * task]), float(lengths[10 * task + 1])))
        for task in range(40)
    ]
    ballots = votes(orderings + longer)
    position, length = bias.position_of_each(ballots), bias.length_of_each(ballots, lengths)
    assert (position[1].value, position[2].value) == (1, 0.5)
    assert (length[1].value, length[2].value) == (0.5, 1)
    assert position[1].low > 0.9
    assert position[2].low < 0.5 < position[2].high


def test_ties_and_equal_lengths_show_no_bias():
    ballots = votes([of(1, 1, a=1, b=1), of(2, 1, a=1, b=0)])
    assert bias.position(ballots).n == 1
    assert bias.length(ballots, {10: 5, 11: 5, 20: 7, 21: 7}).n == 0


def test_nothing_judged_says_nothing():
    nothing = votes([])
    unknown = preferences.Share(0.5, 0, 1, 0)
    assert preferences.pairwise_agreement(nothing) == bias.position(nothing) == bias.length(nothing, {}) == unknown
    assert preferences.ceiling(nothing) == preferences.Ceiling(unknown, unknown)
    assert preferences.agreement_of_each(nothing) == {}
    assert rank_alpha([]) is None


def test_alpha_of_rankings_is_one_for_one_mind_and_near_nought_for_chance():
    same = [of(task, rater, a=2, b=1, c=0) for task in range(5) for rater in range(3)]
    assert rank_alpha(same).value == 1
    chance = planted.project(2, [0.0] * 6, tasks=150, answers=3, overlap=3, tau=-9)[0]
    assert rank_alpha(chance).low < 0 < rank_alpha(chance).high


def test_alpha_of_pairs_is_twice_the_agreement_less_one():
    """With two answers and no ties, chance agrees half the time; the small-sample correction is 1 / values."""
    orderings = planted.project(6, [1.0] * 5, tasks=200, answers=2, overlap=2, tau=-30)[0]
    agreement = preferences.pairwise_agreement(votes(orderings)).value
    assert rank_alpha(orderings).value == pytest.approx(2 * agreement - 1, abs=2 / 800)
