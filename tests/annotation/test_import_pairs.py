"""HH-RLHF transcripts, Chatbot-Arena votes and comparisons in columns become comparisons."""

import io

import pytest

from annotation import importing
from annotation.models import Judgement, Sample
from annotation.preferences import Preference, preference
from tests.annotation.importer import judged, looks_like, reason, take

HH = {
    "chosen": "\n\nHuman: Hi\n\nAssistant: Yes?\n\nHuman: Which river?\n\nAssistant: The Ebro.\n\nIt is long.",
    "rejected": "\n\nHuman: Hi\n\nAssistant: Yes?\n\nHuman: Which river?\n\nAssistant: A river.",
}
VOTE = {
    "question_id": "58210e",
    "model_a": "chatglm-6b",
    "model_b": "koala-13b",
    "winner": "model_b",
    "judge": "arena_user_973",
    "conversation_a": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "a"}],
    "conversation_b": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "b"}],
    "turn": 1,
    "anony": True,
    "language": "English",
    "tstamp": 1682351591.1322,
}
KAGGLE = """id,model_a,model_b,prompt,response_a,response_b,winner_model_a,winner_model_b,winner_tie
1,m,n,"[""Hi""]","[""a""]","[null]",0,0,1
2,m,n,"[""Hi"",""More?""]","[""a"",""b""]","[""c"",""d""]",1,0,0
3,m,n,"[""Hi""]","[""a""]","[""b""]",0,0,0
4,m,n,"[""Ho \\ud83d""]","[""a""]","[""b""]",1,0,0
"""


def test_a_pair_of_transcripts_shares_its_prompt(project):
    take(project, "hh_rlhf", HH)
    assert [message["content"] for message in project.prompts.get().messages] == ["Hi", "Yes?", "Which river?"]
    grades = {"The Ebro.\n\nIt is long.": {"overall": 2.0}, "A river.": {"overall": 0.0}}
    assert judged(project) == [{"kind": "compare", "rater": "unnamed", "grades": grades}]


def test_a_pair_of_chat_messages_is_read_the_same(project):
    chosen, rejected = ([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": text}] for text in "ab")
    take(project, "hh_rlhf", {"chosen": chosen, "rejected": rejected})
    assert judged(project)[0]["grades"] == {"a": {"overall": 2.0}, "b": {"overall": 0.0}}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"chosen": "Hi"}, "chosen: must begin with an empty line and “Human:”, and go on with “Assistant:”"),
        ({"chosen": None}, "chosen: is missing or empty"),
        ({"rejected": HH["chosen"]}, "answers: 0 and 1 are the same answer by the same model"),
        ({"rejected": "\n\nHuman: Ho\n\nAssistant: x"}, "the two conversations have no question in common that both answer"),
        (
            {"rejected": "\n\nHuman: Hi\n\nAssistant: No.\n\nHuman: Which river?\n\nAssistant: A river."},
            "the two conversations part before their last answers, so that these answer different questions",
        ),
        (
            {"chosen": "\n\nHuman: Hi", "rejected": "\n\nHuman: Hi\n\nAssistant: No."},
            "the two conversations have no question in common that both answer",
        ),
    ],
)
def test_broken_transcripts_are_refused_with_a_reason(wrong, sentence):
    assert reason("hh_rlhf", HH | wrong) == sentence


@pytest.mark.parametrize(
    ("winner", "a", "b"),
    [
        ("model_a", {"overall": 2.0}, {"overall": 0.0}),
        ("model_b", {"overall": 0.0}, {"overall": 2.0}),
        ("tie", {"overall": 0.0}, {"overall": 0.0}),
        ("tie (bothbad)", {"overall": 0.0, "acceptable": 0.0}, {"overall": 0.0, "acceptable": 0.0}),
    ],
)
def test_a_vote_is_a_comparison(project, winner, a, b):
    take(project, "arena", VOTE | {"winner": winner})
    assert judged(project) == [{"kind": "compare", "rater": "arena_user_973", "grades": {"a": a, "b": b}}]
    assert project.prompts.get().language == "en"
    assert Judgement.objects.get().created.isoformat() == "2023-04-24T15:53:11.132200+00:00"
    assert set(Sample.objects.values_list("model", flat=True)) == {"chatglm-6b", "koala-13b"}


def test_the_kaggle_file_is_read_and_its_bad_rows_named(project):
    reading = importing.Reading("arena")
    report = importing.check(reading, io.BytesIO(KAGGLE.encode()), "train.csv")
    assert [tuple(problem) for problem in report.problems] == [
        (3, "the two conversations part before their last answers, so that these answer different questions"),
        (4, "winner: is missing, and of “winner_model_a”, “winner_model_b” and “winner_tie” not exactly one is 1"),
        (5, "prompt: holds half of a surrogate pair, or bytes that are not UTF-8"),
    ]
    importing.commit(project, reading, io.BytesIO(KAGGLE.encode()), "train.csv", skip_bad=True)
    assert judged(project)[0]["grades"] == {"a": {"overall": 0.0}, "": {"overall": 0.0}}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"winner": "maybe"}, "preference: “maybe” says neither which answer is better nor that they tie"),
        ({"conversation_a": "hello"}, "conversation_a: is not JSON: Expecting value (column 1)"),
        ({"conversation_a": []}, "the two conversations have no question in common that both answer"),
        ({"tstamp": "later"}, "created: must be a time like 2024-05-19T13:11:45Z"),
        ({"tstamp": 1e300}, "created: must be a time like 2024-05-19T13:11:45Z"),
        ({"model_a": 7}, "model_a: must be text"),
    ],
)
def test_broken_votes_are_refused_with_a_reason(wrong, sentence):
    assert reason("arena", VOTE | wrong) == sentence


@pytest.mark.parametrize(("shape", "row"), [("hh_rlhf", HH), ("arena", VOTE)])
def test_a_file_is_recognised_and_adds_nothing_when_it_comes_again(project, shape, row):
    assert looks_like(row) == shape
    assert (take(project, shape, row).added, take(project, shape, row).added) == (1, 0)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("a-is-better", Preference(0, 2)),
        ("b-is-slightly-better", Preference(1, 1)),
        ("A is much better", Preference(0, 3)),
        ("Response 2 is clearly better", Preference(1, 3)),
        ("response-1", Preference(0, 2)),
        ("right", Preference(1, 2)),
        ("The left one is a bit worse", Preference(1, 2)),
        ("gpt-4", Preference(1, 2)),
        ("Tie", Preference(None)),
        ("about the same", Preference(None)),
        ("both are bad", Preference(None, both_bad=True)),
        ("neither", Preference(None, both_bad=True)),
        (1, Preference(0, 2)),
    ],
)
def test_words_for_a_preference_are_understood(said, meant):
    assert preference(said, ("koala", "gpt-4")) == meant


@pytest.mark.parametrize("said", ["", "a or b", "better", None])
def test_words_that_prefer_nothing_are_refused(said):
    with pytest.raises(ValueError, match="says neither which answer is better"):
        preference(said)


def test_two_columns_and_a_word_are_a_comparison(project):
    row = {"question": "Hi", "completion_a": "x", "completion_b": "y", "preference": "b-is-slightly-better", "evaluator": "e1"}
    assert looks_like(row) == "comparisons"
    take(project, "comparisons", row | {"completion_a_is_acceptable": "no", "completion_b_is_acceptable": "yes"})
    grades = {"x": {"overall": 0.0, "acceptable": 0.0}, "y": {"overall": 1.0, "acceptable": 1.0}}
    assert judged(project) == [{"kind": "compare", "rater": "e1", "grades": grades}]


def test_chosen_and_rejected_beside_a_prompt_are_a_comparison(project):
    row = {"prompt": "Hi", "chosen": "x", "rejected": "y"}
    assert looks_like(row) == "comparisons"
    take(project, "comparisons", row)
    assert judged(project)[0]["grades"] == {"x": {"overall": 2.0}, "y": {"overall": 0.0}}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"preference": None}, "preference: is missing or empty"),
        ({"acceptable_a": "perhaps"}, "acceptable_a: must be yes or no"),
        ({"answer_a": 7}, "answer_a: must be text or a list of chat messages"),
        ({"answer_a": "y"}, "answers: 0 and 1 are the same answer by the same model"),
    ],
)
def test_broken_comparisons_are_refused_with_a_reason(wrong, sentence):
    assert reason("comparisons", {"prompt": "Hi", "answer_a": "x", "answer_b": "y", "preference": "a"} | wrong) == sentence


def test_a_ranking_of_two_with_a_strength_is_a_comparison(project):
    answers = [{"text": "x", "model": "m"}, {"text": "y", "model": "n"}]
    row = {"prompt": "Hi", "answers": answers, "ranks": [2, 1], "strength": 3, "rater": "ana"}
    take(project, "rankings", row, row | {"ranks": [1, 1], "rater": "bo"})
    assert [(one["kind"], one["grades"]) for one in judged(project)] == [
        ("compare", {"x": {"overall": 0.0}, "y": {"overall": 3.0}}),
        ("compare", {"x": {"overall": 0.0}, "y": {"overall": 0.0}}),
    ]


@pytest.mark.parametrize("strength", [0, 4, "much", True, 1.5])
def test_a_strength_is_one_two_or_three(strength):
    answers = [{"text": "x", "model": "m"}, {"text": "y", "model": "n"}]
    row = {"prompt": "Hi", "answers": answers, "ranks": [2, 1], "strength": strength, "rater": "ana"}
    assert reason("rankings", row) in {
        "strength: must be 1, 2 or 3, and only of two answers",
        "strength: is not JSON: Expecting value (column 1)",
    }
