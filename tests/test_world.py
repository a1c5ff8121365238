"""The demo's synthetic world and its simulated raters do what they say."""

from __future__ import annotations

import random

import pytest

from demo import raters, world

FOX = "What colour is the fox?"


@pytest.mark.parametrize(
    ("answer", "utility"),
    [
        ("The fox is orange. Happy to help!", 3.0),
        ("The fox is orange.", 2.0),
        ("El zorro es naranja.", 0.5),
        ("The fox is orange. The fox is orange.", 1.0),
        ("The fox is orange", 1.0),
        ("The fox is red.", -2.0),
        ("The fox is orange and red.", -2.0),
        ("", -2.0),
    ],
)
def test_the_utility_is_the_sum_that_is_stated(answer, utility):
    assert world.utility(FOX, answer) == pytest.approx(utility)


def test_a_rambling_answer_is_worth_less_than_a_short_one():
    rambling = " ".join([*world.RAMBLINGS["en"], "The fox is orange."])
    assert world.utility(FOX, rambling) == pytest.approx(2.0 - 0.1 * (len(rambling.split()) - 14))


def test_every_true_statement_is_worth_two_in_its_own_language():
    assert {world.utility(text, question.answer) for text, question in world.questions().items()} == {2.0}


def test_a_writer_without_skill_is_always_wrong():
    rng = random.Random(0)
    assert all(world.utility(text, world.write(text, rng, 0.0)) < 0 for text in world.questions())


def test_the_same_seed_makes_the_same_world():
    assert world.corpus(20_000, seed=3) == world.corpus(20_000, seed=3)
    assert world.prompts(50, seed=3) == world.prompts(50, seed=3)
    assert world.corpus(20_000, seed=3) != world.corpus(20_000, seed=4)


def test_more_prompts_than_the_world_has_are_refused():
    with pytest.raises(ValueError, match="1184 questions"):
        world.prompts(5000)


def test_a_rater_without_noise_ranks_by_utility():
    answers = ["The fox is red.", "The fox is orange.", "The fox is orange. Happy to help!", "The fox is orange."]
    assert raters.rank(FOX, answers, random.Random(0), noise=0.0) == {"tiers": [[2], [1, 3]], "unacceptable": [0]}


def test_a_noisy_rater_follows_the_plackett_luce_model():
    rng, noise = random.Random(0), 1.0
    answers = ["The fox is orange. Happy to help!", "The fox is orange."]
    firsts = 0
    for _ in range(4000):
        found = raters.rank(FOX, answers, rng, noise)
        order = [place for tier in [*found["tiers"], found["unacceptable"]] for place in tier]
        firsts += order[0] == 0
    assert firsts / 4000 == pytest.approx(0.731, abs=0.02)  # 1 / (1 + exp(-1)): the utilities differ by one
