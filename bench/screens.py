"""The six pictures of the docs, taken anew from a running site.

    python -m bench.screens http://localhost:8000 --lead NAME:PASSWORD --rater NAME:PASSWORD [--out docs/screens]

Meant for the site that `make demo` serves: where the rater's next question is not of the kind that a picture still lacks, it is
answered, and that answer counts. The last line is JSON: bytes by picture, under 150 kB each.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from tqdm import tqdm

from demo import raters, world

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
SIZE = {"width": 1200, "height": 760}
MOST_BYTES, MOST_SEATS = 150_000, 24
ANSWER = "A **good answer** is\n\n- right,\n- short."


def main() -> None:
    """Signs in as both, takes the pictures, tells their sizes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="where the site is served")
    parser.add_argument("--lead", required=True, metavar="NAME:PASSWORD")
    parser.add_argument("--rater", required=True, metavar="NAME:PASSWORD")
    parser.add_argument("--out", type=Path, default=Path("docs/screens"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, tqdm(total=6, desc="pictures") as bar:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=FLAGS)
        taken = {}
        for shots, person in ((of_a_rater, args.rater), (of_a_lead, args.lead)):
            with signed_in(browser, args.url, person) as page:
                for name in shots(page):
                    taken[name] = picture(page, args.out / f"{name}.png")
                    bar.update()
        browser.close()
    print(json.dumps(taken))


@contextmanager
def signed_in(browser: Browser, url: str, person: str) -> Iterator[Page]:
    """A page of somebody who has signed in."""
    context = browser.new_context(base_url=url, viewport=SIZE, color_scheme="light")
    page = context.new_page()
    name, _, password = person.partition(":")
    page.goto("/login/")
    page.fill("#id_username", name)
    page.fill("#id_password", password)
    page.click("main button")
    page.wait_for_url(re.compile(r"/$"))
    yield page
    context.close()


def of_a_rater(page: Page) -> Iterator[str]:
    """The two kinds of question, half answered; the seat is given back at the end."""
    missing = {"write", "rank"}
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("article a.btn >> nth=0")
    if "/desk/" in page.url:
        page.click("main .btn-primary")
    for _ in range(MOST_SEATS):
        page.wait_for_selector("#answer")
        page.reload()  # without the message about the last one
        kind = "write" if page.locator("textarea[name=text]").count() else "rank"
        answered(page, kind)
        telling = kind == "write" or page.locator("article.answer").count() > 2
        if kind in missing and telling:
            missing.remove(kind)
            yield kind
        if not missing:
            break
        seat = page.url
        page.keyboard.press("Control+Enter")
        page.wait_for_url(lambda url, seat=seat: url != seat)
        if "/desk/" in page.url:
            tqdm.write(f"No question of the kind {' or '.join(missing)} is left for this rater: that picture stays as it was.")
            return
    page.click("form[action$='/release/'] button")


def answered(page: Page, kind: str) -> None:
    """Fills the form as a person would, with the keyboard."""
    question = page.inner_text(".asked .turn:last-child .prose").strip()
    known = question in world.QUESTIONS
    if kind == "write":
        page.fill("textarea[name=text]", world.write(question, random.Random(0), skill=1) if known else ANSWER)
        page.wait_for_selector("text=Draft saved")
        return
    texts = dict(enumerate(page.locator("article.answer .prose").all_inner_texts()))
    page.keyboard.press("a")
    for key in keys(question, texts) if known else "122112211"[: len(texts)]:
        page.keyboard.press(key)
    page.wait_for_timeout(300)


def keys(question: str, texts: dict[int, str]) -> str:
    """A careful rater's keys for the answers from A on: the number of each one's tier, or u for unacceptable."""
    ranking = raters.rank(question, texts, random.Random(0), noise=0)
    tier = {place: str(number) for number, places in enumerate(ranking["tiers"], 1) for place in places}
    return "".join(tier.get(place, "u") for place in texts)


def of_a_lead(page: Page) -> Iterator[str]:
    """The newest snapshot and report, a PPO run (else the newest), and the API's page."""
    page.goto("/projects/1/snapshots/")
    page.click("main table a >> nth=0")
    yield "snapshot"
    page.goto("/runs/")
    runs = page.locator("main table a")
    (ppo.first if (ppo := runs.filter(has_text=re.compile(r"^ppo-"))).count() else runs.first).click()
    yield "run"
    page.goto("/evaluations/")
    page.click("main table a >> nth=0")
    yield "report"
    page.goto("/api/docs/")
    page.wait_for_selector(".opblock")
    yield "api"


def picture(page: Page, path: Path) -> int:
    """What the window shows, as a PNG of few colours where `pngquant` is installed; its bytes."""
    page.wait_for_load_state("load")
    page.screenshot(path=path)
    if quantizer := shutil.which("pngquant"):
        subprocess.run([quantizer, "--force", "--skip-if-larger", "--output", path, path], check=False)
    if (size := path.stat().st_size) > MOST_BYTES:
        raise SystemExit(f"{path} has {size} bytes, more than {MOST_BYTES}: install pngquant")
    return size


if __name__ == "__main__":
    main()
