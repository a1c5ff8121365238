"""Argilla records become the judgements of each of their people."""

import io

import pytest

from annotation import importing
from annotation.models import Judgement, Sample
from tests.annotation.importer import judged, looks_like, reason, take

RECORD = {
    "id": "7",
    "fields": {"instruction": "Which river?", "response_1": "The Ebro.", "response_2": "A river."},
    "metadata": {"response_1_model": "m"},
    "suggestions": {"ranking": {"value": ["response_2", "response_1"], "score": None, "agent": "llm"}},
    "responses": {},
    "vectors": {},
    "_server_id": "0b0c",
}


def record(**responses):
    return RECORD | {"responses": {name: [{"value": value, "user_id": "u1"}] for name, value in responses.items()}}


def test_a_ranking_is_an_order_and_its_answers_know_their_models(project):
    take(project, "argilla", record(ranking=["response_2", "response_1"]))
    grades = {"A river.": {"overall": 1.0}, "The Ebro.": {"overall": 0.0}}
    assert judged(project) == [{"kind": "rank", "rater": "u1", "grades": grades}]
    assert dict(Sample.objects.values_list("model", "messages__0__content")) == {"unnamed": "A river.", "m": "The Ebro."}


def test_equal_ranks_are_ties_where_an_export_says_them(project):
    ranked = [{"value": name, "rank": 1} for name in ("response_1", "response_2")]
    take(project, "argilla", record(ranking=ranked))
    assert judged(project)[0]["grades"] == {"The Ebro.": {"overall": 0.0}, "A river.": {"overall": 0.0}}


def test_ratings_of_several_answers_are_one_judgement_by_aspect(project):
    take(project, "argilla", record(rating_1=4, rating_2=2, helpful_2=5))
    (only,) = judged(project)
    assert only == {
        "kind": "rate",
        "rater": "u1",
        "grades": {"The Ebro.": {"overall": 4.0}, "A river.": {"overall": 2.0, "helpful": 5.0}},
    }


def test_a_label_of_two_answers_is_a_comparison_and_a_reason_its_comment(project):
    take(project, "argilla", record(preference="response_1", rationale="It names one."))
    assert judged(project)[0]["grades"] == {"The Ebro.": {"overall": 2.0}, "A river.": {"overall": 0.0}}
    assert Judgement.objects.get().comment == "It names one."


def test_a_text_is_a_demonstration(project):
    take(project, "argilla", record(corrected="The Ebro, of course."))
    assert judged(project) == [{"kind": "write", "rater": "u1", "wrote": "The Ebro, of course."}]


def test_every_person_judges_for_themselves(project):
    responses = {"ranking": [{"value": ["response_1", "response_2"], "user_id": user} for user in ("u1", "u2")]}
    outcome = take(project, "argilla", RECORD | {"responses": responses})
    assert [one["rater"] for one in judged(project)] == ["u1", "u2"]
    assert (outcome.added, Judgement.objects.values("task").distinct().count()) == (2, 1)


def test_a_record_that_nobody_answered_is_a_prompt(project):
    assert take(project, "argilla", RECORD).report.becomes == {"prompt": 1}
    assert project.prompts.get().messages == [{"role": "user", "content": "Which river?"}]


def test_a_chat_field_is_a_conversation(project):
    chat = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes?"}, {"role": "user", "content": "Why?"}]
    take(project, "argilla", RECORD | {"fields": {"chat": chat, "reply": "So."}})
    assert project.prompts.get().messages == chat


def test_flat_records_leave_out_what_was_not_submitted(project):
    flat = {"id": "7", "status": "completed", "_server_id": "0b0c", "prompt": "Which river?", "reply_1": "Ebro", "reply_2": "Sea"}
    said = {"rank.responses": [["reply_2", "reply_1"], ["reply_1", "reply_2"]], "rank.responses.users": ["u1", "u2"]}
    take(project, "argilla", flat | said | {"rank.responses.status": ["draft", "submitted"], "rank.suggestion": ["reply_2"]})
    assert judged(project) == [{"kind": "rank", "rater": "u2", "grades": {"Ebro": {"overall": 1.0}, "Sea": {"overall": 0.0}}}]
    assert looks_like(flat | said) == "argilla"


def test_parquet_of_to_datasets_is_read(project):
    import pyarrow
    from pyarrow import parquet

    row = {
        "id": "7",
        "status": "pending",
        "_server_id": "x",
        "prompt": "Hi",
        "reply_1": "a",
        "reply_2": "b",
        "score.responses": [3],
    }
    file = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist([row | {"score.responses.users": ["u1"]}]), file)
    ((_line, sentence),) = importing.check(importing.Reading("argilla"), file, "a.parquet").problems
    assert sentence == "score: which of reply_1, reply_2 it rates cannot be seen"


def test_the_same_export_again_adds_nothing(project):
    row = record(ranking=["response_2", "response_1"], rating_1=4, corrected="Ebro")
    assert take(project, "argilla", row).added == 3
    again = take(project, "argilla", row)
    assert (again.added, again.known) == (0, 3)


def test_an_export_is_recognised():
    assert looks_like(RECORD) == "argilla"


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (RECORD | {"responses": []}, "is no Argilla record: “fields” and “responses” must be objects"),
        (RECORD | {"fields": {"x": "a"}}, "no field is called prompt, instruction or the like: choose the one that is"),
        (record(ranking=["response_1", "other"]), "“other” is none of the answers: response_1, response_2"),
        (record(ranking=["response_1"]), "answers: must be a list of 2 to 9 answers"),
        (record(rating=4), "rating: which of response_1, response_2 it rates cannot be seen"),
        (RECORD | {"responses": {"q": [{"value": 1, "user_id": "u" * 101}]}}, "user_id: is longer than 100 characters"),
    ],
)
def test_broken_records_are_refused_with_a_reason(row, sentence):
    assert reason("argilla", row) == sentence
