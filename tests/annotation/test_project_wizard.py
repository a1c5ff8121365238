"""Making a project and changing it: every setting, the aspects row by row, and the preview of the desk that stores nothing."""

import pytest
from django.urls import reverse

from annotation import seating, tasks
from annotation.models import Guidelines, Project, Prompt, Sample, Score, Seat

SENT = {
    "name": "New",
    "description": "",
    "policy": "in_order",
    "overlap": "2",
    "hold_minutes": "30",
    "undo_minutes": "5",
    "gold_percent": "10",
    "guidelines": "# Be kind",
    "aspect-TOTAL_FORMS": "2",
    "aspect-INITIAL_FORMS": "0",
    "aspect-0-title": "Is it true?",
    "aspect-0-scale": "likert",
    "aspect-1-title": "Harm",
    "aspect-1-name": "harmful",
    "aspect-1-scale": "flag",
    "aspect-1-help": "Could hurt somebody.",
}
ROWS = [
    {"name": "is_it_true", "title": "Is it true?", "scale": "likert", "help": ""},
    {"name": "harmful", "title": "Harm", "scale": "flag", "help": "Could hurt somebody."},
]


@pytest.fixture
def page(client_of, lead, project):
    return client_of(lead)


def test_a_project_is_made_with_all_its_settings(page):
    page.post(reverse("project_new"), SENT | {"most_per_rater": "40", "pass_percent": "80", "comment_required": "on"})
    made = Project.objects.get(name="New")
    assert (made.overlap, made.hold_minutes, made.undo_minutes, made.most_per_rater) == (2, 30, 5, 40)
    assert (made.gold_percent, made.pass_percent, made.comment_required, made.policy) == (10, 80, True, "in_order")
    assert (made.aspects, made.guidelines.text) == (ROWS, "# Be kind")


def test_what_the_form_shows_is_what_it_saves(page, project):
    project.aspects, project.undo_minutes = ROWS, 0
    project.save()
    form = page.get(reverse("project_edit", args=[project.pk])).context["form"]
    assert [row.row() for row in form.aspects] == ROWS
    assert form["undo_minutes"].value() == 0


def test_a_refused_form_keeps_everything_and_names_the_fields(page):
    response = page.post(reverse("project_new"), SENT | {"overlap": "0", "gold_percent": "80", "aspect-1-name": "Not a name"})
    form = response.context["form"]
    assert (response.status_code, Project.objects.filter(name="New").count()) == (422, 0)
    assert sorted(form.errors) == ["__all__", "gold_percent", "overlap"]
    assert form["guidelines"].value() == "# Be kind"
    assert [row.row()["name"] for row in form.aspects] == ["is_it_true", "Not a name"]
    assert "Aspect 2" in form.non_field_errors()[0]


def test_rows_of_aspects_are_added_and_removed_without_a_script(page):
    more = page.post(reverse("project_new_preview"), SENT | {"more": "1"}).context["form"]
    assert [row.row() for row in more.aspects] == [*ROWS, {}]
    fewer = page.post(reverse("project_new_preview"), SENT | {"remove": "0"}).context["form"]
    assert [row.row() for row in fewer.aspects] == ROWS[1:]


@pytest.mark.parametrize("number", ["-1", "9", "x", "²"])
def test_a_row_that_is_not_there_is_not_removed(page, number):
    form = page.post(reverse("project_new_preview"), SENT | {"remove": number}).context["form"]
    assert [row.row() for row in form.aspects] == ROWS


def test_the_preview_draws_every_kind_on_the_example_and_stores_nothing(page):
    for kind in ("write", "rank", "compare", "rate", "edit"):
        response = page.post(reverse("project_new_preview"), SENT | {"preview_kind": kind})
        assert (response.status_code, response.context["preview_kind"]) == (200, kind)
        assert b"sky blue" in response.content
    assert (Project.objects.count(), Prompt.objects.count(), Sample.objects.count()) == (1, 0, 0)


def test_the_preview_shows_the_aspects_being_edited(page):
    sent = SENT | {"preview_kind": "rate"}
    assert (
        b"Is it true?"
        in page.post(reverse("project_new_preview"), sent, headers={"HX-Request": "true", "HX-Target": "preview"}).content
    )


def test_the_preview_of_a_project_uses_its_own_prompt_and_answers(page, project):
    prompt = Prompt.objects.create(project=project, messages=[{"role": "user", "content": "Why <b>?"}])
    for text in ("One.", "Two."):
        Sample.objects.create(prompt=prompt, messages=[{"role": "assistant", "content": text}], model="secret-model")
    response = page.post(reverse("project_preview", args=[project.pk]), SENT | {"preview_kind": "compare", "name": "Renamed"})
    assert b"Why &lt;b&gt;?" in response.content
    assert b"Two." in response.content
    assert b"secret-model" not in response.content
    project.refresh_from_db()
    assert (project.name, Guidelines.objects.count()) == ("River", 0)


def test_another_policy_rearranges_the_open_seats(page, project):
    prompts = [Prompt.objects.create(project=project, messages=[{"role": "user", "content": str(n)}]) for n in range(2)]
    for prompt in prompts:
        samples = [
            Sample.objects.create(prompt=prompt, messages=[{"role": "assistant", "content": text}], model="m") for text in "xy"
        ]
        tasks.answer_tasks([samples], kind="rank", overlap=1)
    for model, values in (("a", (0, 1)), ("b", (1, 0))):  # two reward models contradict each other about the second task
        for sample, value in zip(prompts[1].samples.order_by("pk"), values, strict=True):
            Score.objects.create(sample=sample, model=model, value=value)
    page.post(reverse("project_edit", args=[project.pk]), SENT | {"state": "open", "policy": "disagreement"})
    first = Seat.objects.order_by("place", "pk").first()
    assert first.task.prompt == prompts[1]


@pytest.mark.parametrize("state", ["paused", "closed", "open"])
def test_a_project_is_paused_closed_and_opened_with_one_click(page, project, state):
    page.post(reverse("project_state", args=[project.pk]), {"state": state})
    project.refresh_from_db()
    assert project.state == state


def test_a_state_that_does_not_exist_changes_nothing(page, project):
    page.post(reverse("project_state", args=[project.pk]), {"state": "burnt"})
    project.refresh_from_db()
    assert project.state == "open"


def test_names_for_the_data_are_made_of_titles():
    from annotation.forms_project import named

    assert [named(title) for title in ("Is it true?", "¿Útil y claro?", "7 points", "?")] == [
        "is_it_true",
        "util_y_claro",
        "points",
        "",
    ]


def test_retiring_a_task_leaves_held_and_filled_seats(project, rater):
    prompt = Prompt.objects.create(project=project, messages=[{"role": "user", "content": "?"}])
    tasks.write_tasks([prompt], overlap=3)
    seat = Seat.objects.first()
    Seat.objects.filter(pk=seat.pk).update(rater=rater, held_until="2030-01-01T00:00Z")
    assert seating.retire(seat.task) == 2
    assert list(Seat.objects.all()) == [seat]
