"""Graded answers as rows with rewards: ratings as they are, orders in deviations."""

import pytest

from annotation.formats import logged
from tests.annotation.test_formats import FIVE, graded, row, said


def test_ratings_are_their_own_values():
    rated = row(graded("a", 6.0), graded("b", 2.0)) | {"kind": "rate"}
    first, second = logged.rows(rated)
    assert (first["rewards"], second["rewards"]) == ({"overall": 6.0}, {"overall": 2.0})
    assert not first["ordered"]


def test_an_order_is_standardised_within_its_judgement():
    answers = [answer | {"sample_id": number} for number, answer in enumerate(FIVE["answers"])]
    found = list(logged.rows(FIVE | {"kind": "rank", "answers": answers}))
    values = [made["rewards"]["overall"] for made in found]
    assert sum(values) == pytest.approx(0)
    assert sum(value**2 for value in values) == pytest.approx(5)
    assert sorted(range(5), key=values.__getitem__)[-1] == 1
    assert [made["rewards"]["acceptable"] for made in found] == [1.0, 1.0, 1.0, 0.0, 0.0]
    assert all(made["ordered"] for made in found)


def test_answers_that_all_tie_earn_nothing():
    assert [made["rewards"]["overall"] for made in logged.rows(row(graded("a", 3.0), graded("b", 3.0)) | {"kind": "rank"})] == [
        0,
        0,
    ]


def test_a_row_says_who_answered_and_how_much_its_rater_weighs():
    (made,) = logged.rows(row(graded("a", 6.0), graded("b")) | {"kind": "rate", "weight": 1.5})
    assert made == {
        "prompt": FIVE["prompt"],
        "answer": said("a"),
        "rewards": {"overall": 6.0},
        "ordered": False,
        "model": "m",
        "prompt_id": 7,
        "sample_id": 1,
        "rater": "r3",
        "weight": 1.5,
    }
