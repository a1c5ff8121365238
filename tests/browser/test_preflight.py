"""A lead reads what a preflight found, in Chromium: every finding is reached, consent is asked for, and the run then starts."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.seen import LOOKS
from tests.training.rows import EMPTY, LATE, XRAY, a_preflight
from training.models import Run

pytestmark = pytest.mark.browser


@pytest.fixture
def found(transactional_db, project, lead) -> Run:
    return a_preflight(project, lead, EMPTY, LATE, xray=(XRAY,))


@pytest.mark.parametrize("look", LOOKS)
def test_its_page_fits_every_window_and_everybody(window_of, found, lead, look):
    page = window_of(lead, **look).new_page()
    page.goto(reverse("run", args=[found.pk]))
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_the_run_starts_once_its_lead_has_said_so(window_of, found, lead):
    page = window_of(lead).new_page()
    page.goto(reverse("run", args=[found.pk]))
    page.get_by_role("button", name="Start this run").click()
    expect(page.locator("h1")).to_contain_text(f"preflight-{found.pk}")  # the browser itself asks for the tick
    page.get_by_label("I have read it").check()
    page.get_by_role("button", name="Start this run").click()
    expect(page.locator("h1")).to_contain_text("sft-")
    assert Run.objects.filter(preflight=False).count() == 1
