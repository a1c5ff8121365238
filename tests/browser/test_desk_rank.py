"""Ranking answers, in real Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from annotation.models import Sample
from tests.browser.axe import violations
from tests.browser.seen import LONG, LOOKS, PHONE, grades

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ranking(ask) -> list[Sample]:
    return ask("rank", "The **Ebro**.", "The **Duero**.", "The **Tajo**.")


def saved(page) -> None:
    expect(page.get_by_text("Saved.")).to_be_visible()


def test_four_answers_with_a_tie_are_ranked_and_sent_in_five_keys(seat_page, ask):
    ask("rank", "Ebro.", "Duero.", "Tajo.", "Mar.")
    page = seat_page()
    for key in ("1", "2", "2", "3", "Enter"):
        page.keyboard.press(key)
    saved(page)
    assert grades() == {"A": 2.0, "B": 1.0, "C": 1.0, "D": 0.0}


def test_enter_waits_until_every_answer_is_placed(seat_page, ranking):
    page = seat_page()
    for key in ("1", "2", "Enter"):
        page.keyboard.press(key)
    page.wait_for_timeout(300)
    expect(page.get_by_role("heading", level=1)).to_have_text("Rank the answers")
    page.keyboard.press("u")
    page.keyboard.press("Enter")
    saved(page)
    assert grades("acceptable") == {"A": 1.0, "B": 1.0, "C": 0.0}


def test_answers_are_picked_and_moved_by_keyboard(seat_page, ranking):
    page = seat_page()
    page.keyboard.press("b")
    page.keyboard.press("1")  # B is best; C is picked next
    page.keyboard.press("u")  # C is unacceptable; A is picked next
    page.keyboard.press("1")
    page.keyboard.press("ArrowDown")  # A moves to tier 2
    expect(page.locator("[data-announce]")).to_have_text("Answer A: tier 2. All answers are placed.")
    page.keyboard.press("Control+Enter")
    saved(page)
    assert grades() == {"A": 1.0, "B": 2.0, "C": 0.0}


def drag(page, letter: str, tier: str) -> None:
    page.locator(f"[data-chip={letter}]").scroll_into_view_if_needed()
    start = page.locator(f"[data-chip={letter}]").bounding_box()
    end = page.locator(f"[data-tier='{tier}']").bounding_box()
    page.mouse.move(start["x"] + 10, start["y"] + 10)
    page.mouse.down()
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + end["height"] / 2, steps=6)
    page.mouse.up()


def test_answers_are_ranked_by_drag_with_a_tie(seat_page, ranking):
    page = seat_page()
    drag(page, "A", "2")
    drag(page, "B", "1")
    drag(page, "C", "unacceptable")
    drag(page, "C", "2")
    page.get_by_role("button", name="Submit").click()
    saved(page)
    assert grades() == {"A": 0.0, "B": 1.0, "C": 0.0}


def test_a_finger_ranks_on_a_phone(seat_page, ranking):
    page = seat_page(**PHONE)
    for letter, tier in (("A", "1"), ("B", "2"), ("C", "3")):
        page.locator(f"[data-answer={letter}] [data-to='{tier}']").tap()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Submit").tap()
    saved(page)
    assert grades() == {"A": 2.0, "B": 1.0, "C": 0.0}


def finger(page, kind: str, at: dict | None) -> None:
    touches = [{"x": at["x"] + at["width"] / 2, "y": at["y"] + at["height"] / 2}] if at else []
    page.touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})


def test_a_finger_drags_a_letter_into_its_tier(seat_page, ranking):
    page = seat_page(**PHONE)
    page.touch = page.context.new_cdp_session(page)
    chip, tier = page.locator("[data-chip=B]"), page.locator("[data-tier='2']")
    page.locator("[data-board]").evaluate("board => board.scrollIntoView({ block: 'center' })")
    finger(page, "touchStart", chip.bounding_box())
    finger(page, "touchMove", tier.bounding_box())
    finger(page, "touchMove", tier.bounding_box())
    finger(page, "touchEnd", None)
    expect(page.locator("[data-answer=B] [data-to='2']")).to_have_attribute("aria-pressed", "true")


def test_a_forgotten_answer_is_asked_for_and_the_rest_kept(seat_page, ranking):
    page = seat_page()
    page.locator("[data-answer=A] [data-to='2']").click()
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("alert").first).to_contain_text("2 are in no tier yet")
    expect(page.get_by_role("alert").first).to_be_focused()
    expect(page.locator("[data-answer=A] [data-to='2']")).to_have_attribute("aria-pressed", "true")
    for key in ("1", "1", "Enter"):  # the keys work on the page that came back
        page.keyboard.press(key)
    saved(page)
    assert grades() == {"A": 0.0, "B": 1.0, "C": 1.0}


def test_a_ranking_works_without_script(seat_page, ranking):
    page = seat_page(java_script_enabled=False)
    for letter, tier in (("A", "Tier 1"), ("B", "Tier 1"), ("C", "Unacceptable")):
        page.get_by_role("combobox", name=f"Tier of answer {letter}").select_option(label=tier)
    page.get_by_role("button", name="Submit").click()
    saved(page)
    assert grades() == {"A": 1.0, "B": 1.0, "C": 0.0}


def test_a_draft_of_a_ranking_comes_back(seat_page, ranking):
    page = seat_page()
    page.keyboard.press("2")
    expect(page.locator("#saved")).to_contain_text("Draft saved", timeout=2000)
    page.close()
    expect(seat_page().locator("[data-answer=A] [data-to='2']")).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_axe_finds_nothing(seat_page, ask, look):
    ask("rank", LONG, "Duero.", "طويل", LONG + "!")
    page = seat_page(**look)
    page.keyboard.press("1")
    assert violations(page) == []
