"""A rater at the desk, in real Chromium."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from annotation import desk
from annotation.models import Grade, Judgement, Prompt, Sample, Seat
from annotation.tasks import answer_tasks, write_tasks

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PASSWORD = "a river of nine words"


def new_prompt(project, text="Name a river.") -> Prompt:
    return Prompt.objects.create(project=project, messages=[{"role": "user", "content": text}])


@pytest.fixture
def writing(project) -> None:
    write_tasks([new_prompt(project)], overlap=1)


@pytest.fixture
def ranking(project) -> list[Sample]:
    prompt = new_prompt(project)
    answers = [
        Sample.objects.create(prompt=prompt, messages=[{"role": "assistant", "content": f"The **{name}**."}], model=name)
        for name in ("Ebro", "Duero", "Tajo")
    ]
    answer_tasks([answers], kind="rank", overlap=1)
    return answers


@pytest.fixture
def seat_page(window_of, rater, project):
    """`seat_page()`: the rater's next seat, open in a window."""

    def open_page(**window):
        page = window_of(rater, **window).new_page()
        page.goto(reverse("seat", args=[desk.claim(rater, project).pk]))
        return page

    return open_page


def overall() -> list[float]:
    """The grades in the order in which the rater saw the answers."""
    judgement = Judgement.objects.get()
    values = dict(Grade.objects.filter(judgement=judgement, aspect="overall").values_list("sample_id", "value"))
    return [values[pk] for pk in judgement.order]


def test_a_rater_signs_in_writes_an_answer_and_is_told_it_is_saved(window_of, project, rater, writing):
    rater.set_password(PASSWORD)
    rater.save()
    page = window_of().new_page()
    page.goto("/")
    page.get_by_label("User name").fill("rater")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="To the desk").click()
    page.get_by_role("button", name="Start").click()
    page.get_by_label("Your response").fill("The **Ebro**.")
    expect(page.locator("[data-shown] strong")).to_have_text("Ebro")
    expect(page.locator("[data-counter]")).to_have_text("13 characters")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(page.get_by_text("Nothing is left for you")).to_be_visible()
    judgement = Judgement.objects.get()
    assert judgement.written.text == "The **Ebro**."
    assert 0 < judgement.seconds < 30


def test_three_answers_are_ranked_by_keyboard(seat_page, project, ranking):
    page = seat_page()
    page.keyboard.press("b")
    page.keyboard.press("1")  # B is best; C is picked next
    page.keyboard.press("u")  # C is unacceptable; A is picked next
    page.keyboard.press("1")
    page.keyboard.press("ArrowDown")  # A moves to tier 2
    expect(page.locator("[data-announce]")).to_have_text("Answer A: tier 2. All answers are placed.")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert overall() == [1.0, 2.0, 0.0]


def test_the_question_mark_lists_the_keys(seat_page, project, ranking):
    page = seat_page()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("put the picked answer into that tier and pick the next")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def drag(page, letter: str, tier: str) -> None:
    page.locator(f"[data-chip={letter}]").scroll_into_view_if_needed()
    start = page.locator(f"[data-chip={letter}]").bounding_box()
    end = page.locator(f"[data-tier='{tier}']").bounding_box()
    page.mouse.move(start["x"] + 10, start["y"] + 10)
    page.mouse.down()
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + end["height"] / 2, steps=6)
    page.mouse.up()


def test_three_answers_are_ranked_by_drag_with_a_tie(seat_page, project, ranking):
    page = seat_page()
    drag(page, "A", "2")
    drag(page, "B", "1")
    drag(page, "C", "unacceptable")
    drag(page, "C", "2")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert overall() == [0.0, 1.0, 0.0]


def test_a_finger_ranks_on_a_phone(seat_page, project, ranking):
    page = seat_page(width=390, height=844, has_touch=True, is_mobile=True)
    for letter, tier in (("A", "1"), ("B", "2"), ("C", "3")):
        page.locator(f"[data-answer={letter}] [data-to='{tier}']").tap()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Submit").tap()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert overall() == [2.0, 1.0, 0.0]


def test_a_forgotten_answer_is_asked_for_and_the_rest_kept(seat_page, project, ranking):
    page = seat_page()
    page.locator("[data-answer=A] [data-to='2']").click()
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("alert").first).to_contain_text("2 are in no tier yet")
    expect(page.locator("[data-answer=A] [data-to='2']")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("b")  # the keys work on the page that came back
    page.keyboard.press("1")
    page.keyboard.press("1")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert overall() == [0.0, 1.0, 1.0]


def test_a_page_that_comes_back_with_errors_keeps_to_the_content_security_policy(seat_page, project, ranking):
    page = seat_page()
    page.evaluate("document.getElementById('comment').style.height = '12rem'")  # as its corner does when it is drawn
    page.get_by_role("button", name="Submit and go on").click()
    expect(page.get_by_role("alert").first).to_contain_text("Place every answer")
    page.wait_for_timeout(200)  # htmx settles attributes a moment after the swap; `window_of` hears the complaint.


def test_a_draft_survives_a_closed_tab(seat_page, project, writing):
    page = seat_page()
    page.get_by_label("Your response").press_sequentially("The Ebro, unfinis")
    expect(page.locator("#saved")).to_contain_text("Draft saved", timeout=2000)
    page.close()
    assert "The Ebro, unfinis" in seat_page().get_by_label("Your response").input_value()


def test_a_tab_closed_in_the_middle_of_a_word_loses_nothing(seat_page, project, writing):
    page = seat_page()
    page.get_by_label("Your response").press_sequentially("The Eb")
    page.goto("about:blank")
    again = seat_page()
    expect(again.get_by_label("Your response")).to_have_value("The Eb")


def test_without_a_connection_the_answer_stays_and_is_sent_later(seat_page, project, writing):
    page = seat_page()
    page.context.set_offline(True)
    page.get_by_label("Your response").fill("Written on a train.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#trouble")).to_contain_text("Your answer is still here")
    page.context.set_offline(False)
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert Judgement.objects.get().written.text == "Written on a train."


def test_a_seat_lost_while_writing_says_so_and_keeps_the_text(seat_page, project, writing, lead):
    page = seat_page()
    Seat.objects.update(rater=lead)
    page.get_by_label("Your response").fill("Too late.")
    expect(page.locator("#trouble")).to_contain_text("another rater took the place")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_label("What you had written")).to_have_value("Too late.")


def test_a_ranking_works_without_script(seat_page, project, ranking):
    page = seat_page(java_script_enabled=False)
    for letter, tier in (("A", "Tier 1"), ("B", "Tier 1"), ("C", "Unacceptable")):
        page.get_by_role("combobox", name=f"Tier of answer {letter}").select_option(label=tier)
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert overall() == [1.0, 1.0, 0.0]
