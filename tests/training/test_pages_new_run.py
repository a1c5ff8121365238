"""The form of a recipe: drawn from its Config, judged by it, and filled by what the link names."""

from __future__ import annotations

import pytest
from django.urls import reverse

from annotation.models import Member, Project, Role
from annotation.parts import names, part
from tests.training.rows import a_checkpoint, a_corpus, a_run, a_snapshot
from training import schema
from training.models import Run

TOY = "/runs/new/toy/"


@pytest.fixture
def toy(settings):
    settings.RECIPES = {**settings.RECIPES, "toy": "tests.training.toy_recipe"}
    part.cache_clear()
    yield
    part.cache_clear()


@pytest.fixture
def page(client_of, lead, project):
    return client_of(lead)


def errors(response) -> dict[str, list[str]]:
    return {name: list(messages) for name, messages in response.context["form"].errors.items()}


def filled(project, lead, **changes) -> dict[str, str]:
    model = a_checkpoint(project, "base")
    given = {"input-model": model.pk, "input-dataset": "", "config-steps": "20", "config-learning_rate": "1e-5"}
    given |= {"config-schedule": "cosine", "config-limit": "", "name": "mine", "seed": "7", "processes": "1"}
    return given | changes


@pytest.mark.parametrize("recipe", names("RECIPES"))
def test_every_recipe_draws_its_form_with_every_field_explained(page, recipe):
    html = page.get(reverse("run_new", args=[recipe])).content.decode()
    form = page.get(reverse("run_new", args=[recipe])).context["form"]
    for option in schema.options(part("RECIPES", recipe).Config):
        assert f'name="config-{option.name}"' in html
        assert form.fields[f"config-{option.name}"].help_text == option.help
    for wanted in part("RECIPES", recipe).INPUTS:
        assert f'name="input-{wanted.name}"' in html


@pytest.mark.parametrize("recipe", names("RECIPES"))
def test_every_recipe_refuses_bad_numbers_and_names_each_field(page, recipe):
    numbers = [one.name for one in schema.options(part("RECIPES", recipe).Config) if one.type in (int, float)]
    bad = {f"config-{name}": "many" for name in numbers} | {"seed": "-1", "processes": "1"}
    response = page.post(reverse("run_new", args=[recipe]), bad)
    assert response.status_code == 422
    found = errors(response)
    assert {name: found[f"config-{name}"] for name in numbers} == {name: ["must be a number"] for name in numbers}
    assert "seed" in found
    assert set(found) >= {f"input-{wanted.name}" for wanted in part("RECIPES", recipe).INPUTS if wanted.required}
    assert not Run.objects.exists()


def test_the_picker_lists_every_recipe_with_its_sentence(page):
    html = page.get(reverse("recipes")).content.decode()
    assert [name for name in names("RECIPES") if reverse("run_new", args=[name]) not in html] == []


def test_a_good_form_queues_a_run_and_shows_it(page, toy, project, lead):
    dataset = a_snapshot(project, lead)
    response = page.post(TOY, filled(project, lead, **{"input-dataset": dataset.pk, "config-packing": "on"}))
    run = Run.objects.get()
    assert response["Location"] == reverse("run", args=[run.pk])
    assert (run.state, run.recipe, run.name, run.seed, run.project, run.created_by) == ("queued", "toy", "mine", 7, project, lead)
    assert run.config == {"steps": 20, "learning_rate": 1e-5, "schedule": "cosine", "packing": True, "limit": None}
    assert {row.name: row.thing for row in run.inputs.all()} == {
        "model": run.inputs.get(name="model").checkpoint,
        "dataset": dataset,
    }


def test_a_box_left_empty_is_false(page, toy, project, lead):
    page.post(TOY, filled(project, lead))
    assert Run.objects.get().config["packing"] is False


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("config-steps", "0", "must be at least 1"),
        ("config-steps", "100", "must be at most 99"),
        ("config-steps", "1.5", "must be a whole number"),
        ("config-steps", "13", "thirteen is unlucky"),
        ("config-learning_rate", "nan", "must be a finite number"),
        ("config-schedule", "sudden", "must be one of linear, cosine"),
        ("config-limit", "0", "must be at least 1"),
    ],
)
def test_a_bad_value_is_named_at_its_field(page, toy, project, lead, field, value, sentence):
    response = page.post(TOY, filled(project, lead, **{field: value}))
    assert (response.status_code, errors(response)) == (422, {field: [sentence]})


def test_what_was_typed_is_shown_again(page, toy, project, lead):
    html = page.post(TOY, filled(project, lead, **{"config-learning_rate": "<b>", "config-schedule": "cosine"})).content.decode()
    assert 'value="&lt;b&gt;"' in html
    assert '<option value="cosine" selected>' in html


def test_a_wrong_advanced_field_opens_its_fold(page, toy, project, lead):
    assert '<details class="fold" open>' in page.post(TOY, filled(project, lead, **{"config-limit": "0"})).content.decode()


def test_a_missing_input_is_named(page, toy, project, lead):
    response = page.post(TOY, filled(project, lead, **{"input-model": ""}))
    assert list(errors(response)) == ["input-model"]


def test_only_things_of_this_project_and_role_can_be_chosen(page, toy, project, lead):
    other = Project.objects.create(name="Elsewhere")
    Member.objects.create(project=other, user=lead, role=Role.LEAD)
    mine, _reward = a_checkpoint(project, "base"), a_checkpoint(project, "judge", role="reward")
    theirs = a_checkpoint(other, "foreign")
    frozen = a_snapshot(project, lead)
    type(frozen).objects.create(project=project, name="not yet", created_by=lead)
    form = page.get(TOY, {"project": project.pk}).context["form"]
    assert list(form.fields["input-model"].queryset) == [mine]
    assert list(form.fields["input-dataset"].queryset) == [frozen]
    refused = page.post(f"{TOY}?project={project.pk}", filled_with(theirs.pk))
    assert list(errors(refused)) == ["input-model"]


def filled_with(model: int) -> dict[str, str]:
    return {
        "input-model": str(model),
        "config-steps": "2",
        "config-learning_rate": "1",
        "config-schedule": "linear",
        "seed": "0",
        "processes": "1",
    }


def test_a_link_fills_the_input_that_it_names(page, toy, project, lead):
    model, dataset = a_checkpoint(project, "base"), a_snapshot(project, lead)
    a_checkpoint(project, "newer")
    form = page.get(TOY, {"checkpoint": model.pk}).context["form"]
    assert form.initial == {"input-model": model.pk}
    form = page.get(TOY, {"snapshot": dataset.pk}).context["form"]
    assert form.initial == {"input-dataset": dataset.pk}


def test_the_only_choice_is_made_already(page, toy, project):
    model = a_checkpoint(project, "base")
    assert page.get(TOY).context["form"].initial == {"input-model": model.pk}


def test_a_run_can_be_done_again_with_changes(page, toy, project, lead):
    model = a_checkpoint(project, "base")
    config = {"steps": 3, "learning_rate": 1e-4, "schedule": "cosine", "packing": False, "limit": 5}
    run = a_run(project, lead, "toy", {"model": model}, config=config, seed=9)
    form = page.get(TOY, {"like": run.pk}).context["form"]
    assert form.initial["config-learning_rate"] == 1e-4
    assert (form.initial["input-model"], form.initial["seed"]) == (model.pk, 9)


def test_things_of_another_project_answer_404(page, project, lead):
    other = Project.objects.create(name="Elsewhere")
    for query in ({"project": other.pk}, {"corpus": a_corpus(other, lead).pk}, {"like": a_run(other, lead).pk}, {"project": "x"}):
        assert page.get(reverse("run_new", args=["tokenizer"]), query).status_code == 404
    assert page.get(reverse("run_new", args=["alchemy"])).status_code == 404
