"""The demo's synthetic world: its texts are the same for everybody, and an answer's worth is what `utility` says in words."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest

from annotation.simulated import is_simulated
from demo import raters, world
from demo.facts import ENTITIES

ASKED = "What colour is the tomato?"
BEST = "The tomato is red. Happy to help!"


def test_the_corpus_is_the_same_for_the_same_seed_and_another_for_another():
    assert world.corpus(seed=1, documents=200) == world.corpus(seed=1, documents=200)
    assert world.corpus(seed=1, documents=200) != world.corpus(seed=2, documents=200)


def test_the_corpus_has_as_many_documents_as_asked_for_half_of_them_in_each_language():
    documents = world.corpus(documents=500).strip().split("\n\n")
    assert Counter(map(world.language_of, documents)) == {"en": 250, "es": 250}


def test_the_corpus_holds_no_marks_of_a_chat():
    assert "<|" not in world.corpus(documents=500)


def test_prompts_are_distinct_labelled_synthetic_and_in_both_languages():
    prompts = world.prompts()
    assert len({prompt["messages"][0]["content"] for prompt in prompts}) == len(prompts) == 24 * len(ENTITIES)
    assert Counter(prompt["language"] for prompt in prompts) == {"en": len(prompts) // 2, "es": len(prompts) // 2}
    assert {(prompt["source"], prompt["licence"]) for prompt in prompts} == {("Crisol demo world (synthetic)", "CC0-1.0")}


def test_fewer_prompts_are_the_first_of_all_prompts():
    assert world.prompts(7, seed=3) == world.prompts(seed=3)[:7]


def test_more_prompts_than_there_are_is_an_error_that_says_how_many_there_are():
    with pytest.raises(ValueError, match=f"has {24 * len(ENTITIES)} questions"):
        world.prompts(10_000)


@pytest.mark.parametrize(
    ("answer", "worth"),
    [
        (BEST, 5.5),
        ("The tomato is red.", 4.5),
        ("Red.", 4.0),
        ("The tomato is red", 4.0),
        ("The tomato is blue.", 2.0),
        ("The tomato is red. The cup is blue.", 2.0),
        ("El tomate es de color rojo. ¡Con mucho gusto!", 3.0),
        ("", -1.0),
        ("%% ??", -1.0),
        ("the tomato is red.", 3.5),
        ('" The tomato is red.', 3.5),
        ("The tomato is red xyzzy.", 4.0),
        ("Xyzzy xyzzy. Xyzzy xyzzy.", 0.5 - 1.5 - 2.0 * 1 / 2),
    ],
)
def test_an_answer_is_worth_what_the_numbers_say(answer, worth):
    assert world.utility(ASKED, answer) == worth


def test_words_beyond_sixteen_cost_a_twentieth_each():
    long = "Well, that is a good question. I have thought about it for a long time. The red tomato is red."
    assert world.utility(ASKED, long) == pytest.approx(4.5 - (20 - 16) * 0.05)


def test_what_is_said_again_costs():
    once, twice = "The tomato is red.", "The tomato is red. The tomato is red."
    runs, new = 6, 4
    assert world.utility(ASKED, once) - world.utility(ASKED, twice) == pytest.approx(2.0 * (1 - new / runs))


def test_the_best_answer_to_every_question_is_worth_the_most():
    for text, question in world.QUESTIONS.items():
        fact = world.statement(question.entity, question.attribute, question.language)
        assert world.utility(text, f"{fact} {world.COURTESY[question.language][0]}") == world.BEST


def test_a_question_from_elsewhere_is_named():
    with pytest.raises(ValueError, match="not a question of the demo world: 'Who are you\\?'"):
        world.utility("Who are you?", "I am.")


def test_a_skilled_writer_is_always_right_and_an_unskilled_one_always_wrong():
    rng = random.Random(0)
    for question in list(world.QUESTIONS)[::17]:
        assert world.is_right(question, world.write(question, rng, skill=1.0))
        assert not world.is_right(question, world.write(question, rng, skill=0.0))


def test_a_rater_without_noise_ranks_by_utility_and_ties_what_is_worth_the_same():
    kind = "The tomato is red. Let me know if you need anything else."
    answers = {10: "Red.", 11: BEST, 12: "The tomato is red.", 13: BEST, 14: "nothing", 15: kind}
    ranked = raters.rank(ASKED, answers, random.Random(0), noise=0.0)
    assert ranked == {"tiers": [[11, 13, 15], [12], [10]], "unacceptable": [14]}


def test_a_noisy_rater_prefers_as_often_as_bradley_terry_says(monkeypatch):
    monkeypatch.setattr(raters, "TIE", 0.0)
    rng = random.Random(0)
    pair = {0: "The tomato is red.", 1: "The tomato is red"}
    preferred = sum(raters.rank(ASKED, pair, rng, noise=0.5)["tiers"][0] == [0] for _ in range(4000))
    assert preferred / 4000 == pytest.approx(1 / (1 + math.exp(-0.5 / 0.5)), abs=0.02)


def test_every_answer_is_ranked_once():
    rng = random.Random(0)
    for question in list(world.QUESTIONS)[::50]:
        answers = {place: world.write(question, rng, 0.5) for place in range(6)}
        ranked = raters.rank(question, answers, rng, noise=1.0)
        places = [place for tier in [*ranked["tiers"], ranked["unacceptable"]] for place in tier]
        assert sorted(places) == list(range(6))


def test_a_rater_without_noise_compares_by_utility():
    kind = "The tomato is red. Let me know if you need anything else."

    def said(first: str, second: str) -> dict:
        return raters.compare(ASKED, {1: first, 2: second}, random.Random(0), noise=0.0)

    assert said(kind, "The tomato is red.") == {"preferred": 1, "strength": 2, "both_bad": False}
    assert said("The tomato is red", "The tomato is red.") == {"preferred": 2, "strength": 1, "both_bad": False}
    assert said("nothing", kind) == {"preferred": 2, "strength": 3, "both_bad": False}
    assert said(kind, kind) == {"preferred": None, "both_bad": False}
    assert said("nothing", "nothing") == {"preferred": None, "both_bad": True}


def test_simulated_raters_have_names_that_say_so():
    assert all(is_simulated(rater.name) for rater in raters.RATERS)
