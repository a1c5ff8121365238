"""One snapshot row becomes the rows that trainers expect."""

import pytest

from annotation.formats import preference, ranking, sft, unpaired

PROMPT = [{"role": "user", "content": "Which river?"}]


def said(text):
    return [{"role": "assistant", "content": text}]


def graded(text, overall=None, acceptable=None, written=False):
    grades = {"overall": overall, "acceptable": acceptable}
    return {
        "sample_id": 1,
        "messages": said(text),
        "model": "" if written else "m",
        "author": "r1" if written else None,
        "written": written,
        "grades": {aspect: value for aspect, value in grades.items() if value is not None},
    }


def row(*answers, tools=()):
    numbered = [{**answer, "sample_id": number} for number, answer in enumerate(answers, 1)]
    about = {"prompt_id": 7, "prompt": PROMPT, "tools": list(tools), "language": "en", "task_id": 5, "rater": "r3"}
    return {**about, "order": [number for number in reversed(range(1, len(answers) + 1))], "answers": numbered}


# Tiers: best; two that tie; two that are unacceptable.
FIVE = row(graded("b", 1.0, 1.0), graded("a", 2.0, 1.0), graded("c", 1.0, 1.0), graded("x", 0.0, 0.0), graded("y", 0.0, 0.0))


def test_every_strictly_ordered_pair_is_a_preference():
    pairs = [(pair["chosen"][0]["content"], pair["rejected"][0]["content"], pair["margin"]) for pair in preference.rows(FIVE)]
    assert sorted(pairs) == [
        ("a", "b", 1.0),
        ("a", "c", 1.0),
        ("a", "x", 2.0),
        ("a", "y", 2.0),
        ("b", "x", 1.0),
        ("b", "y", 1.0),
        ("c", "x", 1.0),
        ("c", "y", 1.0),
    ]


def test_a_preference_has_the_columns_of_trl():
    (pair,) = preference.rows(row(graded("a", 1.0), graded("b", 0.0)))
    assert pair == {"prompt": PROMPT, "chosen": said("a"), "rejected": said("b"), "margin": 1.0}


def test_a_ranking_keeps_ties_and_acceptability():
    (whole,) = ranking.rows(FIVE)
    assert whole == {
        "prompt": PROMPT,
        "answers": [said("b"), said("a"), said("c"), said("x"), said("y")],
        "tiers": [1, 0, 1, 2, 2],
        "acceptable": [True, True, True, False, False],
        "grades": [1.0, 2.0, 1.0, 0.0, 0.0],
        "aspects": {},
        "rater": "r3",
        "prompt_id": 7,
        "task_id": 5,
        "sample_ids": [1, 2, 3, 4, 5],
        "language": "en",
        "places": [4, 3, 2, 1, 0],
    }


def test_a_ranking_keeps_the_aspects_and_what_all_raters_say_together():
    made = row(graded("a", 2.0), graded("b", 0.0))
    first, second = made["answers"]
    first["grades"]["accuracy"], first["beats"], second["beats"] = 6.0, {"2": 0.8}, {"1": 0.2}
    (whole,) = ranking.rows({**made, "weight": 1.5})
    assert (whole["aspects"], whole["weight"]) == ({"accuracy": [6.0, None]}, 1.5)
    assert whole["beats"] == [[0.0, 0.8], [0.2, 0.0]]


def test_what_is_not_known_of_every_answer_is_left_out_of_a_ranking():
    made = row(graded("a", 1.0), graded("b", 0.0))
    made["answers"][0]["beats"], made["order"] = {"9": 0.8}, [1]
    (whole,) = ranking.rows(made)
    assert {"beats", "places"} & set(whole) == set()


def test_a_ranking_by_people_who_were_not_asked_about_acceptability_says_so():
    (whole,) = ranking.rows(row(graded("a", 1.0), graded("b", 0.0)))
    assert whole["acceptable"] == [None, None]


def test_a_written_answer_becomes_a_conversation():
    assert list(sft.rows(row(graded("The Ebro.", written=True)))) == [{"messages": [*PROMPT, *said("The Ebro.")]}]


def test_answers_of_models_are_no_demonstrations():
    assert list(sft.rows(FIVE)) == []


def test_acceptable_or_not_becomes_a_label():
    rows = list(unpaired.rows(row(graded("a", 1.0, 1.0), graded("b", 0.0, 0.0), graded("c", 0.0))))
    assert rows == [
        {"prompt": PROMPT, "completion": said("a"), "label": True},
        {"prompt": PROMPT, "completion": said("b"), "label": False},
    ]


@pytest.mark.parametrize("shape", [preference, ranking, unpaired])
def test_a_writing_is_no_comparison(shape):
    assert list(shape.rows(row(graded("The Ebro.", written=True)))) == []


@pytest.mark.parametrize("shape", [preference, ranking, sft, unpaired])
def test_tools_travel_with_every_shape(shape):
    tool = {"type": "function", "function": {"name": "look"}}
    judged = row(graded("a", 1.0, 1.0, written=True), graded("b", 0.0, 0.0), tools=[tool])
    assert all(made["tools"] == [tool] for made in shape.rows(judged))
    assert list(shape.rows(judged))
