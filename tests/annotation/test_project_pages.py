"""A lead's pages: projects, prompts, tasks."""

import pytest
from django.urls import reverse

from annotation.models import Guidelines, Member, Project, Prompt, Sample


def ask(project, *texts):
    return [Prompt.objects.create(project=project, messages=[{"role": "user", "content": text}]) for text in texts]


def answered(prompt, *texts, model="m"):
    return [Sample.objects.create(prompt=prompt, messages=[{"role": "assistant", "content": text}], model=model) for text in texts]


@pytest.fixture
def page(client_of, lead):
    return client_of(lead)


FIELDS = {
    "name": "New",
    "description": "",
    "policy": "in_order",
    "overlap": 2,
    "hold_minutes": 30,
    "undo_minutes": 10,
    "gold_percent": 0,
}


def test_whoever_makes_a_project_leads_it(page, lead, project):
    response = page.post(reverse("project_new"), FIELDS | {"guidelines": "Be kind.\r\nBe brief."})
    made = Project.objects.get(name="New")
    assert response.url == reverse("project", args=[made.pk])
    assert (made.state, made.overlap, made.guidelines.text) == ("open", 2, "Be kind.\nBe brief.")
    assert Member.objects.get(project=made).user == lead


def test_changed_guidelines_are_a_new_version_and_unchanged_ones_are_not(page, project):
    change = FIELDS | {"state": "paused"}
    for text in ("One.", "One.", "Two."):
        page.post(reverse("project_edit", args=[project.pk]), change | {"guidelines": text})
    assert list(Guidelines.objects.order_by("version").values_list("version", "text")) == [(1, "One."), (2, "Two.")]
    project.refresh_from_db()
    assert project.state == "paused"


def test_a_project_whose_name_is_taken_is_refused(page, project):
    assert page.post(reverse("project_new"), FIELDS | {"name": project.name}).status_code == 422


def test_an_overlap_of_nobody_is_refused(page, project):
    assert page.post(reverse("project_new"), FIELDS | {"overlap": 0}).status_code == 422


def test_a_newcomer_is_told_the_first_step(page, project):
    response = page.get(reverse("project", args=[project.pk]))
    assert response.context["next_step"].url == reverse("project_edit", args=[project.pk])
    ask(project, "Why?")
    Guidelines.objects.create(project=project, version=1, text="Be kind.")
    response = page.get(reverse("project", args=[project.pk]))
    assert response.context["next_step"].url == reverse("tasks", args=[project.pk])


def test_the_page_of_a_project_asks_few_questions_however_much_was_judged(page, project, rater, django_assert_max_num_queries):
    from annotation import importing
    from tests.annotation.test_imports import RANKING, jsonl

    rows = [RANKING | {"prompt": f"Question {n}", "rater": f"rater {n}"} for n in range(60)]
    importing.commit(project, importing.Reading("rankings"), jsonl(*rows), "rows.jsonl")
    with django_assert_max_num_queries(20):
        response = page.get(reverse("project", args=[project.pk]))
    assert (response.context["given"], response.context["wanted"]) == (60, 60)
    assert response.context["kinds"][0] | {"title": ""} == {
        "task__kind": "rank",
        "tasks": 60,
        "wanted": 60,
        "given": 60,
        "held": 0,
        "free": 0,
        "title": "",
    }


@pytest.mark.parametrize("name", ["project", "project_edit", "tasks", "import", "snapshots", "snapshot_new"])
def test_pages_of_leads_are_not_for_raters_nor_for_strangers(client_of, rater, project, django_user_model, name):
    url = reverse(name, args=[project.pk])
    assert client_of(rater).get(url).status_code == 403
    assert client_of(django_user_model.objects.create_user("stranger")).get(url).status_code == 404
