"""Corpora, recipes, runs and checkpoints by REST: the same checks as on the page and in the shell."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from training import moves, schema
from training.api_recipes import config_schema
from training.models import Checkpoint, Corpus, Event, Run
from training.recipes import tokenizer

pytestmark = pytest.mark.django_db

TEXT = b"A river runs.\n\nIt runs down.\n"


def upload(client, project, text=TEXT, **fields):
    body = {"file": SimpleUploadedFile("corpus.txt", text), "name": "water", "licence": "CC0-1.0", **fields}
    return client.post(f"/api/projects/{project.pk}/corpora/", body, format="multipart")


def launch(client, project, **body):
    return client.post(f"/api/projects/{project.pk}/runs/", body, format="json")


@pytest.fixture
def corpus(as_lead, project) -> Corpus:
    return Corpus.objects.get(pk=upload(as_lead, project).json()["id"])


@pytest.fixture
def run(as_lead, project, corpus) -> Run:
    return Run.objects.get(pk=launch(as_lead, project, recipe="tokenizer", inputs={"corpus": corpus.pk}).json()["id"])


@pytest.fixture
def checkpoint(run, tmp_path) -> Checkpoint:
    (tmp_path / "tok").mkdir()
    fields = {"digest": "0" * 64, "card": {"parameters": 0}}
    return Checkpoint.objects.create(
        project=run.project, run=run, name="tok", role="tokenizer", path=str(tmp_path / "tok"), **fields
    )


def test_a_corpus_is_uploaded_once_under_a_name(as_lead, project):
    first = upload(as_lead, project)
    assert (first.status_code, first.json()["size"], first.json()["licence"]) == (201, len(TEXT), "CC0-1.0")
    assert Corpus.objects.get().path.read_bytes() == TEXT
    again = upload(as_lead, project)
    assert (again.status_code, set(again.json()["errors"])) == (400, {"name"})
    assert [row["name"] for row in as_lead.get(f"/api/projects/{project.pk}/corpora/").json()["results"]] == ["water"]


def test_a_corpus_that_is_no_text_is_refused_by_line(as_lead, project):
    answer = upload(as_lead, project, b"Good.\n\xff\xfe")
    assert (answer.status_code, answer.json()["errors"]["file"].startswith("Line 2 is not UTF-8")) == (400, True)


def test_only_leads_upload(as_reviewer, as_rater, project):
    assert [upload(client, project).status_code for client in (as_reviewer, as_rater)] == [403, 403]


def test_a_config_is_described_as_json_schema():
    described = config_schema(tokenizer.Config)
    size = described["properties"]["vocab_size"]
    assert (size["type"], size["default"], size["minimum"], size["x-unit"]) == ("integer", 8192, 263, "tokens")
    assert set(described["properties"]) == {option.name for option in schema.options(tokenizer.Config)}
    assert described["additionalProperties"] is False


def test_every_recipe_is_listed_with_its_inputs(as_rater, settings):
    rows = {row["name"]: row for row in as_rater.get("/api/recipes/").json()}
    assert list(rows) == list(settings.RECIPES)
    assert rows["sft"]["inputs"][0]["kind"] == "checkpoint"
    assert rows["sample"]["makes"] == "samples"


def test_a_run_is_queued_with_the_defaults_of_its_recipe(as_lead, project, corpus):
    body = {"recipe": "tokenizer", "inputs": {"corpus": corpus.pk}, "config": {"vocab_size": 300}, "seed": 7, "name": "tok"}
    answer = launch(as_lead, project, **body)
    assert answer.status_code == 201
    row = answer.json()
    assert (row["state"], row["seed"], row["config"]) == ("queued", 7, {"vocab_size": 300, "min_frequency": 2})
    assert row["inputs"] == [{"name": "corpus", "kind": "corpus", "id": corpus.pk, "title": "water"}]
    assert as_lead.get(f"/api/runs/{row['id']}/").json() == row


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"config": {"vocab_siez": 300}}, {"vocab_siez": "no such option; did you mean 'vocab_size'?"}),
        (
            {"config": {"vocab_size": 1, "min_frequency": "x"}},
            {"vocab_size": "must be at least 263", "min_frequency": "must be a number"},
        ),
        ({"inputs": {}}, None),
        ({"inputs": {"corpus": 10**6}}, {"corpus": "This project has no corpus 1000000."}),
        ({"inputs": {"corpse": 1}}, {"corpse": "This recipe has no such input; there are: corpus."}),
        ({"resources": {"processes": 0}}, {"processes": "must be a whole number from 1 to 64"}),
    ],
)
def test_a_wrong_run_is_named_field_by_field_and_not_queued(as_lead, project, corpus, change, errors):
    answer = launch(as_lead, project, **({"recipe": "tokenizer", "inputs": {"corpus": corpus.pk}} | change))
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {"corpus"} if errors is None else answer.json()["errors"] == errors
    assert not Run.objects.exists()


def test_an_unknown_recipe_is_refused(as_lead, project):
    answer = launch(as_lead, project, recipe="alchemy")
    assert (answer.status_code, set(answer.json()["errors"])) == (400, {"recipe"})


def test_another_projects_corpus_starts_no_run(as_stranger, corpus):
    elsewhere = as_stranger.get("/api/projects/").json()["results"][0]["id"]
    answer = as_stranger.post(
        f"/api/projects/{elsewhere}/runs/", {"recipe": "tokenizer", "inputs": {"corpus": corpus.pk}}, format="json"
    )
    assert (answer.status_code, set(answer.json()["errors"])) == (400, {"corpus"})


def test_a_run_tells_its_progress_its_events_and_its_log(as_lead, run):
    Event.objects.create(run=run, attempt=1, kind="progress", offset=0, data={"done": 5, "total": 10, "unit": "steps"})
    Event.objects.create(run=run, attempt=1, kind="metrics", offset=9, step=5, data={"loss": 1.5})
    run.folder.mkdir(parents=True)
    (run.folder / "log.txt").write_text("Training.\n")
    progress = as_lead.get(f"/api/runs/{run.pk}/").json()["progress"]
    assert progress == {"done": 5.0, "total": 10.0, "unit": "steps", "seconds_left": None}
    rows = as_lead.get(f"/api/runs/{run.pk}/events/").json()["results"]
    assert [row["kind"] for row in rows] == ["state", "progress", "metrics"]
    since = as_lead.get(f"/api/runs/{run.pk}/events/?kind=metrics&after={rows[1]['id']}").json()["results"]
    assert since == rows[2:]
    assert as_lead.get(f"/api/runs/{run.pk}/log/").json() == {"log": "Training."}


def test_a_run_is_stopped_once_and_resumed_once(as_lead, run):
    def press(what):
        return as_lead.post(f"/api/runs/{run.pk}/{what}/")

    assert press("resume").status_code == 409
    assert (press("stop").json()["state"], press("stop").status_code) == ("stopped", 409)
    resumed = press("resume")
    assert (resumed.json()["state"], resumed.json()["attempt"], press("resume").status_code) == ("queued", 2, 409)


def test_a_failed_run_says_why(as_lead, run):
    moves.move(run, Run.State.FAILED, why="The corpus is empty.")
    assert as_lead.get(f"/api/runs/{run.pk}/").json()["why"] == "The corpus is empty."


def test_runs_are_filtered_by_state(as_lead, project, run):
    def ids(query):
        return [row["id"] for row in as_lead.get(f"/api/projects/{project.pk}/runs/?{query}").json()["results"]]

    assert (ids("state=queued"), ids("state=failed"), ids("recipe=tokenizer"), ids("recipe=sft")) == ([run.pk], [], [run.pk], [])


def test_runs_are_for_leads_of_the_project(as_reviewer, as_rater, as_stranger, run):
    for path in ("", "events/", "log/"):
        answers = [client.get(f"/api/runs/{run.pk}/{path}").status_code for client in (as_reviewer, as_rater, as_stranger)]
        assert answers == [403, 403, 404]
    for path in ("stop/", "resume/"):
        answers = [client.post(f"/api/runs/{run.pk}/{path}").status_code for client in (as_reviewer, as_rater, as_stranger)]
        assert answers == [403, 403, 404]
    run.refresh_from_db()
    assert run.state == Run.State.QUEUED


def test_a_checkpoint_knows_what_it_was_made_from(as_lead, run, corpus, checkpoint):
    row = as_lead.get(f"/api/checkpoints/{checkpoint.pk}/").json()
    made = row["lineage"]["parents"][0]
    assert (row["lineage"]["kind"], made["kind"], made["id"]) == ("checkpoint", "run", run.pk)
    assert [(parent["kind"], parent["input"], parent["id"]) for parent in made["parents"]] == [("corpus", "corpus", corpus.pk)]
    assert (row["used_by"], row["samples"], row["people"]["licences"]) == ([], 0, ["CC0-1.0"])


def test_checkpoints_are_listed_by_role_for_leads(as_lead, as_reviewer, as_stranger, project, checkpoint):
    path = f"/api/projects/{project.pk}/checkpoints/"
    assert [row["name"] for row in as_lead.get(f"{path}?role=tokenizer").json()["results"]] == ["tok"]
    assert as_lead.get(f"{path}?role=reward").json()["results"] == []
    assert as_reviewer.get(path).status_code == 403
    assert as_stranger.get(f"/api/checkpoints/{checkpoint.pk}/").status_code == 404


def test_paths_on_the_server_are_not_told(as_lead, checkpoint, settings):
    told = json.dumps(as_lead.get(f"/api/checkpoints/{checkpoint.pk}/").json())
    assert checkpoint.path not in told
    assert str(settings.CRISOL_HOME) not in told
