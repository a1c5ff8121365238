"""A lead watches a run in Chromium: curves grow, what was opened stays open, and the page rests once the run has ended."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests.training.rows import a_checkpoint, a_folder, a_run
from training.models import Run
from training.moves import move
from training.reading import read_events

pytestmark = pytest.mark.browser


@pytest.fixture
def run(transactional_db, project, lead) -> Run:
    """A run that has told of thirty steps through its folder, as trainers do."""
    run = a_run(project, lead, "sft", {"model": a_checkpoint(project, "base")}, state=Run.State.RUNNING, name="tuned")
    folder = a_folder(run)
    for step in range(1, 31):
        folder.metrics(step, loss=3.0 / step, valid_loss=3.2 / step, learning_rate=1e-4)
    folder.progress(30, 100)
    folder.event("samples", step=30, samples=[{"prompt": "What flows?", "answer": "<img src=x onerror=alert(1)>", "reward": 0.5}])
    (run.folder / "log.txt").write_text("\n".join(f"step {step}" for step in range(500)))
    assert read_events(run)
    return run


def test_the_page_shows_curves_and_follows_the_run(window_of, run, lead):
    page = window_of(lead).new_page()
    page.goto(reverse("run", args=[run.pk]))
    expect(page.locator("figure", has_text="Loss").locator("path.chart-line")).to_have_count(2)
    expect(page.locator(".progress-card .stat")).to_have_text("30 %")
    expect(page.locator(".sample .answer")).to_have_text("<img src=x onerror=alert(1)>")
    run.rundir.metrics(60, loss=0.01, kl=1.5)
    run.rundir.progress(60, 100)
    read_events(run)
    expect(page.locator(".progress-card .stat")).to_have_text("60 %")
    expect(page.locator("#live")).to_contain_text("step 60")
    expect(page.locator("figure", has_text="Loss").locator(".chart-value").first).to_have_text("0.01")


def test_what_was_opened_stays_open_and_the_log_where_it_was_scrolled(window_of, run, lead):
    page = window_of(lead).new_page()
    page.goto(reverse("run", args=[run.pk]))
    page.locator("#more-curves summary").click()
    page.locator("#log").evaluate("log => { log.scrollTop = 120 }")
    with page.expect_response(lambda response: response.url.endswith(reverse("run_live", args=[run.pk]))):
        pass
    expect(page.locator("#more-curves")).to_have_attribute("open", "")
    page.wait_for_timeout(200)
    assert page.locator("#log").evaluate("log => log.scrollTop") == 120


def test_an_ended_run_is_asked_for_no_more(window_of, run, lead):
    page = window_of(lead).new_page()
    page.goto(reverse("run", args=[run.pk]))
    move(run, Run.State.SUCCEEDED)
    expect(page.locator("[data-state=succeeded]")).to_be_visible()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(2500)
    assert asked == []


def test_a_lead_stops_a_run_and_is_asked_first(window_of, run, lead):
    page = window_of(lead).new_page()
    page.goto(reverse("run", args=[run.pk]))
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Stop").click()
    run.refresh_from_db()
    assert run.state == Run.State.RUNNING
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("[data-state=stopping]")).to_be_visible()
    assert (run.folder / "stop").exists()


def test_the_page_works_without_scripts(window_of, run, lead):
    page = window_of(lead, java_script_enabled=False).new_page()
    page.goto(reverse("run", args=[run.pk]))
    run.rundir.progress(90, 100)
    read_events(run)
    page.get_by_role("link", name="Refresh").click()
    expect(page.locator(".progress-card .stat")).to_have_text("90 %")


@pytest.mark.parametrize("width", [390, 1440])
def test_no_page_is_wider_than_its_window(window_of, run, lead, width):
    page = window_of(lead, width=width).new_page()
    model = run.inputs.get().checkpoint
    urls = [
        "/runs/",
        reverse("run", args=[run.pk]),
        "/runs/new/sft/",
        "/checkpoints/",
        reverse("checkpoint", args=[model.pk]),
        "/corpora/",
    ]
    wide = []
    for url in [*urls, "/checkpoints/import/"]:
        page.goto(url)
        wide.append(page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))
    assert wide == [False] * 7
