"""Writing an answer, in real Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from annotation.models import Sample
from tests.browser.axe import violations
from tests.browser.seen import LONG, LOOKS, PHONE

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
FIELD = "Your response"


@pytest.fixture
def writing(ask) -> None:
    ask("write")


def saved(page) -> None:
    expect(page.get_by_text("Saved.")).to_be_visible()


def written() -> str:
    return Sample.objects.get().text


def test_an_answer_is_written_by_keyboard_and_shown_as_it_will_be_read(seat_page, writing):
    page = seat_page()
    expect(page.get_by_label(FIELD)).to_be_focused()
    page.keyboard.type("The **Ebro**.")
    expect(page.locator("[data-shown] strong")).to_have_text("Ebro")
    expect(page.locator("[data-counter]")).to_have_text("13 characters")
    page.keyboard.press("Control+Enter")
    saved(page)
    assert written() == "The **Ebro**."


def test_an_answer_is_written_by_mouse(seat_page, writing):
    page = seat_page()
    page.get_by_label(FIELD).click()
    page.get_by_label(FIELD).fill("The Ebro.")
    page.get_by_role("button", name="Submit").click()
    saved(page)
    assert written() == "The Ebro."


def test_an_answer_is_written_by_a_finger(seat_page, writing):
    page = seat_page(**PHONE)
    page.get_by_label(FIELD).tap()
    page.keyboard.insert_text("The Ebro.")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Submit").tap()
    saved(page)
    assert written() == "The Ebro."


def test_an_answer_is_written_without_script(seat_page, writing):
    page = seat_page(java_script_enabled=False)
    page.get_by_label(FIELD).fill("The Ebro.")
    page.get_by_role("button", name="Submit").click()
    saved(page)
    assert written() == "The Ebro."


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_axe_finds_nothing(seat_page, ask, look):
    ask("write", prompt=LONG)
    page = seat_page(**look)
    page.get_by_label(FIELD).fill(LONG)
    expect(page.locator("[data-shown] strong")).to_be_visible()
    assert violations(page) == []
