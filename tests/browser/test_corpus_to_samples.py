"""A lead walks the river in Chromium: text, clean text, a tokenizer, a model that is new, one that answers, and what it answers.

Every run is real: its trainer is a process of its own, and the page tells how it ended.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from tests.training.conftest import wait_for
from training.models import Run
from training.supervisor import tick

pytestmark = pytest.mark.browser

WORDS = ["sun", "moon", "tree", "river", "stone", "bird", "fish", "wind", "rain", "snow"]
ADDRESS = "Write to sancho@insula.es for the rest of it, and say that the river sent you there."
SMALL = {"config-size": "custom", "config-layers": 2, "config-heads": 2, "config-width": 32, "config-block_size": 64}

RULES_FOR_PAGES = ("config-gopher", "config-repetition", "config-c4", "config-fineweb")  # lines of a few words are no web pages


def written(folder: Path) -> tuple[Path, Path]:
    """A corpus with one document twice and one that gives an address away; conversations as files for fine-tuning have them."""
    dice = random.Random(0)
    texts = [f"Say {' '.join(dice.sample(WORDS, 5))}, then {' '.join(dice.sample(WORDS, 4))}." for _ in range(150)]
    corpus, demonstrations = folder / "rivers.txt", folder / "chats.jsonl"
    corpus.write_text("\n\n".join([*texts, texts[0], ADDRESS]), encoding="utf-8")
    with open(demonstrations, "w", encoding="utf-8") as file:
        for _ in range(40):
            said = " ".join(dice.sample(WORDS, 3))
            turns = [{"role": "user", "content": f"say {said}"}, {"role": "assistant", "content": said}]
            file.write(json.dumps({"messages": turns}) + "\n")
    return corpus, demonstrations


def upload(page: Page, file: Path, **fields: str) -> None:
    page.locator("main input[type=file]").set_input_files(file)
    for name, value in fields.items():
        page.locator(f"main [name='{name}']").fill(value)
    page.locator("main form button.btn-primary").click()


def started(page: Page, **fields: object) -> Run:
    """Fills the form that is open, sends it off, and sees the run through to its end."""
    for name, value in fields.items():
        field = page.locator(f"main form.run-form [name='{name}']")
        kind = field.evaluate("field => field.type")
        if kind == "checkbox":
            field.set_checked(bool(value))
        elif kind == "select-one":
            titles = field.locator("option").all_inner_texts()
            field.select_option(label=next(title for title in titles if title.startswith(str(value))))
        else:
            field.fill(str(value))
    page.get_by_role("button", name="Start", exact=True).click()
    return followed(page)


def followed(page: Page) -> Run:
    """The run whose page has just opened, once it has ended well."""
    page.wait_for_url("**/runs/*/")
    run = Run.objects.latest("pk")

    def passed() -> bool:
        tick()
        run.refresh_from_db()
        return run.ended

    wait_for(passed, seconds=120)
    page.reload()
    expect(page.locator("main .badge").first).to_have_text("Succeeded")
    return run


def test_a_lead_goes_from_a_text_to_samples(window_of, transactional_db, project, lead, tmp_path):
    corpus, demonstrations = written(tmp_path)
    page = window_of(lead).new_page()

    page.goto(reverse("corpora"))
    upload(page, corpus, name="rivers", language="en", licence="CC0-1.0")
    page.get_by_role("link", name="Clean", exact=True).click()
    started(page, **dict.fromkeys(RULES_FOR_PAGES, False))
    expect(page.locator("main")).to_contain_text("This was a trial")
    page.get_by_role("link", name="Clean with these rules").click()
    started(page, name="rivers, clean")
    expect(page.locator("tr", has_text="Exact copies").locator("td").first).to_have_text("1")
    expect(page.locator("tr", has_text="Personal data").locator("td").first).to_have_text("1")

    page.goto(reverse("corpora"))
    clean = page.locator("article", has_text="rivers, clean")
    clean.get_by_role("link", name="Make a tokenizer").click()
    started(page, **{"config-vocab_size": 300, "name": "words"})
    page.get_by_role("link", name="words").first.click()
    page.get_by_role("link", name="See how it cuts a text").click()
    page.locator("#text").fill("river river")
    expect(page.locator("p.tokens")).to_have_text("river river")
    page.goto(reverse("corpora"))
    clean.get_by_role("link", name="Pretrain").click()
    started(page, **SMALL, **{"input-tokenizer": "words", "config-max_steps": 20, "name": "base"})
    expect(page.locator("figure", has_text="Bits per byte")).to_be_visible()

    page.goto(reverse("import", args=[project.pk]))
    upload(page, demonstrations)
    expect(page.locator("main")).to_contain_text("By its columns this looks like: Demonstrations.")
    page.get_by_role("button", name="Import the 40 good rows").click()
    page.goto(reverse("snapshot_new", args=[project.pk]))
    page.get_by_role("button", name="Take the snapshot").click()
    page.wait_for_url("**/snapshots/*/")
    tick()
    page.reload()
    page.get_by_role("link", name="Fine-tune on demonstrations").click()
    page.locator("main [name='input-model']").select_option(index=1)
    page.get_by_role("button", name="Check first").click()
    followed(page)
    expect(page.locator("main")).to_contain_text("Nothing was found wrong.")
    page.get_by_role("button", name="Start this run").click()
    followed(page)

    page.goto(reverse("run_new", args=["sample"]) + f"?snapshot={project.snapshots.get().pk}")
    page.locator("main [name='input-model']").select_option(index=1)
    made = started(page, **{"config-limit": 5, "config-max_new_tokens": 8})
    expect(page.locator(".sample").first).to_be_visible()
    expect(page.locator("main")).to_contain_text("20 samples")
    lineage = page.locator("section", has_text="Where it comes from")
    expect(lineage).to_contain_text("rivers, clean")
    assert made.recipe == "sample"
