"""Comparing two answers, in real Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.seen import LONG, LOOKS, PHONE, by_aspect, grades

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def comparison(ask, project):
    """Two answers to compare, and one more pair after them."""
    ask("compare", LONG, "The **Duero**.")
    ask("compare", "Ebro.", "Tajo.", prompt="Name another river.")


def saved(page) -> None:
    expect(page.get_by_text("Saved.")).to_be_visible()


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (["1"], {"A": 3.0, "B": 0.0}),
        (["6"], {"A": 0.0, "B": 2.0}),
        (["ArrowRight", "ArrowRight"], {"A": 0.0, "B": 2.0}),
        (["ArrowLeft"], {"A": 1.0, "B": 0.0}),
        (["2", "t"], {"A": 0.0, "B": 0.0}),
    ],
)
def test_a_pair_is_compared_by_keyboard(seat_page, comparison, keys, expected):
    page = seat_page()
    for key in [*keys, "Enter"]:
        page.keyboard.press(key)
    saved(page)
    assert by_aspect() == {"overall": expected}


def test_both_bad_takes_one_key(seat_page, comparison):
    page = seat_page()
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    saved(page)
    assert by_aspect() == {"overall": {"A": 0.0, "B": 0.0}, "acceptable": {"A": 0.0, "B": 0.0}}


def test_enter_sends_nothing_before_something_is_chosen(seat_page, comparison):
    page = seat_page()
    page.keyboard.press("Enter")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert").first).to_contain_text("Say which answer is better")
    page.keyboard.press("7")  # the keys work on the page that came back
    page.keyboard.press("Enter")
    saved(page)
    assert grades() == {"A": 0.0, "B": 3.0}


def test_the_next_pair_comes_without_a_new_page_and_its_heading_has_the_focus(seat_page, comparison):
    page = seat_page()
    page.evaluate("window.same = true")
    page.keyboard.press("3")
    page.keyboard.press("Enter")
    expect(page.locator(".asked .prose", has_text="Name another river.")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    assert page.evaluate("window.same")
    page.keyboard.press("5")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing is left for you")).to_be_visible()
    assert grades() == {"A": 0.0, "B": 1.0}


def test_a_pair_is_compared_by_mouse(seat_page, comparison):
    page = seat_page()
    page.locator("label.step", has_text="B is slightly better").click()
    page.get_by_label("Both are bad").click()
    page.get_by_role("button", name="Submit").click()
    saved(page)
    assert by_aspect() == {"overall": {"A": 0.0, "B": 1.0}, "acceptable": {"A": 0.0, "B": 0.0}}


def test_a_pair_is_compared_by_a_finger(seat_page, comparison):
    page = seat_page(**PHONE)
    page.locator("label.step").nth(1).tap()
    expect(page.locator("[data-said]")).to_have_text("A is clearly better")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Submit").tap()
    saved(page)
    assert grades() == {"A": 2.0, "B": 0.0}


def test_a_pair_is_compared_without_script(seat_page, comparison):
    page = seat_page(java_script_enabled=False)
    page.get_by_role("radio", name="B is clearly better").check(force=True)
    page.get_by_role("button", name="Submit").click()
    saved(page)
    assert grades() == {"A": 0.0, "B": 2.0}


def test_a_draft_of_a_comparison_comes_back(seat_page, comparison):
    page = seat_page()
    page.keyboard.press("2")
    page.keyboard.press("b")
    expect(page.locator("#saved")).to_contain_text("Draft saved", timeout=2000)
    page.close()
    again = seat_page()
    expect(again.get_by_role("radio", name="A is clearly better")).to_be_checked()
    expect(again.get_by_label("Both are bad")).to_be_checked()


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_axe_finds_nothing(seat_page, comparison, look):
    page = seat_page(**look)
    page.keyboard.press("2")
    assert violations(page) == []
