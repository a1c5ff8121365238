"""Rating answers in aspects, alone and after a ranking or a comparison, in real Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.seen import LONG, LOOKS, PHONE, by_aspect

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def aspects(project):
    project.aspects = [
        {"name": "helpful", "title": "Helpful", "scale": "likert", "help": "Does it do what was asked?"},
        {"name": "truthful", "title": "Truthful", "scale": "thumb", "help": ""},
        {"name": "rude", "title": "Rude", "scale": "flag", "help": ""},
    ]
    project.save()


@pytest.fixture
def rating(ask):
    ask("rate", LONG, "The **Duero**.")


def saved(page) -> None:
    expect(page.get_by_text("Saved.")).to_be_visible()


def row(page, letter: str, title: str):
    return page.get_by_role("group", name=f"Ratings of answer {letter}").get_by_role("group", name=title)


def test_two_answers_are_rated_by_numbers_alone(seat_page, rating):
    page = seat_page()
    for key in ("6", "1", "0", "2", "0", "1", "Enter"):
        page.keyboard.press(key)
    saved(page)
    assert by_aspect() == {
        "helpful": {"A": 6.0, "B": 2.0},
        "truthful": {"A": 1.0, "B": 0.0},
        "rude": {"A": 0.0, "B": 1.0},
    }


def test_arrows_go_from_row_to_row_and_from_value_to_value(seat_page, rating):
    page = seat_page()
    for key in ("ArrowDown", "5", "ArrowUp", "ArrowRight", "ArrowDown", "ArrowRight", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    assert row(page, "A", "Helpful").get_by_role("radio", name="6").is_checked()
    assert row(page, "A", "Truthful").get_by_role("radio", name="Thumb down").is_checked()
    assert row(page, "A", "Rude").get_by_role("checkbox").is_checked()


def test_enter_waits_until_every_row_is_rated(seat_page, rating):
    page = seat_page()
    page.keyboard.press("6")
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    expect(page.get_by_role("heading", level=1)).to_have_text("Rate the answers")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert").first).to_contain_text("Answer A: rate “Truthful”.")
    assert row(page, "A", "Helpful").get_by_role("radio", name="6").is_checked()


def test_answers_are_rated_by_mouse(seat_page, rating):
    page = seat_page()
    for letter, value, thumb in (("A", "3", "up"), ("B", "7", "down")):
        row(page, letter, "Helpful").locator("label.value", has_text=value).click()
        row(page, letter, "Truthful").get_by_title(f"Thumb {thumb}").click()
    row(page, "B", "Rude").get_by_text("Rude").last.click()
    page.get_by_role("button", name="Submit").click()
    saved(page)
    assert by_aspect() == {
        "helpful": {"A": 3.0, "B": 7.0},
        "truthful": {"A": 1.0, "B": 0.0},
        "rude": {"A": 0.0, "B": 1.0},
    }


def test_answers_are_rated_by_a_finger(seat_page, rating):
    page = seat_page(**PHONE)
    for letter in "AB":
        row(page, letter, "Helpful").locator("label.value").nth(3).tap()
        row(page, letter, "Truthful").locator("label.value").first.tap()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Submit").tap()
    saved(page)
    assert by_aspect()["helpful"] == {"A": 4.0, "B": 4.0}


def test_after_a_ranking_the_best_answer_is_rated_with_the_next_keys(seat_page, ask):
    ask("rank", "Ebro.", "Duero.", "Tajo.", follow_ups=("rate",))
    page = seat_page()
    expect(row(page, "B", "Helpful")).to_be_hidden()
    for key in ("2", "1", "3", "Enter"):
        page.keyboard.press(key)
    expect(row(page, "B", "Helpful")).to_be_visible()
    expect(row(page, "A", "Helpful")).to_be_hidden()
    for key in ("7", "1", "0", "Enter"):
        page.keyboard.press(key)
    saved(page)
    assert by_aspect() == {
        "overall": {"A": 1.0, "B": 2.0, "C": 0.0},
        "acceptable": {"A": 1.0, "B": 1.0, "C": 1.0},
        "helpful": {"B": 7.0},
        "truthful": {"B": 1.0},
        "rude": {"B": 0.0},
    }


def test_after_a_tie_both_are_rated_and_a_change_of_mind_asks_of_the_other(seat_page, ask):
    ask("compare", "Ebro.", "Duero.", follow_ups=("rate",))
    page = seat_page()
    page.keyboard.press("4")
    for letter in "AB":
        expect(row(page, letter, "Helpful")).to_be_visible()
    page.keyboard.press("5")
    expect(row(page, "A", "Helpful")).to_be_hidden()
    expect(row(page, "B", "Helpful")).to_be_visible()
    for key in ("Enter", "5", "0", "1", "Enter"):
        page.keyboard.press(key)
    saved(page)
    assert by_aspect() == {"overall": {"A": 0.0, "B": 1.0}, "helpful": {"B": 5.0}, "truthful": {"B": 0.0}, "rude": {"B": 1.0}}


def test_answers_are_rated_without_script(seat_page, rating):
    page = seat_page(java_script_enabled=False)
    for letter in "AB":
        row(page, letter, "Helpful").get_by_role("radio", name="2").check(force=True)
        row(page, letter, "Truthful").get_by_role("radio", name="Thumb up").check(force=True)
    page.get_by_role("button", name="Submit").click()
    saved(page)
    assert by_aspect()["helpful"] == {"A": 2.0, "B": 2.0}


def test_a_draft_of_ratings_comes_back(seat_page, rating):
    page = seat_page()
    for key in ("6", "0"):
        page.keyboard.press(key)
    expect(page.locator("#saved")).to_contain_text("Draft saved", timeout=2000)
    page.close()
    again = seat_page()
    expect(row(again, "A", "Helpful").get_by_role("radio", name="6")).to_be_checked()
    expect(row(again, "A", "Truthful").get_by_role("radio", name="Thumb down")).to_be_checked()


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_axe_finds_nothing(seat_page, rating, look):
    page = seat_page(**look)
    page.keyboard.press("6")
    assert violations(page) == []


def test_axe_finds_nothing_after_a_ranking(seat_page, ask):
    ask("rank", LONG, "Duero.", follow_ups=("rate",))
    page = seat_page()
    for key in ("1", "1", "Enter"):
        page.keyboard.press(key)
    assert violations(page) == []
