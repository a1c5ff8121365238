"""Improving an answer, in real Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from annotation.models import Judgement, Sample
from tests.browser.axe import violations
from tests.browser.seen import LONG, LOOKS, PHONE

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
FIELD = "Your better answer"


@pytest.fixture
def editing(ask) -> Sample:
    (origin,) = ask("edit", "The Ebro is the **longest** river of Spain.")
    return origin


def saved(page) -> None:
    expect(page.get_by_text("Saved.")).to_be_visible()


def written() -> Sample:
    return Judgement.objects.get().written


def test_an_answer_is_improved_by_keyboard_and_the_change_is_shown(seat_page, editing):
    page = seat_page()
    page.keyboard.press("e")
    page.keyboard.press("Control+End")
    page.keyboard.type(" The Tajo is longer.")
    expect(page.locator("[data-shown] ins")).to_have_text(" The Tajo is longer.")
    page.keyboard.press("Control+Enter")
    saved(page)
    assert written().text == "The Ebro is the **longest** river of Spain. The Tajo is longer."
    assert written().origin == editing


def test_an_unchanged_answer_is_refused(seat_page, editing):
    page = seat_page()
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("alert").first).to_contain_text("Nothing is changed yet")
    expect(page.get_by_label(FIELD)).to_have_value(editing.text)


def test_escape_leaves_the_text_so_that_keys_work(seat_page, editing):
    page = seat_page()
    page.get_by_label(FIELD).focus()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("back to the text")


def test_an_answer_is_improved_by_mouse(seat_page, editing):
    page = seat_page()
    page.get_by_label(FIELD).click()
    page.get_by_label(FIELD).fill("The Tajo is.")
    page.get_by_role("button", name="Submit").click()
    saved(page)
    assert written().text == "The Tajo is."


def test_an_answer_is_improved_by_a_finger(seat_page, editing):
    page = seat_page(**PHONE)
    page.get_by_label(FIELD).tap()
    page.keyboard.insert_text(" Sure?")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Submit").tap()
    saved(page)
    assert written().text == f"{editing.text} Sure?"


def test_an_answer_is_improved_without_script(seat_page, editing):
    page = seat_page(java_script_enabled=False)
    page.get_by_label(FIELD).fill("The Tajo is.")
    page.get_by_role("button", name="Submit").click()
    saved(page)
    assert written().text == "The Tajo is."


def test_a_draft_of_an_edit_comes_back_with_its_changes(seat_page, editing):
    page = seat_page()
    page.get_by_label(FIELD).fill("The Tajo, unfinis")
    expect(page.locator("#saved")).to_contain_text("Draft saved", timeout=2000)
    page.close()
    again = seat_page()
    expect(again.get_by_label(FIELD)).to_have_value("The Tajo, unfinis")
    expect(again.locator("[data-shown] del").first).to_be_visible()


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_axe_finds_nothing(seat_page, ask, look):
    ask("edit", LONG)
    page = seat_page(**look)
    page.get_by_label(FIELD).fill("Shorter: $x$.")
    expect(page.locator("[data-shown] del").first).to_be_visible()
    assert violations(page) == []
