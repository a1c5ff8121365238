"""A preflight from its button to the run that it lets start: queued beside trainings, shown in words, never without consent."""

from __future__ import annotations

import functools
import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from tests.training.conftest import supervise
from tests.training.rows import EMPTY, LATE, LEAK, XRAY, a_checkpoint, a_preflight, a_run, a_snapshot
from training.launch import launch
from training.models import Run
from training.preflight.words import WORDS
from training.supervisor import take


@pytest.fixture
def page(client_of, lead, project):
    return client_of(lead)


@pytest.fixture
def checked(project, lead):
    """`checked(*findings)`: a preflight of sft that has found these."""
    return functools.partial(a_preflight, project, lead)


def shown(page, run: Run) -> str:
    return page.get(reverse("run", args=[run.pk])).content.decode()


def test_the_form_queues_a_preflight_of_what_it_describes(page, project, lead):
    model, dataset = a_checkpoint(project, "base"), a_snapshot(project, lead)
    form = page.get(reverse("run_new", args=["sft"])).context["form"]
    given = {field.html_name: "" if field.initial is None else field.initial for field in form}
    page.post(reverse("run_new", args=["sft"]), given | {"input-model": model.pk, "input-dataset": dataset.pk, "preflight": "1"})
    run = Run.objects.get()
    assert (run.preflight, run.recipe, run.outcome, str(run)) == (True, "sft", "findings", f"preflight-{run.pk}")


def test_a_finding_says_what_where_why_and_what_to_do(page, project, checked):
    html = shown(page, checked(EMPTY))
    words = WORDS["empty_answer"]
    for sentence in (words.what % EMPTY["figures"], words.why, words.todo):
        assert sentence in html
    assert [reverse("review_judgement", args=[project.pk, number]) in html for number in (4, 9)] == [True, True]


def test_findings_are_read_in_spanish(page, checked):
    run = checked(EMPTY)
    page.cookies["django_language"] = "es"
    html = shown(page, run)
    assert "Respuestas vacías: 2 de 50" in html
    assert WORDS["empty_answer"].why not in html


def test_the_x_ray_marks_what_is_learned_and_escapes_what_was_written(page, checked):
    html = shown(page, checked(xray=(XRAY,)))
    assert '<span class="read">&lt;b&gt;ask&lt;/b&gt;</span><span class="learned">so</span>' in html
    assert '<span class="learned special">&lt;|end|&gt;</span>' in html


def test_lengths_and_learning_rate_are_drawn(page, checked):
    html = shown(page, checked())
    assert html.count("chart-bar") == 2
    assert "Learning rate over the run" in html
    assert "Nothing was found wrong." in html


def test_what_is_fit_starts_with_the_same_settings_inputs_and_seed(page, checked):
    run = checked(LATE)
    response = page.post(reverse("run_start", args=[run.pk]))
    started = Run.objects.exclude(pk=run.pk).get()
    assert response["Location"] == reverse("run", args=[started.pk])
    assert (started.preflight, started.recipe, started.config["epochs"], started.seed) == (False, "sft", 2.0, 5)
    assert {row.name: row.thing for row in started.inputs.all()} == {row.name: row.thing for row in run.inputs.all()}


def test_what_wants_consent_starts_only_with_it(page, checked):
    run = checked(EMPTY)
    page.post(reverse("run_start", args=[run.pk]))
    assert Run.objects.count() == 1
    page.post(reverse("run_start", args=[run.pk]), {"consent": "on"})
    assert Run.objects.count() == 2


@pytest.mark.parametrize("given", [{}, {"consent": "on"}])
def test_what_would_fail_is_not_started(page, checked, given):
    run = checked(LEAK, EMPTY)
    page.post(reverse("run_start", args=[run.pk]), given)
    assert Run.objects.count() == 1
    assert reverse("run_start", args=[run.pk]) not in shown(page, run)


def test_a_run_that_is_no_preflight_starts_nothing(page, project, lead):
    run = a_run(project, lead, state=Run.State.SUCCEEDED)
    page.post(reverse("run_start", args=[run.pk]))
    assert Run.objects.count() == 1


def test_the_api_tells_findings_in_words(page, checked):
    told = page.get(reverse("api_findings", args=[checked(LEAK, EMPTY).pk])).json()
    assert [(one["check"], one["severity"], one["ids"], one["todo"]) for one in told] == [
        (name, WORDS[name].severity, ids, WORDS[name].todo) for name, ids in (("leak", [7]), ("empty_answer", [4, 9]))
    ]


@pytest.mark.django_db
def test_a_preflight_does_not_wait_for_a_training(counting, settings, project, lead):
    settings.CRISOL_LOCAL_SLOTS = 1
    first, _second, check, _later = (
        launch(user=lead, project=project, recipe="count", config={}, inputs={}, preflight=one)
        for one in (False, False, True, True)
    )
    assert take("local") == [check, first]


@pytest.mark.django_db
def test_a_preflight_trains_nothing_and_leaves_its_findings(counting, project, lead):
    run = supervise(launch(user=lead, project=project, recipe="count", config={}, inputs={}, preflight=True))
    assert (run.state, run.checkpoints.count()) == ("succeeded", 0)
    assert json.loads((run.folder / "out" / "findings.json").read_text())["findings"] == []


@pytest.mark.django_db
def test_the_command_checks_what_train_would_start_or_a_run(counting, project, lead):
    out = StringIO()
    call_command("preflight", "count", "--project", "River", "--set", "steps=4", stdout=out)
    call_command("preflight", str(Run.objects.get().pk), stdout=out)
    assert out.getvalue().count("0 findings: 0 stop, 0 consent, 0 note") == 2
    assert list(Run.objects.values_list("preflight", "config__steps")) == [(True, 4), (True, 4)]


@pytest.mark.django_db
@pytest.mark.parametrize(("words", "sentence"), [(["count"], "--project"), (["77"], "there is no run 77")])
def test_the_command_says_what_is_missing(counting, project, words, sentence):
    with pytest.raises(CommandError, match=sentence):
        call_command("preflight", *words)
