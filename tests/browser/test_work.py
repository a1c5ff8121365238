"""The rater's rooms in real Chromium: home, desk, a change of mind, a flag."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from annotation import desk
from annotation.models import Flag, Grade, Judgement, Member, Prompt, Sample, Seat
from annotation.tasks import answer_tasks, write_tasks

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def new_prompt(project, text="Name a river.", language="en") -> Prompt:
    return Prompt.objects.create(project=project, messages=[{"role": "user", "content": text}], language=language)


@pytest.fixture
def ranked(project, rater) -> Judgement:
    """A ranking sent a moment ago, best first."""
    prompt = new_prompt(project)
    answers = [
        Sample.objects.create(prompt=prompt, messages=[{"role": "assistant", "content": f"The **{name}**."}], model=name)
        for name in ("Ebro", "Duero", "Tajo")
    ]
    answer_tasks([answers], kind="rank", overlap=1)
    seat = desk.claim(rater, project)
    return desk.fill(seat, rater, {"tiers": [[pk] for pk in seat.order]}, key="sent", seconds=12)


def test_a_rater_changes_a_ranking_from_the_desk(window_of, project, rater, ranked):
    page = window_of(rater).new_page()
    page.goto(reverse("desk", args=[project.pk]))
    page.get_by_role("link", name="Change it, until").click()
    expect(page.get_by_text("You are changing what you sent at")).to_be_visible()
    page.wait_for_load_state()
    for letter, tier in ("A", "3"), ("C", "1"):
        page.locator(f"[data-answer='{letter}'] button[data-to='{tier}']").click()
    page.get_by_role("button", name="Send this instead").click()
    expect(page.get_by_text("Changed. What you sent before is kept")).to_be_visible()
    changed = Judgement.objects.get(supersedes=ranked)
    values = dict(Grade.objects.filter(judgement=changed, aspect="overall").values_list("sample_id", "value"))
    assert [values[pk] for pk in changed.order] == [0.0, 1.0, 2.0]
    assert 0 < changed.seconds < 60


def test_a_written_answer_is_changed_without_a_word_of_drafts(window_of, project, rater):
    write_tasks([new_prompt(project)], overlap=1)
    sent = desk.fill(desk.claim(rater, project), rater, {"text": "Ebro"}, key="sent")
    page = window_of(rater).new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    page.goto(reverse("change", args=[sent.pk]))
    page.get_by_label("Your response").fill("Duero")
    page.wait_for_timeout(1500)
    assert {url.split("/", 3)[3] for url in asked} <= {"preview/"}
    page.get_by_role("button", name="Send this instead").click()
    expect(page.get_by_text("Changed.")).to_be_visible()
    assert Judgement.objects.in_force().get().written.text == "Duero"


def test_a_flag_is_raised_without_leaving_the_seat(window_of, project, rater):
    write_tasks([new_prompt(project)], overlap=1)
    page = window_of(rater).new_page()
    page.goto(reverse("seat", args=[desk.claim(rater, project).pk]))
    page.get_by_label("Your response").fill("Half an ans")
    page.locator("summary", has_text="Flag").click()
    page.get_by_label("What is wrong").select_option("unsafe")
    page.locator(f"form[action$='{reverse('flag', args=[Seat.objects.get().pk])}'] button").last.click()
    expect(page.get_by_text("the leads will see it")).to_be_visible()
    expect(page.get_by_label("Your response")).to_have_value("Half an ans")
    assert Flag.objects.get().rater == rater


def test_languages_are_chosen_on_the_desk(window_of, project, rater):
    write_tasks([new_prompt(project), new_prompt(project, "Nombra un mar.", "es")], overlap=1)
    page = window_of(rater, width=390, height=844).new_page()
    page.goto(reverse("desk", args=[project.pk]))
    page.get_by_text("Languages in which I judge").first.click()
    page.get_by_label("español").check()
    page.get_by_role("button", name="Change").click()
    expect(page.get_by_text("Your languages are changed")).to_be_visible()
    assert Member.objects.get(user=rater, project=project).languages == ["es"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_long_day_is_met_with_a_gentle_word(window_of, project, rater, ranked):
    Seat.objects.update(filled=timezone.now(), held_since=timezone.now() - timedelta(hours=1))
    Judgement.objects.update(seconds=3100)
    page = window_of(rater).new_page()
    page.goto(reverse("desk", args=[project.pk]))
    expect(page.get_by_text("Five minutes away from the screen")).to_be_visible()
