"""Prompts, samples and files by REST: many in one call, each line's fate told, nothing half-imported."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from annotation.models import Prompt, Sample

pytestmark = pytest.mark.django_db


def send(client, project, what, body):
    return client.post(f"/api/projects/{project.pk}/{what}/", body, format="json")


def fates(answer):
    return [line["fate"] for line in answer.json()["lines"]]


def test_prompts_are_created_once(as_lead, project):
    lines = [{"prompt": "One?", "language": "en", "licence": "CC0-1.0"}, {"prompt": "Two?"}, {"prompt": "One?"}]
    first, again = send(as_lead, project, "prompts", {"prompts": lines}), send(as_lead, project, "prompts", {"prompts": lines})
    assert (first.status_code, fates(first)) == (201, ["created", "created", "known"])
    assert (again.status_code, fates(again)) == (200, ["known", "known", "known"])
    assert [line["id"] for line in first.json()["lines"]] == [line["id"] for line in again.json()["lines"]]
    assert list(Prompt.objects.order_by("id").values_list("messages__0__content", "licence")) == [("One?", "CC0-1.0"), ("Two?", "")]


def test_one_bad_prompt_refuses_all_and_is_named(as_lead, project):
    lines = [{"prompt": "One?"}, {"messages": [{"role": "assistant", "content": "No question."}]}, 7, {"prompt": " "}]
    answer = send(as_lead, project, "prompts", {"prompts": lines})
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {"prompts.2"}
    lines.remove(7)
    answer = send(as_lead, project, "prompts", {"prompts": lines})
    assert (answer.status_code, [line["index"] for line in answer.json()["lines"]]) == (400, [1, 2])
    assert answer.json()["detail"].startswith("Nothing was imported: 2 of 3 lines are bad.")
    assert "the last one must be by" in answer.json()["errors"]["1"]
    assert not Prompt.objects.exists()


def test_the_good_prompts_come_in_when_the_bad_are_to_be_left_out(as_lead, project):
    answer = send(as_lead, project, "prompts", {"prompts": [{"prompt": "One?"}, {"prompt": ""}], "skip_bad": True})
    assert (answer.status_code, fates(answer), answer.json()["bad"]) == (201, ["created", "bad"], 1)
    assert Prompt.objects.count() == 1


def test_ten_thousand_prompts_come_in_one_call_with_few_queries(as_lead, project, django_assert_max_num_queries):
    body = {"prompts": [{"prompt": f"Question {number}?"} for number in range(10_000)]}
    with django_assert_max_num_queries(150):
        answer = send(as_lead, project, "prompts", body)
    assert answer.json()["created"] == Prompt.objects.count() == 10_000
    body["prompts"].append({"prompt": "One more?"})
    assert send(as_lead, project, "prompts", body).status_code == 400


@pytest.mark.parametrize(
    "body",
    [b'{"prompts": [{"prompt": "a\\u0000b"}]}', b'{"prompts": [{"prompt": "\\ud800"}]}', b'{"prompts": ' + b"[" * 100_000, b"{"],
)
def test_a_body_that_no_database_keeps_is_a_400(as_lead, project, body):
    answer = as_lead.post(f"/api/projects/{project.pk}/prompts/", body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["detail"]


def test_a_body_beyond_the_limit_is_refused_unread(as_lead, project, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    assert send(as_lead, project, "prompts", {"prompts": [{"prompt": "x" * 1000}]}).status_code == 413


def test_prompts_are_listed_by_cursor_while_others_come_in(as_lead, project, prompts):
    path, seen = f"/api/projects/{project.pk}/prompts/?page_size=2", []
    while path:
        page = as_lead.get(path).json()
        seen += [row["id"] for row in page["results"]]
        path = page["next"]
        if len(seen) == 2:
            send(as_lead, project, "prompts", {"prompts": [{"prompt": "Late?"}]})
    assert seen == list(Prompt.objects.order_by("id").values_list("id", flat=True))
    assert len(seen) == 4


def test_a_reviewer_reads_prompts_a_rater_does_not_and_neither_writes(as_reviewer, as_rater, project, prompts):
    path = f"/api/projects/{project.pk}/prompts/"
    assert (as_reviewer.get(path).status_code, as_rater.get(path).status_code) == (200, 403)
    body = {"prompts": [{"prompt": "One?"}]}
    assert [send(client, project, "prompts", body).status_code for client in (as_reviewer, as_rater)] == [403, 403]


def test_outside_answers_come_in_once_by_their_key(as_lead, project, prompts):
    lines = [
        {"prompt": prompts[0].pk, "model": "theirs", "text": "Scattering.", "key": "a", "sampling": {"temperature": 0.7}},
        {"prompt": prompts[1].pk, "model": "theirs", "messages": [{"role": "assistant", "content": "Un recipiente."}]},
    ]
    first, again = (send(as_lead, project, "samples", {"samples": lines}) for _time in range(2))
    assert (fates(first), fates(again)) == (["created", "created"], ["known", "created"])
    assert first.json()["lines"][0]["id"] == again.json()["lines"][0]["id"]
    assert Sample.objects.get(pk=first.json()["lines"][0]["id"]).sampling == {"temperature": 0.7}


def test_an_answer_to_another_projects_prompt_is_a_bad_line(as_stranger, prompts):
    elsewhere = as_stranger.get("/api/projects/").json()["results"][0]["id"]
    lines = [{"prompt": prompts[0].pk, "model": "theirs", "text": "x"}]
    answer = as_stranger.post(f"/api/projects/{elsewhere}/samples/", {"samples": lines}, format="json")
    assert (answer.status_code, answer.json()["errors"]) == (400, {"0": f"prompt: this project has no prompt {prompts[0].pk}."})


@pytest.mark.parametrize(
    "line",
    [
        {},
        {"model": "m"},
        {"model": "m", "text": "x", "messages": []},
        {"model": "m", "text": "x", "typo": 1},
        {"model": "", "text": "x"},
    ],
)
def test_a_bad_answer_is_named(as_lead, project, prompts, line):
    answer = send(as_lead, project, "samples", {"samples": [line | {"prompt": prompts[0].pk}]})
    assert (answer.status_code, answer.json()["lines"][0]["fate"]) == (400, "bad")


def test_answers_are_filtered_by_prompt_and_model(as_reviewer, project, samples):
    path = f"/api/projects/{project.pk}/samples/?prompt={samples[1][0].prompt_id}&model=model-0"
    rows = as_reviewer.get(path).json()["results"]
    assert [row["id"] for row in rows] == [samples[1][0].pk, samples[1][2].pk]
    assert as_reviewer.get(f"/api/projects/{project.pk}/samples/?prompt=x").json()["errors"] == {
        "prompt": "A valid integer is required."
    }


def test_raters_read_no_answers_beside_the_desk(as_rater, project, samples):
    assert as_rater.get(f"/api/projects/{project.pk}/samples/").status_code == 403


def upload(client, project, lines, **fields):
    text = "\n".join(json.dumps(line) if not isinstance(line, str) else line for line in lines)
    file = SimpleUploadedFile("prompts.jsonl", text.encode())
    return client.post(f"/api/projects/{project.pk}/imports/", {"file": file, "shape": "prompts", **fields}, format="multipart")


def test_a_file_is_checked_and_nothing_changes(as_lead, project):
    answer = upload(as_lead, project, [{"prompt": "One?"}, "{nonsense", {"prompt": "Two?"}])
    assert answer.status_code == 200
    report = answer.json()
    assert (report["good"], report["bad"], [problem["line"] for problem in report["problems"]]) == (2, 1, [2])
    assert not Prompt.objects.exists()


def test_a_file_is_imported_whole_or_not_at_all(as_lead, project):
    lines = [{"prompt": "One?"}, "{nonsense"]
    answer = upload(as_lead, project, lines, commit=True)
    assert (answer.status_code, answer.json()["problems"][0]["line"], Prompt.objects.count()) == (400, 2, 0)
    answer = upload(as_lead, project, lines, commit=True, skip_bad=True, language="en")
    assert (answer.status_code, answer.json()["added"], Prompt.objects.get().language) == (201, 1, "en")


def test_a_file_of_an_unknown_kind_or_shape_is_refused(as_lead, project):
    path = f"/api/projects/{project.pk}/imports/"
    answer = as_lead.post(path, {"file": SimpleUploadedFile("a.exe", b"x"), "shape": "prompts"}, format="multipart")
    assert (answer.status_code, "must end in" in answer.json()["errors"]["file"]) == (400, True)
    answer = as_lead.post(path, {"file": SimpleUploadedFile("a.csv", b"x"), "shape": "stories"}, format="multipart")
    assert (answer.status_code, set(answer.json()["errors"])) == (400, {"shape"})


def test_only_leads_import(as_reviewer, project):
    assert upload(as_reviewer, project, [{"prompt": "One?"}]).status_code == 403
