"""The one door to the queue: what it lets in, and what it refuses with the field's name."""

from __future__ import annotations

import json

import pytest

from annotation.models import Project, Snapshot
from training.launch import launch, specification
from training.models import Checkpoint, Corpus, Run
from training.schema import ConfigError

pytestmark = pytest.mark.django_db


@pytest.fixture
def start(counting, project, lead):
    """`start(config={}, inputs={}, …)` launches the counting recipe."""
    return lambda **given: launch(**({"user": lead, "project": project, "recipe": "count", "config": {}, "inputs": {}} | given))


@pytest.fixture
def errors(start):
    def refused(**given) -> dict[str, str]:
        with pytest.raises(ConfigError) as caught:
            start(**given)
        assert not Run.objects.exists()
        return caught.value.errors

    return refused


@pytest.fixture
def model(project, tmp_path) -> Checkpoint:
    (tmp_path / "model").mkdir()
    return Checkpoint.objects.create(
        project=project, name="judge", role="reward", path=str(tmp_path / "model"), digest="0" * 64, source="a test"
    )


@pytest.fixture
def snapshot(project, lead) -> Snapshot:
    snapshot = Snapshot.objects.create(project=project, name="first", created_by=lead, manifest={})
    snapshot.folder.mkdir(parents=True)
    return snapshot


def test_a_launched_run_is_queued_with_its_whole_config_inputs_and_first_event(start, model, snapshot, lead):
    run = start(config={"steps": "7"}, inputs={"start": model, "rows": snapshot}, seed=5, name="seven", resources={"processes": 1})
    assert (run.state, run.attempt, run.seed, run.name, run.created_by) == ("queued", 1, 5, "seven", lead)
    assert run.config == {"steps": 7, "pause": 0.0, "every": 1, "trick": "none"}
    assert {row.name: row.thing for row in run.inputs.all()} == {"start": model, "rows": snapshot}
    assert run.events.get().data == {"from": "", "to": "queued", "why": ""}
    assert not run.folder.exists()


def test_the_specification_says_all_that_a_trainer_needs(start, model, snapshot):
    run = start(inputs={"start": model, "rows": snapshot}, seed=5, resources={"processes": 2})
    assert json.loads(json.dumps(specification(run))) == {
        "run": run.pk,
        "recipe": "count",
        "main": "tests.training.counting",
        "config": run.config,
        "inputs": {"start": model.path, "rows": str(snapshot.folder)},
        "input_names": {"start": "judge", "rows": "first"},
        "seed": 5,
        "resources": {"processes": 2},
    }


def test_everything_wrong_is_named_at_once(errors, model):
    found = errors(
        config={"stps": 1, "every": "x"}, inputs={"strt": model}, seed=-1, name="n" * 121, resources={"processes": 0, "gpu": 1}
    )
    assert set(found) == {"stps", "every", "strt", "seed", "name", "processes", "gpu"}
    assert "'steps'" in found["stps"]
    assert "'start'" in found["strt"]


def test_an_unknown_recipe_or_engine_is_refused_with_the_nearest(errors):
    assert "'count'" in errors(recipe="cuont")["recipe"]
    assert "local" in errors(engine="cloud")["engine"]


def test_an_input_of_another_kind_is_refused(errors, snapshot):
    assert errors(inputs={"start": snapshot}) == {"start": "must be a checkpoint, not a snapshot"}


def test_a_checkpoint_of_another_role_is_refused(errors, model):
    Checkpoint.objects.update(role="causal-lm")
    model.refresh_from_db()
    assert "role reward" in errors(inputs={"start": model})["start"]


def test_a_snapshot_that_is_not_frozen_is_refused(errors, snapshot):
    snapshot.manifest = None
    assert "not frozen" in errors(inputs={"rows": snapshot})["rows"]


def test_another_projects_input_is_refused(errors, model):
    Checkpoint.objects.update(project=Project.objects.create(name="Lake"))
    model.refresh_from_db()
    assert "another project" in errors(inputs={"start": model})["start"]


def test_an_input_whose_files_are_gone_is_refused(errors, project, lead):
    corpus = Corpus.objects.create(project=project, name="tales", digest="1" * 64, size=9, created_by=lead)
    assert "gone" in errors(inputs={"text": corpus})["text"]


def test_a_missing_input_is_named_with_what_it_is_for(errors):
    found = errors(recipe="tokenizer")
    assert list(found) == ["corpus"]
    assert "corpus is needed" in found["corpus"]


def test_inputs_that_do_not_go_together_are_refused_before_anything_is_queued(errors, project, lead):
    corpus = Corpus.objects.create(project=project, name="words", digest="0" * 64, size=8, created_by=lead)
    (corpus_path := corpus.path).parent.mkdir(parents=True, exist_ok=True)
    corpus_path.write_text("one")
    assert errors(recipe="pretrain", inputs={"corpus": corpus}) == {
        "tokenizer": "give either a tokenizer, for a new model, or a model to train on"
    }
