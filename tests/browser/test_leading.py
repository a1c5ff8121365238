"""A lead and a reviewer in real Chromium: the wizard's preview, the aspects, and reviewing by keyboard."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from annotation.models import Judgement, Project, Review
from tests.annotation.test_reviewing import asked, judge, order

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_preview_follows_what_is_typed_and_leaves_the_caret_where_it_is(window_of, lead, project):
    page = window_of(lead).new_page()
    page.goto(reverse("project_edit", args=[project.pk]))
    page.get_by_label("Guidelines", exact=True).fill("Be **kind**.")
    expect(page.locator("#preview .drawer strong")).to_have_text("kind", use_inner_text=False)
    page.get_by_label("Question", exact=True).select_option("rank")
    expect(page.locator("#preview [data-answer]")).to_have_count(4)
    page.get_by_label("Name", exact=True).press("End")
    page.get_by_label("Name", exact=True).press_sequentially(" delta", delay=20)
    page.wait_for_timeout(900)
    assert page.evaluate("document.activeElement.name") == "name"
    assert page.get_by_label("Name", exact=True).input_value() == "River delta"
    project.refresh_from_db()
    assert project.name == "River"


def test_aspects_are_added_seen_and_saved(window_of, lead, project):
    page = window_of(lead).new_page()
    page.goto(reverse("project_edit", args=[project.pk]))
    page.get_by_role("button", name="Add an aspect").click()
    page.get_by_label("Title").fill("Is it true?")
    page.get_by_label("Question", exact=True).select_option("rate")
    expect(page.locator("#preview")).to_contain_text("Is it true?")
    page.get_by_role("button", name="Add an aspect").click()
    page.get_by_label("Title").nth(1).fill("Superfluous")
    page.get_by_role("button", name="Remove aspect 2").click()
    expect(page.get_by_label("Title")).to_have_count(1)
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**" + reverse("project", args=[project.pk]))
    assert [row["name"] for row in Project.objects.get().aspects] == ["is_it_true"]


def test_a_reviewer_works_by_keyboard_alone(window_of, lead, rater, project):
    for text in ("a", "b", "c"):
        asked(project, text)
    judged = [judge(rater, project, (0, 1, 2)) for _number in range(3)]
    page = window_of(lead).new_page()
    page.goto(reverse("review", args=[project.pk]) + "?order=oldest")
    page.keyboard.press("a")
    expect(page.get_by_text("Approved.")).to_be_visible()
    page.keyboard.press("c")
    page.keyboard.type("Look at a again")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Returned to its rater.")).to_be_visible()
    page.keyboard.press("j")
    page.wait_for_url("**/ruling/**")
    for key in ("1", "2", "3"):
        page.keyboard.press(key)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Every judgement is reviewed").or_(page.get_by_text("Nothing waits here"))).to_be_visible()
    assert [(review.judgement, review.verdict) for review in Review.objects.order_by("pk")] == [
        (judged[0], "approved"),
        (judged[1], "returned"),
    ]
    ruling = Judgement.objects.get(ruling=True)
    assert ruling.task == judged[2].task
    assert set(ruling.order) == set(order(ruling.task))
