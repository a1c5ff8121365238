"""Rewards by rule: each pays for what it says, refuses prompts that lack what it needs, and survives hostile answers."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.real_data import SHARED
from training import rewards
from training.rewards import Answer, instructions
from training.rewards.calculations import right

IFEVAL, GSM8K = SHARED / "instr_ifeval_en.jsonl.gz", SHARED / "instr_gsm8k_train.jsonl.gz"


def paid(name: str, text: str, **metadata: Any) -> float:
    """What one rule pays for one answer."""
    rewards.check({name: 1.0}, metadata)
    return rewards.score({name: 1.0}, [Answer([], text, metadata)])[0]


def rows(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


# Names and weights ----------------------------------------------------------------------------------------------------------


def test_a_config_names_rewards_with_their_weights():
    assert rewards.parse("exact:1 length:0.1  model:-2") == {"exact": 1.0, "length": 0.1, "model": -2.0}


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("exakt:1", "no reward 'exakt'; there are: model, exact, regex, json_schema, instructions, calculations, length"),
        ("exact", "reward 'exact': write its weight after a colon, as in exact:1"),
        ("exact:much", "reward 'exact:much': write its weight after a colon, as in exact:1"),
        ("exact:nan", "reward 'exact:nan': its weight must be a finite number other than 0"),
        ("exact:1 exact:2", "reward 'exact' is named twice: give it one weight"),
        ("", "name at least one reward with its weight, as in exact:1"),
    ],
)
def test_a_config_that_cannot_be_meant_is_refused_and_says_what_there_is(written: str, told: str):
    with pytest.raises(ValueError) as refused:
        rewards.parse(written)
    assert str(refused.value).startswith(told)


def test_the_score_is_the_weighted_sum_of_its_parts_and_of_the_models_score():
    weights = rewards.parse("exact:1 length:0.5 model:2")
    answers = [Answer([], text, {"answer": "yes", "max_words": 2}) for text in ("yes", "no, not ever")]
    assert rewards.parts(weights, answers, model=[0.25, -1.0]) == {
        "model": [0.25, -1.0],
        "exact": [1.0, 0.0],
        "length": [1.0, 0.5],
    }
    assert rewards.score(weights, answers, model=[0.25, -1.0]) == [2.0, -1.75]


def test_a_models_score_that_was_not_brought_along_is_missed():
    with pytest.raises(ValueError, match="needs the scores of a reward checkpoint"):
        rewards.parts({"model": 1.0}, [])


@pytest.mark.parametrize("name", rewards.SHELF)
def test_every_rule_pays_from_0_to_1_whatever_the_answer(name: str):
    metadata = {
        "answer": "1/3",
        "extract": "number",
        "regex": "(a+)+$",
        "json_schema": {"type": "object"},
        "instruction_id_list": ["punctuation:no_comma", "startend:quotation"],
        "kwargs": [{}, {}],
        "min_words": 2,
        "max_words": 3,
    }
    hostile = [
        "",
        "\0",
        "9" * 9999,
        "1/0",
        "[" * 99999,
        "<<" * 9999,
        "<<1/0=1>>",
        "<<" + "(" * 90 + "1+1=2>>",
        "a" * 40 + "!",
        "\ud800",
    ]
    assert all(0 <= paid(name, text, **metadata) <= 1 for text in hostile)


# exact ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "metadata"),
    [
        ("  PARIS. ", {"answer": "Paris"}),
        ("«El  Ebro»", {"answer": "el ebro"}),
        ("$1,234.50", {"answer": 1234.5}),
        ("1.234,50 €", {"answer": "1234,5", "decimal": ","}),
        ("-$5", {"answer": -5}),
        ("2/4", {"answer": "0.5"}),
        ("no", {"answer": ["nope", "no"]}),
        ("48/2=24, 24+48=72\n#### 72", {"answer": "so 72 clips\n#### 72", "extract": "####"}),
        ("#### 1\n#### 72 \nbye", {"answer": 72, "extract": "####"}),
        ("The Answer is: 1,000.", {"answer": 1000, "extract": "answer is"}),
        (r"so \boxed{3} no, \boxed{\frac{1}{2}}", {"answer": r"\frac{1}{2}", "extract": "\\boxed{}"}),
        ("from 10 take 3: 7.", {"answer": 7, "extract": "number"}),
        ("it is 10-7", {"answer": 7, "extract": "number"}),
    ],
)
def test_a_right_answer_is_known_however_it_is_spelled(text: str, metadata: dict[str, Any]):
    assert paid("exact", text, **metadata) == 1.0


@pytest.mark.parametrize(
    ("text", "metadata"),
    [
        ("Paris, France", {"answer": "Paris"}),
        ("72", {"answer": 72, "extract": "####"}),
        ("1.5", {"answer": 15}),
        (r"\boxed{72", {"answer": 72, "extract": "\\boxed{}"}),
        ("none", {"answer": 7, "extract": "number"}),
        ("", {"answer": 0}),
    ],
)
def test_a_wrong_answer_and_one_without_its_mark_are_worth_nothing(text: str, metadata: dict[str, Any]):
    assert paid("exact", text, **metadata) == 0.0


@pytest.mark.parametrize(
    ("name", "metadata", "told"),
    [
        ("exact", {}, "reward exact: metadata.answer must be the right answer"),
        ("exact", {"answer": []}, "reward exact: metadata.answer must be the right answer"),
        ("exact", {"answer": 1, "extract": "last"}, "reward exact: metadata.extract is 'last'; there are: ####, answer is"),
        ("regex", {}, "reward regex: metadata.regex must be the pattern to find"),
        ("regex", {"regex": "(a"}, "reward regex: metadata.regex '(a' is not a regular expression"),
        ("json_schema", {}, "reward json_schema: metadata.json_schema must be a JSON Schema"),
        ("json_schema", {"json_schema": {"type": "text"}}, "reward json_schema: metadata.json_schema is not a JSON Schema"),
        ("instructions", {}, "reward instructions: metadata.instruction_id_list must name at least one"),
        ("instructions", {"instruction_id_list": ["a"], "kwargs": []}, "reward instructions: metadata.kwargs must be a list"),
        ("instructions", {"instruction_id_list": ["a"], "kwargs": [{}]}, "reward instructions: no instruction 'a'; there are: "),
        (
            "instructions",
            {"instruction_id_list": ["keywords:existence"], "kwargs": [{}]},
            "reward instructions: instruction keywords:existence with {}: ",
        ),
        ("length", {}, "reward length: metadata.min_words or metadata.max_words must be a whole number above 0"),
        ("length", {"min_words": 3, "max_words": 2}, "reward length: metadata.min_words is above metadata.max_words"),
    ],
)
def test_a_prompt_that_lacks_what_a_rule_needs_is_refused_with_the_field(name: str, metadata: dict[str, Any], told: str):
    with pytest.raises(ValueError) as refused:
        rewards.check({name: 1.0}, metadata)
    assert str(refused.value).startswith(told)


# regex, json_schema, length -------------------------------------------------------------------------------------------------


def test_a_pattern_is_found_anywhere_in_an_answer():
    assert paid("regex", "call 555-1234 now", regex=r"\d{3}-\d{4}") == 1.0
    assert paid("regex", "call 555-1234 now", regex=r"^\d{3}-\d{4}$") == 0.0


def test_a_pattern_that_would_take_for_ever_is_given_up():
    began = time.monotonic()
    assert paid("regex", "a" * 60 + "!", regex=r"^(a|aa)+$") == 0.0
    assert paid("json_schema", json.dumps("a" * 60 + "!"), json_schema={"pattern": r"^(a|aa)+$"}) == 0.0
    assert time.monotonic() - began < 5


SCHEMA = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "pattern": "^[A-Z]"}}}


@pytest.mark.parametrize(
    ("text", "worth"),
    [
        ('{"name": "Ana"}', 1.0),
        ('```json\n{"name": "Ana"}\n```', 1.0),
        ('{"name": "ana"}', 0.0),
        ('{"name": 3}', 0.0),
        ('Here: {"name": "Ana"}', 0.0),
        ('{"name": "Ana", "age": NaN}', 0.0),
    ],
)
def test_json_is_paid_where_it_fits_its_schema(text: str, worth: float):
    assert paid("json_schema", text, json_schema=SCHEMA) == worth


def test_a_schema_elsewhere_is_never_fetched():
    with pytest.raises(ValueError, match="refers to http://localhost:1/schema, which it does not hold"):
        paid("json_schema", "{}", json_schema={"$ref": "http://localhost:1/schema"})


@pytest.mark.parametrize(("words", "worth"), [(0, 0.0), (2, 0.5), (4, 1.0), (6, 1.0), (9, 0.5), (12, 0.0), (99, 0.0)])
def test_a_length_outside_its_bounds_is_worth_less_in_a_line(words: int, worth: float):
    assert paid("length", "word " * words, min_words=4, max_words=6) == worth


# calculations ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "annotation",
    [
        "48/2=24",
        "12*3-6=30",
        "(2+3)*4=20",
        "1/3=0.33",
        "2/3=0.67",
        "2/3=0.66",
        ".5*4=2",
        "1,000*2=2,000",
        "20*-2=-40",
        "50/100*8=$4",
    ],
)
def test_right_sums_are_right(annotation: str):
    assert right(annotation)


@pytest.mark.parametrize(
    "annotation",
    ["48/2=25", "7/2=3", "7/2=4", "1/3=0.35", "12=12", "=12", "2+2", "1/0=0", "2**9=512", "a+1=2", "(1+1=2", "2+2=4=", "+5=5"],
)
def test_wrong_sums_and_sums_of_nothing_are_wrong(annotation: str):
    assert not right(annotation)


def test_an_answer_is_worth_the_share_of_its_sums_that_are_right():
    assert paid("calculations", "a <<1+1=2>>2, b <<2*3=7>>7") == 0.5
    assert paid("calculations", "no sums at all") == 0.0


# instructions ---------------------------------------------------------------------------------------------------------------

FOLLOWED = [  # instruction, arguments, an answer that follows it, one that does not
    ("keywords:existence", {"keywords": ["mom", "Ana"]}, "Ana has a Mom.", "Ana."),
    ("keywords:frequency", {"keyword": "war", "frequency": 2, "relation": "at least"}, "War is war.", "War."),
    ("keywords:frequency", {"keyword": "war", "frequency": 2, "relation": "less than"}, "War.", "War is war."),
    ("keywords:forbidden_words", {"forbidden_words": ["rock"]}, "Rocket.", "Rock!"),
    ("keywords:letter_frequency", {"letter": "!", "let_frequency": 2, "let_relation": "at least"}, "a!b!", "a!"),
    ("language:response_language", {"language": "de"}, "Ich bin heute in die Schule gegangen.", "I went to school today."),
    ("language:response_language", {"language": "es"}, "¿Qué tal estás? Muy bien, gracias.", "I am very well, thank you."),
    ("change_case:english_capital", {}, "THIS IS WHAT THE CATS AND DOGS SAY.", "This is what the cats and dogs say."),
    ("change_case:english_lowercase", {}, "this is what the cats and dogs say.", "this is what The cats say."),
    ("change_case:spanish_capital", {}, "ESTO ES LO QUE DICEN LOS GATOS Y LOS PERROS.", "THIS IS WHAT THE CATS AND DOGS SAY."),
    ("change_case:spanish_lowercase", {}, "esto es lo que dicen los gatos y los perros.", "Esto es lo que dicen."),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 2, "capital_relation": "less than"},
        "NASA flies.",
        "The NASA and ESA.",
    ),
    ("length_constraints:number_sentences", {"num_sentences": 3, "relation": "less than"}, "Mr. Li ran. He fell.", "A b. C d? E!"),
    ("length_constraints:number_sentences", {"num_sentences": 2, "relation": "at least"}, "¿Vienes? ¡No!", "La Sra. Ruiz viene."),
    ("length_constraints:number_words", {"num_words": 3, "relation": "at least"}, "one two three", "one two"),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "a\n***\nb", "a\n***\n***\nb"),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "weekend"},
        'One.\n\n"Weekend," he said.',
        "Weekend.\n\nOne.",
    ),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}, "[name], [street 1]", "[name]"),
    ("detectable_content:postscript", {"postscript_marker": "P.S."}, "Bye.\nP. S. More.", "Bye."),
    ("detectable_content:postscript", {"postscript_marker": "P.P.S"}, "Bye.\nP.P.S More.", "Bye.\nP.S. More."),
    ("detectable_content:postscript", {"postscript_marker": "P.D."}, "Adiós.\nP. D.: Más.", "Adiós."),
    ("detectable_format:number_bullet_lists", {"num_bullets": 2}, "* one\n- two\n**bold**", "* one"),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 2}, "*one* and **two**", "*one* and ** **"),
    (
        "detectable_format:multiple_sections",
        {"section_spliter": "Section", "num_sections": 2},
        "Section 1\na\nSection 2\nb",
        "Section 1",
    ),
    ("detectable_format:title", {}, "<<poem of joy>>\nJoy.", "<< >>\nJoy."),
    ("detectable_format:constrained_response", {}, "My answer is maybe.", "Maybe."),
    ("detectable_format:constrained_response", {}, "Mi respuesta es sí.", "Sí."),
    ("detectable_format:json_format", {}, '```json\n{"a": 1}\n```', "a: 1"),
    ("combination:repeat_prompt", {"prompt_to_repeat": "Write an ode."}, "Write an ode. O rose!", "O rose! Write an ode."),
    ("combination:two_responses", {}, "one\n******\ntwo", "one\n******\none"),
    ("startend:end_checker", {"end_phrase": "The end."}, 'So. "the end."', "The end. So."),
    ("startend:quotation", {}, '"All of it."', '"Half" of it.'),
    ("startend:quotation", {}, "«Todo.»", "«Todo."),
    ("punctuation:no_comma", {}, "one two", "one, two"),
]


@pytest.mark.parametrize(("name", "kwargs", "good", "bad"), FOLLOWED)
def test_an_instruction_is_told_followed_from_broken(name: str, kwargs: dict[str, Any], good: str, bad: str):
    assert paid("instructions", good, instruction_id_list=[name], kwargs=[kwargs]) == 1.0
    assert paid("instructions", bad, instruction_id_list=[name], kwargs=[kwargs]) == 0.0


def test_every_check_is_tried():
    assert {name for name, *_ in FOLLOWED} == set(instructions.CHECKS)


def test_an_answer_is_worth_the_share_of_its_instructions_that_hold():
    metadata = {"instruction_id_list": ["punctuation:no_comma", "startend:quotation"], "kwargs": [{}, {"num_words": None}]}
    assert paid("instructions", "no comma here", **metadata) == 0.5
    assert paid("instructions", "  ", **metadata) == 0.0


# Real data ------------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not IFEVAL.exists(), reason="the data is not here")
def test_every_instruction_of_ifeval_is_known_and_its_own_prompts_are_told_apart():
    data = rows(IFEVAL)
    for row in data:
        rewards.check({"instructions": 1.0}, row)
    pairs = [
        (row["prompt"], name, given) for row in data for name, given in zip(row["instruction_id_list"], row["kwargs"], strict=True)
    ]
    always = ("keywords:existence", "detectable_content:postscript", "detectable_format:constrained_response")
    never = ("keywords:forbidden_words", "language:response_language", "change_case:english_capital", "startend:quotation")
    # A prompt spells the keywords that it wants or forbids, quotes its fixed answers, and is itself English in mixed case.
    assert {instructions.follows(*pair) for pair in pairs if pair[1] in always} == {True}
    assert {instructions.follows(*pair) for pair in pairs if pair[1] in never} == {False}


@pytest.mark.skipif(not GSM8K.exists(), reason="the data is not here")
def test_gsm8ks_own_solutions_are_right():
    solutions = [row["answer"] for row in rows(GSM8K)]
    answers = [Answer([], text, {"answer": text, "extract": "####"}) for text in solutions]
    values = rewards.parts(rewards.parse("exact:1 calculations:1"), answers)
    assert sum(values["exact"]) == len(solutions) == 7473
    assert sum(values["calculations"]) / len(solutions) == pytest.approx(0.9635, abs=1e-4)
