"""A lead begins an evaluation and reads its report in Chromium, wide and narrow."""

from __future__ import annotations

import pytest

from annotation import desk
from evals.models import Evaluation
from tests.training.rows import a_checkpoint, a_run, answers

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def two_models(project, lead):
    for name in ("base", "sft"):
        run = a_run(project, lead, "sample", {"model": a_checkpoint(project, name)})
        answers(
            project, run, name, {f"Question {number}?": [f"**{name}** {number} <script>alert(1)</script>"] for number in range(4)}
        )


@pytest.mark.parametrize("width", [1440, 390])
def test_a_lead_lets_people_compare_and_reads_what_they_said(window_of, lead, rater, project, two_models, width, tmp_path):
    page = window_of(lead, width=width).new_page()
    page.goto("/evaluations/")
    page.get_by_role("main").get_by_role("link", name="New evaluation").first.click()
    page.get_by_label("Name").fill("Who answers better")
    page.get_by_label("One checkpoint").select_option(label="base · 4 prompts answered")
    page.get_by_label("Another checkpoint").select_option(label="sft · 4 prompts answered")
    page.get_by_role("button", name="Begin").click()
    page.get_by_text("0 of 4 wanted judgements are in").wait_for()
    while seat := desk.claim(rater, project):
        place = {sample.model: sample.pk for sample in seat.task.samples.all()}
        desk.fill(seat, rater, {"tiers": [[place["sft"]], [place["base"]]]}, key=str(seat.pk))
    page.reload()
    verdict = page.get_by_role("region", name="Verdict").inner_text()
    assert (
        verdict
        == "People prefer sft to base: win rate 100.0\u00a0% in 4 judgements (95\u00a0% interval 51.0\u00a0% to 100.0\u00a0%)."
    )
    assert page.locator("svg.chart").count() == 1
    assert page.locator(".side-by-side strong").first.inner_text() == "base"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save as one file").click()
    assert saved.value.suggested_filename == "who-answers-better.html"
    saved.value.save_as(tmp_path / "report.html")
    alone = window_of(None, width=width).new_page()
    alone.goto((tmp_path / "report.html").as_uri())
    assert alone.get_by_role("region", name="Verdict").inner_text() == verdict
    assert alone.evaluate("getComputedStyle(document.querySelector('.card')).borderRadius") == "10px"
    assert Evaluation.objects.get().tasks.count() == 4
