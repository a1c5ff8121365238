"""Files by REST: which column is which field, and what becomes of the rows."""

import json

from django.core.files.uploadedfile import SimpleUploadedFile

from annotation.models import Judgement

VOTE = {
    "model_a": "m",
    "model_b": "n",
    "winner": "tie (bothbad)",
    "conversation_a": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "a"}],
    "conversation_b": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "b"}],
}


def send(client, project, rows, **fields):
    file = SimpleUploadedFile("rows.json", json.dumps(rows).encode())
    return client.post(f"/api/projects/{project.pk}/imports/", {"file": file, **fields}, format="multipart")


def test_a_check_says_which_columns_there_are_and_how_they_are_read(as_lead, project):
    answer = send(as_lead, project, [{"question": "Hi", "gold": {"text": "Hello."}}], shape="demonstrations").json()
    assert answer["columns"] == ["question", "gold", "gold.text"]
    assert (answer["looks_like"], answer["mapping"]) == ("prompts", {"prompt": "question"})
    assert answer["problems"] == [{"line": 1, "reason": "response: must be text or a list of chat messages"}]


def test_a_mapping_is_taken_for_the_fields_that_it_names(as_lead, project):
    rows = [{"question": "Hi", "gold": {"text": "Hello."}}]
    answer = send(as_lead, project, rows, shape="demonstrations", map=["response=gold.text"], commit=True)
    assert (answer.status_code, answer.json()["added"], answer.json()["becomes"]) == (201, 1, {"write": 1})
    assert Judgement.objects.get().written.text == "Hello."


def test_a_mapping_that_means_nothing_is_refused_by_field(as_lead, project):
    for pair in ("response", "respnse=gold"):
        answer = send(as_lead, project, [], shape="demonstrations", map=[pair])
        assert (answer.status_code, set(answer.json()["errors"])) == (400, {"map"})


def test_votes_of_an_arena_are_imported_once(as_lead, project):
    answers = [send(as_lead, project, [VOTE], shape="arena", commit=True).json() for _time in range(2)]
    assert [(answer["added"], answer["known"], answer["looks_like"]) for answer in answers] == [(1, 0, "arena"), (0, 1, "arena")]
    assert set(Judgement.objects.get().grades.values_list("aspect", "value")) == {("overall", 0.0), ("acceptable", 0.0)}
