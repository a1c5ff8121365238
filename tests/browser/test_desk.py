"""The page at which raters sit, whatever is asked: drafts, tabs, time, keys, guidelines. In real Chromium."""

from __future__ import annotations

import gzip
import re
from pathlib import PurePosixPath
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from annotation import desk
from annotation.models import Flag, Guidelines, Judgement, Seat, Skip
from tests.browser.axe import violations
from tests.browser.seen import LOOKS

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PASSWORD = "a river of nine words"
FIELD = "Your response"


@pytest.fixture
def writing(ask) -> None:
    ask("write")


def saved(page) -> None:
    expect(page.get_by_text("Saved.")).to_be_visible()


def draft_saved(page) -> None:
    expect(page.locator("#saved")).to_contain_text("Draft saved", timeout=2000)


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
    expect(page.locator("[data-write][data-started]")).to_be_visible()
    page.get_by_label(FIELD).press_sequentially("The **Ebro**.", delay=20)
    page.keyboard.press("Control+Enter")
    saved(page)
    expect(page.get_by_text("Nothing is left for you")).to_be_visible()
    assert 0 < Judgement.objects.get().seconds < 30


# Keys


def test_the_question_mark_lists_the_keys_of_the_kind_and_of_the_page(seat_page, ask):
    ask("rank", "Ebro.", "Duero.")
    page = seat_page()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("put the picked answer into that tier and pick the next")
    expect(page.get_by_role("dialog")).to_contain_text("fold what was asked")
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_keys_rest_while_a_comment_is_typed(seat_page, ask):
    ask("rank", "Ebro.", "Duero.")
    page = seat_page()
    page.keyboard.press("m")
    expect(page.locator("#comment")).to_be_focused()
    page.keyboard.type("1 g? p r x z")
    expect(page.locator("#comment")).to_have_value("1 g? p r x z")
    assert page.locator("[aria-pressed=true]").count() == 0
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    expect(page.locator(".conversation .turn")).to_be_hidden()


def test_a_letter_that_names_an_answer_picks_it_even_where_the_page_has_that_key(seat_page, project, ask):
    Guidelines.objects.create(project=project, version=1, text="Be brief.")
    ask("rank", *(f"River {number}." for number in range(7)))
    page = seat_page()
    page.keyboard.press("g")
    expect(page.locator(".picked[data-answer]")).to_have_attribute("data-answer", "G")
    expect(page.get_by_text("Be brief.")).to_be_hidden()


def test_the_guidelines_open_beside_the_question_and_stay_for_the_next(seat_page, project, ask):
    Guidelines.objects.create(project=project, version=3, text="Be **brief**.")
    ask("rank", "Ebro.", "Duero.")
    ask("rank", "Duero.", "Tajo.", prompt="Name another.")
    page = seat_page()
    page.keyboard.press("g")
    panel = page.get_by_role("complementary", name="Guidelines")
    expect(panel).to_contain_text("version 3")
    assert panel.bounding_box()["x"] >= max(
        box.bounding_box()["x"] + box.bounding_box()["width"] for box in page.locator("[data-answer]").all()
    )
    assert violations(page) == []
    for key in ("Escape", "1", "2", "Enter"):
        page.keyboard.press(key)
    expect(page.locator(".asked .prose", has_text="Name another.")).to_be_visible()
    expect(panel).to_be_visible()
    page.get_by_role("button", name="Close the guidelines").click()
    expect(panel).to_be_hidden()


# Drafts


def test_a_draft_survives_a_closed_tab(seat_page, writing):
    page = seat_page()
    page.get_by_label(FIELD).press_sequentially("The Ebro, unfinis")
    draft_saved(page)
    page.close()
    expect(seat_page().get_by_label(FIELD)).to_have_value("The Ebro, unfinis")


def test_a_tab_closed_in_the_middle_of_a_word_loses_nothing(seat_page, writing):
    page = seat_page()
    page.get_by_label(FIELD).press_sequentially("The Eb")
    page.goto("about:blank")
    expect(seat_page().get_by_label(FIELD)).to_have_value("The Eb")


def test_without_a_connection_the_answer_stays_and_is_sent_later(seat_page, writing):
    page = seat_page()
    page.context.set_offline(True)
    page.get_by_label(FIELD).fill("Written on a train.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#trouble")).to_contain_text("Your answer is still here")
    page.context.set_offline(False)
    page.get_by_role("button", name="Submit").click()
    saved(page)
    assert Judgement.objects.get().written.text == "Written on a train."


def test_a_tab_closed_while_the_server_was_away_loses_nothing(seat_page, writing):
    page = seat_page()
    page.context.set_offline(True)
    page.get_by_label(FIELD).fill("Written while it restarted.")
    expect(page.locator("#saved")).to_contain_text("Not saved", timeout=3000)
    address = page.url
    page.close()
    page.context.set_offline(False)
    again = page.context.new_page()
    again.goto(address)
    expect(again.get_by_label(FIELD)).to_have_value("Written while it restarted.")
    draft_saved(again)
    assert Seat.objects.get().draft["text"] == "Written while it restarted."
    assert again.evaluate("localStorage.length") == 0


def test_a_draft_travels_to_another_device(seat_page, writing):
    page, other = seat_page(), None
    page.get_by_label(FIELD).fill("Begun at a desk")
    draft_saved(page)
    other = seat_page(width=390, height=844)
    expect(other.get_by_label(FIELD)).to_have_value("Begun at a desk")


# Two tabs


@pytest.fixture
def two_tabs(seat_page, writing):
    """An old tab, and a newer one in which something else was saved."""
    old, new = seat_page(), seat_page()
    new.get_by_label(FIELD).fill("From the newer tab.")
    draft_saved(new)
    return old, new


def test_an_old_tab_overwrites_no_newer_draft(two_tabs):
    old, _new = two_tabs
    old.get_by_label(FIELD).fill("From the old tab.")
    expect(old.locator("#elsewhere")).to_contain_text("Changed in another tab or on another device")
    expect(old.get_by_label(FIELD)).to_have_value("From the old tab.")
    assert violations(old) == []
    assert Seat.objects.get().draft["text"] == "From the newer tab."


def test_the_rater_takes_the_other_version(two_tabs):
    old, _new = two_tabs
    old.get_by_label(FIELD).fill("From the old tab.")
    old.get_by_role("button", name="Take the other version").click()
    expect(old.get_by_label(FIELD)).to_have_value("From the newer tab.")


def test_the_rater_keeps_what_is_here_and_the_other_tab_is_told(two_tabs):
    old, new = two_tabs
    old.get_by_label(FIELD).fill("From the old tab.")
    old.get_by_role("button", name="Keep what is here").click()
    draft_saved(old)
    assert Seat.objects.get().draft["text"] == "From the old tab."
    new.get_by_label(FIELD).fill("More in the newer tab.")
    expect(new.locator("#elsewhere")).to_be_visible()


def test_an_old_tab_sends_nothing_over_a_newer_draft_until_asked_twice(two_tabs):
    old, _new = two_tabs
    old.get_by_label(FIELD).evaluate("text => text.value = 'From the old tab.'")  # no draft of it is sent
    old.get_by_role("button", name="Submit").click()
    expect(old.get_by_role("alert").first).to_contain_text("also changed in another tab")
    expect(old.get_by_label(FIELD)).to_have_value("From the old tab.")
    assert not Judgement.objects.exists()
    old.get_by_role("button", name="Submit").click()
    saved(old)
    assert Judgement.objects.get().written.text == "From the old tab."


def test_an_answer_sent_right_after_typing_is_no_conflict_with_its_own_draft(seat_page, writing):
    page = seat_page()
    page.route("**/draft/", lambda route: (page.wait_for_timeout(600), route.continue_()))
    page.get_by_label(FIELD).fill("Quick.")
    page.wait_for_timeout(1100)  # the draft is on its way
    page.keyboard.press("Control+Enter")
    saved(page)
    assert Judgement.objects.get().written.text == "Quick."


def test_a_seat_lost_while_writing_says_so_and_keeps_the_text(seat_page, writing, lead):
    page = seat_page()
    Seat.objects.update(rater=lead)
    page.get_by_label(FIELD).fill("Too late.")
    expect(page.locator("#trouble")).to_contain_text("another rater took the place")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_label("What you had written")).to_have_value("Too late.")


def test_a_tab_left_open_after_sending_says_that_it_was_sent(seat_page, writing):
    left, page = seat_page(), seat_page()
    page.get_by_label(FIELD).fill("Sent.")
    page.keyboard.press("Control+Enter")
    saved(page)
    left.get_by_label(FIELD).fill("Never sent.")
    left.get_by_role("button", name="Submit").click()
    expect(left.get_by_label("What you had written")).to_have_value("Never sent.")
    assert Judgement.objects.get().written.text == "Sent."


# Time


def test_time_stops_after_a_minute_without_a_sign_of_life(window_of, rater, project, writing):
    page = window_of(rater).new_page()
    page.clock.install()
    page.goto(reverse("seat", args=[desk.claim(rater, project).pk]))
    page.clock.run_for(30_000)
    expect(page.locator("#clock")).to_have_text(re.compile("0:3[0-3]"))
    page.mouse.move(20, 20)
    page.clock.run_for(300_000)
    expect(page.locator("#clock")).to_have_text(re.compile("1:3[0-4]"))  # not 5:30
    page.mouse.move(30, 30)
    page.clock.run_for(20_000)
    expect(page.locator("#clock")).to_have_text(re.compile("1:5[0-6]"))


def test_active_time_goes_on_where_the_draft_left_it(seat_page, writing):
    page = seat_page()
    Seat.objects.update(draft={"text": "Half", "seconds": 83.0})
    page.reload()
    expect(page.locator("#clock")).to_have_text("1:23")


# The way out


def test_the_last_answer_is_changed_by_one_key(seat_page, ask):
    ask("compare", "Ebro.", "Duero.")
    ask("compare", "Duero.", "Tajo.", prompt="Name another.")
    page = seat_page()
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    saved(page)
    page.keyboard.press("z")
    expect(page.get_by_role("radio", name="A is clearly better")).to_be_checked()


def test_a_flag_reaches_the_lead_and_the_question_stays(seat_page, ask):
    ask("compare", "Ebro.", "Duero.")
    page = seat_page()
    page.keyboard.press("2")
    page.keyboard.press("f")
    page.keyboard.press("Escape")
    page.get_by_label("What is wrong").select_option("broken")
    page.get_by_label("More about it").fill("Cut off.")
    page.get_by_role("button", name="Flag", exact=True).click()
    expect(page.locator("#flagged")).not_to_be_empty()
    assert violations(page) == []
    assert list(Flag.objects.values_list("word", "comment")) == [("broken", "Cut off.")]
    page.get_by_role("button", name="Submit").click()
    saved(page)


def test_a_skip_by_keyboard_says_why_and_goes_on(seat_page, ask):
    ask("compare", "Ebro.", "Duero.")
    page = seat_page()
    page.keyboard.press("k")
    page.keyboard.type("Too blurry")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Skipped.")).to_be_visible()
    assert Skip.objects.get().reason == "Too blurry"


def test_where_a_comment_is_required_it_stands_open(seat_page, project, ask):
    project.comment_required = True
    project.save()
    ask("compare", "Ebro.", "Duero.")
    page = seat_page()
    page.keyboard.press("2")
    page.locator("#comment").fill("Shorter.")
    page.keyboard.press("Control+Enter")
    saved(page)
    assert Judgement.objects.get().comment == "Shorter."


# The page itself


def test_a_page_that_comes_back_with_errors_keeps_to_the_content_security_policy(seat_page, ask):
    ask("rank", "Ebro.", "Duero.")
    page = seat_page()
    page.evaluate("document.getElementById('comment').style.height = '12rem'")  # as its corner does when it is drawn
    page.get_by_role("button", name="Submit and go on").click()
    expect(page.get_by_role("alert").first).to_contain_text("Place every answer")
    page.wait_for_timeout(200)  # htmx settles attributes a moment after the swap; `window_of` hears the complaint.


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_axe_finds_nothing_on_a_page_that_tells_of_a_lost_seat(seat_page, writing, lead, look):
    page = seat_page(**look)
    Seat.objects.update(rater=lead)
    page.get_by_label(FIELD).fill("Too late.")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_label("What you had written")).to_be_visible()
    assert violations(page) == []


def test_a_seat_loads_less_than_a_hundred_kilobytes_of_script(seat_page, project, ask):
    project.aspects = [{"name": "helpful", "title": "Helpful", "scale": "likert", "help": ""}]
    project.save()
    ask("rank", "Ebro.", "Duero.", follow_ups=("rate",))
    page = seat_page()
    loaded = page.evaluate("performance.getEntriesByType('resource').map(one => one.name)")
    scripts = {address for address in loaded if urlsplit(address).path.endswith(".js")}
    names = {PurePosixPath(urlsplit(address).path).name for address in scripts}
    assert names >= {"desk.js", "drafts.js", "clock.js", "answer.js", "reading.js", "rank.js", "rate.js", "crisol.js"}
    assert any("htmx" in name for name in names)
    assert sum(len(gzip.compress(urlopen(address).read())) for address in scripts) < 100_000
