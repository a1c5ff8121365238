"""The form of a new evaluation: what it begins and what it refuses."""

from __future__ import annotations

import pytest

from evals import recipe
from evals.models import Evaluation
from tests.training.rows import a_checkpoint, a_run, a_snapshot, answers
from training import schema
from training.models import Run


@pytest.fixture
def world(project, lead):
    """Two language models with answers to a common prompt, a reward model, a snapshot."""
    made = {name: a_checkpoint(project, name) for name in ("base", "sft")}
    made["rm"] = a_checkpoint(project, "rm", "reward")
    made["words"] = a_checkpoint(project, "words", "tokenizer")
    for name in ("base", "sft"):
        answers(project, a_run(project, lead, "sample", {"model": made[name]}), name, {"Why?": [name], "How?": [name]})
    made["first"] = a_snapshot(project, lead)
    return made


def post(client, project, **data):
    settings = {f"config-{option.name}": option.default for option in schema.options(recipe.Config)}
    given = settings | {"name": "New look", "config-limit": "50", "count": "10", "overlap": "1"} | data
    return client.post(f"/evaluations/new/?project={project.pk}", given)


def test_the_form_offers_models_and_no_tokenizers(world, lead, client_of, project):
    shown = client_of(lead).get(f"/evaluations/new/?project={project.pk}&checkpoint={world['sft'].pk}").content.decode()
    assert f'value="{world["sft"].pk}" id="id_checkpoints_' in shown
    assert f'value="{world["words"].pk}" id="id_checkpoints_' not in shown
    assert "2 prompts answered" in shown
    assert shown.count("checked") == 1


def test_an_evaluation_queues_a_run_a_checkpoint_and_asks_people(world, project, lead, client_of):
    response = post(
        client_of(lead), project, checkpoints=[world["base"].pk, world["sft"].pk], first=world["base"].pk, second=world["sft"].pk,
        **{"input-dataset": world["first"].pk, "input-reward": world["rm"].pk},
    )  # fmt: skip
    made = Evaluation.objects.get()
    assert (response.status_code, response["Location"]) == (302, f"/evaluations/{made.pk}/")
    runs = list(made.runs.order_by("id"))
    assert [(run.recipe, run.state, run.config["limit"]) for run in runs] == [("evaluate", "queued", 50)] * 2
    assert {(row.name, row.thing.name) for row in runs[0].inputs.all()} >= {("dataset", "first"), ("reward", "rm")}
    assert made.tasks.count() == 2
    page = client_of(lead).get(f"/evaluations/{made.pk}/").content.decode()
    assert "0 of 2 wanted judgements are in" in page
    assert 'hx-trigger="every 3s"' in page


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "Tick a checkpoint to measure"),
        ({"checkpoints": "base"}, "Measuring needs a dataset or a corpus"),
        ({"first": "base"}, "Choose two different checkpoints"),
        ({"first": "base", "second": "base"}, "Choose two different checkpoints"),
        ({"first": "base", "second": "sft", "count": ""}, "This field is required"),
        ({"checkpoints": "base", "input-dataset": "first", "config-limit": "-1"}, "must be at least 0"),
        ({"name": "Taken", "first": "base", "second": "sft"}, "choose another"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_begins(world, project, lead, client_of, data, message):
    Evaluation.objects.create(project=project, name="Taken", created_by=lead)
    named = ("checkpoints", "first", "second", "input-dataset")
    given = {key: world[value].pk if key in named else value for key, value in data.items()}
    response = post(client_of(lead), project, **given)
    assert response.status_code == 422
    assert message in response.content.decode()
    assert Evaluation.objects.count() == 1
    assert not Run.objects.filter(recipe="evaluate").exists()


def test_checkpoints_without_a_common_prompt_cannot_be_compared(world, project, lead, client_of):
    lonely = a_checkpoint(project, "lonely")
    answers(project, a_run(project, lead, "sample", {"model": lonely}), "lonely", {"Where?": ["here"]})
    response = post(client_of(lead), project, first=world["base"].pk, second=lonely.pk)
    assert "answered no prompt in common" in response.content.decode()


def test_an_empty_list_says_what_to_do(project, lead, client_of):
    assert "Nothing has been evaluated yet" in client_of(lead).get("/evaluations/").content.decode()


def test_the_admin_finds_evaluations(project, lead, admin_client):
    made = Evaluation.objects.create(project=project, name="First look", created_by=lead)
    assert f"/evaluations/{made.pk}/" in admin_client.get("/admin/evals/evaluation/?q=First").content.decode()
    assert admin_client.get(f"/admin/evals/evaluation/{made.pk}/change/").status_code == 200
