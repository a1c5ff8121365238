"""A lead reads the human check of a run in Chromium: nothing overflows, nothing is hidden from those who do not see colours."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from annotation.models import Member, Role
from evals import audits
from tests.browser.axe import violations
from tests.browser.seen import LOOKS
from tests.evals.audited import Stage, an_audited_run, judge
from training.models import Run

pytestmark = pytest.mark.browser

STAGES = [Stage(20, 1.1, 0.55, 0.4), Stage(60, 4.2, 1.0, 0.7), Stage(110, 9.3, 1.35, 0.75), Stage(180, 16.5, 1.6, 0.45)]
LIKED = {20: 6, 60: 8, 110: 7, 180: 3}  # of ten prompts, by step


@pytest.fixture
def run(transactional_db, project, lead, rater, django_user_model) -> Run:
    """Four audits of ten prompts, judged by two people: liked more, then less."""
    project.overlap = 2
    project.save()
    other = django_user_model.objects.create_user("other")
    Member.objects.create(project=project, user=other, role=Role.RATER)
    run = an_audited_run(project, lead, STAGES, prompts=10)
    audits.ask(run)
    for user in (rater, other):
        judge(user, project, lambda step, number: 1 if number < LIKED[step] else 0 if number == LIKED[step] else -1)
    return run


@pytest.mark.parametrize("look", LOOKS)
def test_the_human_check_is_readable_everywhere(window_of, run, lead, look):
    page = window_of(lead, **look).new_page()
    page.goto(reverse("run", args=[run.pk]))
    section = page.locator("section.audit")
    expect(section.locator("figure")).to_have_count(2)
    expect(section.locator(".chart-fit")).to_have_count(3)
    expect(section.locator(".partings li")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert violations(page) == []
