"""The page that explains the API works in real Chromium under the strict Content-Security-Policy."""

from __future__ import annotations

import pytest

from annotation.models import Project

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def page(window_of, lead, project):
    page = window_of(lead).new_page()
    page.complaints = []
    page.on("console", lambda line: page.complaints.append(line.text))
    page.goto("/api/docs/")
    page.wait_for_selector(".opblock")
    yield page
    assert page.complaints == []


def test_every_heading_of_the_river_is_drawn_in_its_order(page):
    headings = page.locator(".opblock-tag").evaluate_all("tags => tags.map(tag => tag.dataset.tag)")
    river = "projects prompts samples tasks seats judgements snapshots corpora runs checkpoints evaluations"
    assert headings == river.split()


def test_nothing_is_fetched_from_elsewhere(window_of, lead, live_server):
    page = window_of(lead).new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/api/docs/")
    page.wait_for_selector(".opblock")
    assert [url for url in asked if not url.startswith((live_server.url, "data:"))] == []


def test_a_door_is_tried_with_ones_own_session(page, project):
    block = page.locator("#operations-projects-projects_partial_update")
    block.locator(".opblock-summary").first.click()
    block.locator(".try-out__btn").click()
    block.locator("input[placeholder=project_id]").fill(str(project.pk))
    block.locator("textarea").first.fill('{"description": "Tried."}')
    block.locator(".execute").click()
    block.locator(".live-responses-table .response-col_status", has_text="200").wait_for()
    assert Project.objects.get(pk=project.pk).description == "Tried."
