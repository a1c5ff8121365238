"""Conversations are laid into rows whole, once each, and close together."""

from __future__ import annotations

import random

import pytest

from training.packing import Packed, best_fit


def test_the_longest_come_first_each_into_the_fullest_row_with_room():
    assert best_fit([2, 6, 5, 4, 3], 10) == [[1, 3], [2, 4, 0]]


def test_every_item_is_in_one_row_and_no_row_is_too_full():
    dice = random.Random(0)
    lengths = [min(int(dice.lognormvariate(4.5, 0.9)) + 4, 512) for _ in range(3000)]
    rows = best_fit(lengths, 512)
    assert sorted(place for row in rows for place in row) == list(range(3000))
    assert max(sum(lengths[place] for place in row) for row in rows) <= 512
    assert len(rows) <= 1.02 * sum(lengths) / 512


def test_an_item_without_room_is_refused():
    with pytest.raises(ValueError, match="an item of 11 does not fit into a row of 10"):
        best_fit([3, 11], 10)


def test_nothing_makes_no_rows():
    assert best_fit([], 10) == []


def test_positions_restart_and_nobody_learns_a_first_token():
    rows = Packed([{"ids": [1, 2, 3], "learned": [1, 0, 1]}, {"ids": [4, 5], "learned": [1, 1]}], 6)
    assert list(rows) == [{"ids": [1, 2, 3, 4, 5], "learned": [0, 0, 1, 0, 1], "positions": [0, 1, 2, 0, 1]}]
