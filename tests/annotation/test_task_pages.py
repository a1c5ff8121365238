"""Where leads make tasks of every kind, add people, and take seats back."""

import pytest
from django.urls import reverse

from annotation import desk
from annotation.models import Prompt, Sample, Seat, Task

ASPECT = {"name": "truth", "title": "Is it true?", "scale": "likert", "help": ""}


def ask(project, *texts):
    return [Prompt.objects.create(project=project, messages=[{"role": "user", "content": text}]) for text in texts]


def answered(prompt, *texts, model="m"):
    return [Sample.objects.create(prompt=prompt, messages=[{"role": "assistant", "content": text}], model=model) for text in texts]


@pytest.fixture
def page(client_of, lead):
    return client_of(lead)


def make(page, project, kind, **fields):
    sent = {"kind": kind, "models": ["m", "n"], "answers": 4, "overlap": 1} | fields
    return page.post(reverse("tasks_answers", args=[project.pk]), sent)


def test_write_tasks_are_made_for_prompts_without_one(page, project):
    ask(project, "a", "b", "c")
    page.post(reverse("tasks_write", args=[project.pk]), {"count": 2, "overlap": 2})
    assert (Task.objects.count(), Seat.objects.count()) == (2, 4)
    page.post(reverse("tasks_write", args=[project.pk]), {"overlap": 1})
    page.post(reverse("tasks_write", args=[project.pk]), {"overlap": 1})
    assert sorted(Task.objects.values_list("prompt__messages__0__content", flat=True)) == ["a", "b", "c"]


def test_tasks_show_different_answers_of_the_chosen_models_in_turn(page, project):
    first, second = ask(project, "a", "b")
    chosen = answered(first, "x", "y", "x", model="m") + answered(first, "z", model="n")
    answered(first, "other", model="left out"), answered(second, "alone", model="m")
    for _twice in range(2):
        make(page, project, "rank", answers=2, overlap=3)
    task = Task.objects.get()
    assert set(task.samples.all()) == {chosen[0], chosen[3]}
    assert task.seats.count() == 3


@pytest.mark.parametrize(("kind", "shown"), [("rank", 4), ("compare", 2), ("rate", 4), ("edit", 1)])
def test_every_kind_about_answers_shows_as_many_as_it_can(page, project, kind, shown):
    project.aspects = [ASPECT]
    project.save()
    answered(ask(project, "a")[0], *"vwxyz", model="m")
    assert make(page, project, kind, models=["m"]).status_code == 302
    assert [(task.kind, task.samples.count(), task.follow_ups) for task in Task.objects.all()] == [(kind, shown, [])]


@pytest.mark.parametrize("kind", ["rank", "compare"])
def test_the_best_answer_can_be_rated_afterwards(page, project, kind):
    project.aspects = [ASPECT]
    project.save()
    answered(ask(project, "a")[0], "x", "y")
    make(page, project, kind, models=["m"], then_rate="on")
    assert Task.objects.get().follow_ups == ["rate"]


@pytest.mark.parametrize(("fields", "wrong"), [
    ({"kind": "rate"}, "kind"),
    ({"kind": "rank", "then_rate": "on"}, "then_rate"),
    ({"kind": "edit", "then_rate": "on"}, "then_rate"),
    ({"kind": "rank", "answers": 1}, "answers"),
    ({"kind": "rank", "answers": 10}, "answers"),
    ({"kind": "rank", "models": ["?"]}, "models"),
    ({"kind": "write"}, "kind"),
])  # fmt: skip
def test_tasks_that_cannot_be_are_refused_with_the_field_named(page, project, fields, wrong):
    answered(ask(project, "a")[0], "x", "y")
    response = make(page, project, **({"models": ["m"]} | fields))
    assert (response.status_code, list(response.context["answers"].errors), Task.objects.count()) == (422, [wrong], 0)


def test_raising_the_overlap_adds_the_seats_that_are_missing(page, project):
    ask(project, "a", "b")
    page.post(reverse("tasks_write", args=[project.pk]), {"count": 1, "overlap": 3})
    page.post(reverse("tasks_write", args=[project.pk]), {"overlap": 1})
    for _twice in range(2):
        page.post(reverse("tasks_overlap", args=[project.pk]), {"kind": "write", "overlap": 2})
    assert [task.seats.count() for task in Task.objects.order_by("pk")] == [3, 2]


def test_held_seats_are_counted_with_their_drafts_and_taken_back(page, project, rater, lead):
    ask(project, "a", "b")
    page.post(reverse("tasks_write", args=[project.pk]), {"overlap": 1})
    seat = desk.claim(rater, project)
    desk.save_draft(seat, rater, {"text": "So far"})
    desk.claim(lead, project)
    shown = page.get(reverse("tasks", args=[project.pk])).context
    assert (shown["held"], shown["drafts"]) == (2, 1)
    page.post(reverse("tasks_release", args=[project.pk]))
    assert Seat.objects.filter(rater=None, draft={}).count() == 2
