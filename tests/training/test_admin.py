"""The admin: rows to look at, and actions that lead to a recipe's form."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from annotation.parts import names, part
from tests.training.rows import a_checkpoint, a_corpus, a_run, a_snapshot
from training.models import Event


@pytest.fixture
def chief(client_of, db):
    return client_of(User.objects.create_superuser("chief"))


def act(client, model: str, action: str, *things):
    url = reverse(f"admin:{model}_changelist")
    return client.post(url, {"action": action, "_selected_action": [thing.pk for thing in things]})


def takers(kind: str) -> list[str]:
    return [name for name in names("RECIPES") if any(one.kind == kind for one in part("RECIPES", name).INPUTS)]


def test_a_snapshot_opens_the_form_of_each_recipe_that_learns_from_one(chief, project, lead):
    one = a_snapshot(project, lead)
    assert {"sft", "reward", "dpo"} <= set(takers("snapshot"))
    for recipe in takers("snapshot"):
        response = act(chief, "annotation_snapshot", f"train_{recipe}", one)
        assert response["Location"] == f"{reverse('run_new', args=[recipe])}?snapshot={one.pk}"
        assert chief.get(response["Location"]).status_code == 200


def test_a_checkpoint_opens_the_form_of_each_recipe_that_starts_from_one(chief, project):
    one = a_checkpoint(project, "base")
    response = act(chief, "training_checkpoint", "train_sft", one)
    assert response["Location"] == f"{reverse('run_new', args=['sft'])}?checkpoint={one.pk}"
    assert "Start a run from this:" in chief.get(reverse("admin:training_checkpoint_changelist")).content.decode()


def test_two_at_once_and_the_wrong_role_are_refused_with_a_sentence(chief, project):
    one, judge = a_checkpoint(project, "base"), a_checkpoint(project, "judge", role="reward")
    for chosen, sentence in (([one, judge], "Choose exactly one"), ([judge], "does not start from a checkpoint of this kind")):
        response = act(chief, "training_checkpoint", "train_sft", *chosen)
        assert sentence in chief.get(response["Location"]).content.decode()


@pytest.mark.parametrize(("model", "page"), [("run", "recipes"), ("corpus", "corpora"), ("checkpoint", "checkpoint_import")])
def test_adding_leads_to_the_page_that_does_it(chief, project, model, page):
    assert chief.get(reverse(f"admin:training_{model}_add"))["Location"] == reverse(page)


def test_runs_and_events_are_looked_at_and_not_changed(chief, project, lead):
    run = a_run(project, lead, inputs={"model": a_checkpoint(project, "base")})
    event = Event.objects.create(run=run, attempt=1, kind="message", data={"text": "<b>"})
    for model, row in (("run", run), ("event", event)):
        url = reverse(f"admin:training_{model}_change", args=[row.pk])
        assert chief.get(url).status_code == 200
        assert chief.post(url, {"state": "failed"}).status_code == 403
        assert chief.post(reverse(f"admin:training_{model}_delete", args=[row.pk])).status_code == 403
    assert "base" in chief.get(reverse("admin:training_run_change", args=[run.pk])).content.decode()


def test_every_shelf_opens(chief, project, lead):
    a_corpus(project, lead), a_checkpoint(project, "base"), a_run(project, lead)
    for model in ("corpus", "run", "event", "checkpoint"):
        assert chief.get(reverse(f"admin:training_{model}_changelist")).status_code == 200


def test_the_licence_of_a_checkpoint_can_be_put_right(chief, project):
    one = a_checkpoint(project, "base")
    chief.post(reverse("admin:training_checkpoint_change", args=[one.pk]), {"licence": "MIT"})
    one.refresh_from_db()
    assert (one.licence, one.name) == ("MIT", "base")
