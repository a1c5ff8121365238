"""Reading at the desk, in real Chromium: raw texts, differences, answers that scroll together, formulas, right to left."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from annotation import desk
from annotation.models import Prompt, Sample
from annotation.tasks import answer_tasks

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
TEXTS = ["The **Ebro** is 930 km long.", "The **Duero** is 897 km long."]


@pytest.fixture
def seat_page(window_of, rater, project):
    """`seat_page(*texts)`: the rater's seat before answers of these texts, open in a window."""

    def open_page(*texts, **window):
        prompt = Prompt.objects.create(project=project, messages=[{"role": "user", "content": "Name a river."}])
        said = [[{"role": "assistant", "content": text}] for text in texts]
        answer_tasks([[Sample.objects.create(prompt=prompt, messages=one, model="m") for one in said]], kind="rank", overlap=1)
        page = window_of(rater, **window).new_page()
        page.goto(reverse("seat", args=[desk.claim(rater, project).pk]))
        return page

    return open_page


def test_a_key_shows_every_text_raw_and_rendered_again(seat_page):
    page = seat_page(*TEXTS)
    answer = page.locator("[data-answer]", has_text="Ebro")
    expect(answer.locator("strong")).to_be_visible()
    page.keyboard.press("r")
    expect(answer.locator(".raw-text")).to_have_text(TEXTS[0])
    expect(answer.locator(".raw-text")).to_be_visible()
    expect(answer.locator("strong")).to_be_hidden()
    page.keyboard.press("r")
    expect(answer.locator(".raw-text")).to_be_hidden()
    expect(answer.locator("strong")).to_be_visible()


def test_typing_is_no_command(seat_page):
    page = seat_page(*TEXTS)
    page.locator(".comment summary").click()
    page.locator("#comment").fill("")
    page.locator("#comment").press_sequentially("rsx")
    expect(page.locator("#comment")).to_have_value("rsx")
    expect(page.locator(".raw-text").first).to_be_hidden()


def test_differences_are_marked_and_taken_away_again(seat_page):
    page = seat_page(*TEXTS)
    page.keyboard.press("x")
    expect(page.locator("[data-answer] mark")).to_have_count(4)
    assert sorted(page.locator("[data-answer] mark").all_inner_texts()) == ["897", "930", "Duero", "Ebro"]
    page.keyboard.press("d")
    expect(page.locator("[data-answer] mark")).to_have_count(0)
    expect(page.locator("[data-answer] strong").first).to_be_visible()


def test_of_three_answers_two_are_marked_against_the_picked_one(seat_page):
    page = seat_page(*TEXTS, "The **Tajo** is 1007 km long.")
    page.keyboard.press("b")
    page.keyboard.press("x")
    expect(page.locator(".comparing")).to_have_count(2)
    expect(page.locator("[data-answer=B] mark")).to_have_count(0)


def test_long_answers_scroll_together_in_proportion(seat_page):
    page = seat_page("One line.\n\n" * 100, "One line.\n\n" * 200)
    page.keyboard.press("s")
    first, second = page.locator("[data-answer=A]"), page.locator("[data-answer=B]")
    scrolled = """(one, share) => { one.scrollTop = share * (one.scrollHeight - one.clientHeight);
                                  return new Promise((done) => setTimeout(done, 200)); }"""
    share = "one => one.scrollTop / (one.scrollHeight - one.clientHeight)"
    first.evaluate(scrolled, 0.5)
    assert second.evaluate(share) == pytest.approx(0.5, abs=0.01)
    second.evaluate(scrolled, 1)
    assert first.evaluate(share) == pytest.approx(1, abs=0.01)


def test_each_block_runs_in_its_own_direction_whatever_code_or_formula_it_begins_with(seat_page):
    page = seat_page("`x` نهر طويل\n\nA long river\n\n- $x$ نهر\n- river", "$x^2$ طويل")
    blocks = page.locator("[data-answer]", has_text="A long river").locator(".prose > p, .prose ul, .prose li")
    directions = blocks.evaluate_all("found => found.map(one => getComputedStyle(one).direction)")
    assert directions == ["rtl", "ltr", "rtl", "rtl", "ltr"]
    formula = page.locator("[data-answer] p:has(msup)")
    assert formula.evaluate("one => getComputedStyle(one).direction") == "rtl"
    assert formula.locator("math").evaluate("one => getComputedStyle(one).direction") == "ltr"


def test_scripts_of_scripts_stay_large_enough_to_read(seat_page):
    page = seat_page("$x_{a_{b_{c_{d_{e_{f_{g_{h}}}}}}}}$", "none")
    sizes = page.locator("math mi").evaluate_all("found => found.map(one => parseFloat(getComputedStyle(one).fontSize))")
    assert min(sizes) > 0.45 * max(sizes)
