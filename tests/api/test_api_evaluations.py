"""Evaluations by REST."""

from __future__ import annotations

import pytest

from annotation.models import Task
from evals.models import Evaluation
from training.models import Checkpoint

pytestmark = pytest.mark.django_db


@pytest.fixture
def models(project, samples, tmp_path) -> list[Checkpoint]:
    """Two checkpoints that have answered the prompts."""
    made = []
    for name in ("model-0", "model-1"):
        (tmp_path / name).mkdir()
        fields = {"digest": "0" * 64, "source": "elsewhere", "path": str(tmp_path / name)}
        made.append(Checkpoint.objects.create(project=project, name=name, role="causal-lm", **fields))
    return made


def begin(client, project, **body):
    return client.post(f"/api/projects/{project.pk}/evaluations/", body, format="json")


def test_an_evaluation_queues_its_runs_and_asks_people(as_lead, project, models, frozen):
    first, second = (checkpoint.pk for checkpoint in models)
    answer = begin(
        as_lead,
        project,
        name="sft or ppo",
        checkpoints=[first, second],
        inputs={"dataset": frozen.pk},
        contests=[{"first": first, "second": second, "count": 2}],
    )
    assert answer.status_code == 201
    row = answer.json()
    assert (row["checkpoints"], len(row["runs"])) == ([first, second], 2)
    assert Task.objects.filter(purpose="evaluate").count() == 2
    assert [pending["state"] for pending in row["report"]["pending"]] == ["queued", "queued"]
    assert as_lead.get(f"/api/evaluations/{row['id']}/").json()["report"] == row["report"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x"}, "body"),
        ({"name": "x", "checkpoints": [10**6]}, "checkpoints"),
        ({"name": "x", "checkpoints": ["first"], "inputs": {"dataset": 10**6}}, "dataset"),
        ({"name": "x", "checkpoints": ["first"], "config": {"limti": 5}}, "limti"),
        ({"name": "x", "contests": [{"first": "first", "second": "first"}]}, "contests.0"),
        ({"name": "taken", "checkpoints": ["first"]}, "name"),
    ],
)
def test_a_wrong_evaluation_is_named_and_nothing_begins(as_lead, lead, project, models, frozen, body, field):
    Evaluation.objects.create(project=project, name="taken", created_by=lead)
    ids = {"first": models[0].pk}
    body = {**body, **({"checkpoints": [ids.get(one, one) for one in body["checkpoints"]]} if "checkpoints" in body else {})}
    if "contests" in body:
        body["contests"] = [{key: ids[value] for key, value in contest.items()} for contest in body["contests"]]
    answer = begin(as_lead, project, **body)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert Evaluation.objects.count() == 1


def test_reviewers_read_reports_and_raters_do_not(as_reviewer, as_rater, as_stranger, lead, project):
    row = Evaluation.objects.create(project=project, name="x", created_by=lead)
    path = f"/api/evaluations/{row.pk}/"
    assert [client.get(path).status_code for client in (as_reviewer, as_rater, as_stranger)] == [200, 403, 404]
    listed = as_reviewer.get(f"/api/projects/{project.pk}/evaluations/").json()["results"]
    assert [evaluation["name"] for evaluation in listed] == ["x"]
    assert begin(as_reviewer, project, name="y", checkpoints=[1]).status_code == 403
