"""Snapshots by REST: asked for, then streamed lazily in every format; `datasets` reads the URL of a live server."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import requests
from django.core import signing
from django.utils import timezone
from rest_framework.test import APIClient

from annotation import api_snapshots
from annotation import frozen as files
from annotation.models import ApiToken, Member, Role, Snapshot
from annotation.parts import names, part

pytestmark = pytest.mark.django_db


def lines(answer):
    return [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]


def test_a_lead_asks_for_a_snapshot_that_the_supervisor_will_freeze(as_lead, project):
    path = f"/api/projects/{project.pk}/snapshots/"
    answer = as_lead.post(path, {"name": "v1", "test": 0.2}, format="json")
    assert (answer.status_code, answer.json()["state"], answer.json()["options"]["test"]) == (201, "waiting", 0.2)
    again = as_lead.post(path, {"name": "v1"}, format="json")
    assert (again.status_code, set(again.json()["errors"])) == (400, {"name"})
    assert as_lead.post(path, {"name": "v2", "test": 1.5}, format="json").status_code == 400
    assert [row["name"] for row in as_lead.get(path).json()["results"]] == ["v1"]


def test_a_reviewer_reads_snapshots_and_makes_none(as_reviewer, as_rater, project, frozen):
    path = f"/api/projects/{project.pk}/snapshots/"
    assert as_reviewer.get(path).json()["results"][0]["manifest"]["counts"]["rows"] == 6
    assert as_reviewer.post(path, {"name": "v2"}, format="json").status_code == 403
    assert as_rater.get(path).status_code == 403


def test_rows_before_the_freeze_are_a_conflict(as_lead, lead, project):
    row = Snapshot.objects.create(project=project, name="v1", created_by=lead)
    answer = as_lead.get(f"/api/snapshots/{row.pk}/rows/")
    assert (answer.status_code, answer.json()["detail"]) == (409, "This snapshot is not frozen yet. Ask again in a few seconds.")


@pytest.mark.parametrize("name", names("FORMATS"))
def test_a_format_streams_what_its_module_makes(as_reviewer, frozen, name):
    answer = as_reviewer.get(f"/api/snapshots/{frozen.pk}/rows/?format={name}&split=train")
    expected = [made for row in files.read_rows(frozen.folder, "train") for made in part("FORMATS", name).rows(row)]
    assert lines(answer) == expected != []
    assert answer["Content-Type"] == "application/x-ndjson"
    assert answer["Content-Disposition"] == f'attachment; filename="river-v1-{name}-train.jsonl"'


def test_without_a_format_the_rows_are_the_frozen_file(as_reviewer, frozen):
    answer = as_reviewer.get(f"/api/snapshots/{frozen.pk}/rows/")
    assert b"".join(answer.streaming_content) == (frozen.folder / "rows.jsonl").read_bytes()
    prompts = as_reviewer.get(f"/api/snapshots/{frozen.pk}/rows/?format=prompts")
    assert b"".join(prompts.streaming_content) == (frozen.folder / "prompts.jsonl").read_bytes()


def test_a_split_without_rows_is_an_empty_stream(as_reviewer, frozen):
    assert lines(as_reviewer.get(f"/api/snapshots/{frozen.pk}/rows/?split=test")) == []


def test_an_unknown_format_is_named(as_reviewer, frozen):
    answer = as_reviewer.get(f"/api/snapshots/{frozen.pk}/rows/?format=parquet")
    assert (answer.status_code, set(answer.json()["errors"])) == (400, {"format"})


def test_rows_are_read_as_they_are_sent(frozen, monkeypatch):
    read = []

    def endless(folder, split=None):
        for number in range(10**9):
            read.append(number)
            yield {"prompt": [], "answers": [], "tools": [], "number": number}

    monkeypatch.setattr(files, "read_rows", endless)
    stream = api_snapshots.blocks(frozen, "rows", None)
    assert read == []
    assert next(stream).count(b"\n") == api_snapshots.LINES_AT_ONCE == len(read)


def test_a_file_that_was_changed_breaks_the_stream(as_reviewer, frozen):
    path = frozen.folder / "rows.jsonl"
    path.write_bytes(path.read_bytes().replace(b"Mine.", b"Hers."))
    with pytest.raises(ValueError, match="not the file that was frozen"):
        lines(as_reviewer.get(f"/api/snapshots/{frozen.pk}/rows/"))


def test_whoever_has_the_rows_is_not_sent_them_again(as_reviewer, frozen):
    path = f"/api/snapshots/{frozen.pk}/rows/?format=sft"
    etag = as_reviewer.get(path)["ETag"]
    assert as_reviewer.get(path, HTTP_IF_NONE_MATCH=etag).status_code == 304
    assert as_reviewer.get(path + "&split=train", HTTP_IF_NONE_MATCH=etag).status_code == 200
    assert b"".join(as_reviewer.head(path).streaming_content) == b""


def test_rows_are_for_reviewers_of_the_project(as_rater, as_stranger, frozen):
    path = f"/api/snapshots/{frozen.pk}/rows/"
    assert (as_rater.get(path).status_code, as_stranger.get(path).status_code, APIClient().get(path).status_code) == (403, 404, 401)


def link(client, frozen, **body):
    return client.post(f"/api/snapshots/{frozen.pk}/links/", body, format="json")


def test_a_link_opens_its_rows_without_a_token(as_reviewer, frozen):
    made = link(as_reviewer, frozen, format="sft", split="train")
    assert made.status_code == 201
    rows = lines(APIClient().get(made.json()["url"]))
    assert rows == lines(as_reviewer.get(f"/api/snapshots/{frozen.pk}/rows/?format=sft&split=train"))


def test_a_link_that_was_changed_or_has_expired_opens_nothing(as_reviewer, frozen, lead):
    url = link(as_reviewer, frozen, format="sft").json()["url"]
    assert APIClient().get(url[:-2] + "x/").status_code == 404
    opens = {"snapshot": frozen.pk, "maker": lead.pk, "query": {"format": "sft"}}
    for expires, status in [(timezone.now() - timedelta(seconds=1), 404), (timezone.now() + timedelta(hours=1), 200)]:
        token = signing.dumps(opens | {"expires": expires.isoformat()}, salt=api_snapshots.SALT)
        assert APIClient().get(f"/api/links/{token}/").status_code == status


def test_a_link_dies_with_its_makers_right_to_read(as_reviewer, frozen):
    url = link(as_reviewer, frozen, format="sft").json()["url"]
    Member.objects.filter(role=Role.REVIEWER).delete()
    assert APIClient().get(url).status_code == 404


def test_links_are_made_by_reviewers_of_the_project(as_rater, as_stranger, frozen):
    assert (link(as_rater, frozen).status_code, link(as_stranger, frozen).status_code) == (403, 404)


@pytest.mark.heavy
@pytest.mark.django_db(transaction=True)
def test_datasets_reads_the_url_of_a_live_server(live_server, frozen, lead, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    from datasets import load_dataset

    _token, secret = ApiToken.issue(user=lead, name="datasets", scopes=["read"])
    url = f"{live_server.url}/api/snapshots/{frozen.pk}/rows/?format=preference&split=train"
    options = {"headers": {"Authorization": f"Bearer {secret}"}}
    by_header = load_dataset("json", data_files=url, split="train", storage_options=options, cache_dir=str(tmp_path / "a"))
    writer = {"Authorization": f"Bearer {ApiToken.issue(user=lead, name='link')[1]}"}
    body = {"format": "preference", "split": "train"}
    made = requests.post(f"{live_server.url}/api/snapshots/{frozen.pk}/links/", json=body, headers=writer).json()["url"]
    by_link = load_dataset("json", data_files=made, split="train", cache_dir=str(tmp_path / "b"))
    expected = list(api_snapshots.shaped(frozen, "preference", "train"))
    assert list(by_header) == list(by_link) == expected
    assert len(expected) == 6
