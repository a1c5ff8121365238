"""The import page in a real browser: columns are chosen by keyboard, and the rows show at once what that makes of them."""

import json

import pytest
from playwright.sync_api import expect

from annotation.models import Judgement, Prompt
from tests.browser.axe import violations

pytestmark = pytest.mark.browser
ROWS = [{"meta": {"lang": "en"}, "task": f"Why is river {n} long?", "gold": f"Because {n} streams join it."} for n in range(4)]


@pytest.fixture
def upload(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([*ROWS, {"task": "Why?"}]))
    return path


def sent(page, project, upload):
    page.goto(f"/projects/{project.pk}/import/")
    page.get_by_label("File").set_input_files(upload)
    page.get_by_label("What the rows are").select_option("demonstrations")
    page.get_by_role("button", name="Look at the file").click()


@pytest.mark.parametrize("width", [390, 1440])
def test_columns_are_chosen_by_keyboard_and_the_focus_stays(window_of, lead, project, upload, width):
    page = window_of(lead, width=width).new_page()
    sent(page, project, upload)
    prompt = page.get_by_label("Prompt", exact=True)
    prompt.focus()
    with page.expect_response(lambda answer: "/import/" in answer.url):
        prompt.press("t")  # the one column that begins so
    expect(page.locator(".htmx-request, .htmx-swapping, .htmx-settling")).to_have_count(0)
    expect(page.get_by_role("status")).to_contain_text("Of the first 50 rows: 0 good rows")
    expect(prompt).to_be_focused()
    page.get_by_label("Response", exact=True).select_option("gold")
    expect(page.get_by_role("status")).to_contain_text("4 good rows · 1 bad row · 4 write")
    assert violations(page) == []
    page.get_by_label("Leave out the bad rows").check()
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("Imported: 4 new, 0 there already.")).to_be_visible()
    assert Judgement.objects.count() == 4
    assert set(Prompt.objects.values_list("language", flat=True)) == {"en"}
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_without_script_the_columns_are_checked_by_a_button(window_of, lead, project, upload):
    page = window_of(lead, java_script_enabled=False).new_page()
    sent(page, project, upload)
    page.get_by_label("Prompt", exact=True).select_option("task")
    page.get_by_label("Response", exact=True).select_option("gold")
    page.get_by_role("button", name="Check again, all rows").click()
    page.get_by_label("Leave out the bad rows").check()
    page.get_by_role("button", name="Import the 4 good rows").click()
    assert page.get_by_text("Imported: 4 new, 0 there already.").is_visible()
