"""Other people's files in the shapes of Crisol's imports."""

from __future__ import annotations

import subprocess
import sys

import pytest

from annotation import parts
from bench import real_data, real_river

COMPARED = {
    "prompt": "Say hello.",
    "model_a": "tulu_65B",
    "model_b": "chatgpt",
    "completion_a": "Hello.",
    "completion_b": "No.",
    "completion_a_is_acceptable": "yes",
    "completion_b_is_acceptable": "no",
    "preference": "a-is-slightly-better",
    "evaluator": "e13",
    "timestamp": "2023-05-19 13:11:45",
}


@pytest.mark.parametrize(("preference", "grades"), [("a-is-better", [2, 0]), ("tie", [0, 0]), ("b-is-slightly-better", [0, 1])])
def test_a_five_way_preference_becomes_a_comparison_of_known_strength(preference, grades):
    row = parts.part("IMPORTS", "rankings").parse(real_data.ranking(COMPARED | {"preference": preference}))
    assert row.kind == "compare"
    assert row.grades == {"overall": grades, "acceptable": [1, 0]}
    assert (row.rater, [answer.model for answer in row.answers]) == ("e13", ["tulu_65B", "chatgpt"])


def test_a_comparison_without_an_answer_is_refused_by_name():
    with pytest.raises(ValueError, match=r"answers\[0\]\.text"):
        parts.part("IMPORTS", "rankings").parse(real_data.ranking(COMPARED | {"completion_a": None}))


def test_the_input_of_a_demonstration_follows_its_instruction():
    row = {"instruction": "Translate.", "instances": [{"input": "Hola", "output": "Hello"}]}
    parsed = parts.part("IMPORTS", "demonstrations").parse(real_data.demonstration(row))
    assert parsed.prompt.messages == [{"role": "user", "content": "Translate.\n\nHola"}]
    assert parsed.answers[0].messages == [{"role": "assistant", "content": "Hello"}]


def test_a_demonstration_without_input_is_its_instruction():
    row = {"instruction": "Tell a joke.", "instances": [{"input": "", "output": "…"}]}
    assert real_data.demonstration(row)["prompt"] == "Tell a joke."


def test_a_play_becomes_documents_without_a_blank_line():
    assert real_data.scenes("A:\nHo.\n\nB:\nHey.\n\n\nC:\nWho?\n", 2) == ["A:\nHo.\nB:\nHey.", "C:\nWho?"]


def test_wins_are_counted_for_the_first_model_whichever_was_shown_first():
    def judged(first, second, grades):
        answers = [{"model": model, "grades": {"overall": grade}} for model, grade in zip((first, second), grades, strict=True)]
        return {"answers": answers}

    rows = [judged("a", "b", (1, 0)), judged("b", "a", (0, 1)), judged("b", "a", (1, 0)), judged("a", "b", (0, 0))]
    assert real_river.shares([*rows, judged("a", "c", (0, 1))], "a", "b") == {"n": 4, "wins": 0.5, "losses": 0.25, "ties": 0.25}


def test_it_says_what_is_missing_and_ends_with_2_where_the_data_is_not(tmp_path):
    done = subprocess.run([sys.executable, "-m", "bench.real_river", "--data", str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 2
    assert real_data.TULU in done.stderr
