"""Real Chromium on a live server. Every page that a test opens must finish without an error in its console."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from annotation import desk
from annotation.models import Prompt, Sample
from annotation.tasks import answer_tasks, write_tasks

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="session")
def chromium(django_db_setup) -> Iterator[Browser]:
    """One browser for all tests. Its driver keeps an event loop in this thread, which Django would take for asynchronous code."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with pytest.MonkeyPatch.context() as environment, sync_playwright() as playwright:
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def window_of(chromium, live_server) -> Iterator[Callable[..., BrowserContext]]:
    """`window_of(user, width=…)`: a browser window in which they have signed in; `None` for a stranger's."""
    opened: list[BrowserContext] = []
    complaints: list[str] = []

    def open_window(user: User | None = None, *, width: int = 1440, height: int = 900, **options) -> BrowserContext:
        context = chromium.new_context(base_url=live_server.url, viewport={"width": width, "height": height}, **options)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        context.on("console", lambda line: complaints.append(line.text) if "Content Security Policy" in line.text else None)
        if user:
            client = Client()
            client.force_login(user)
            cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
        opened.append(context)
        return context

    yield open_window
    for context in opened:
        context.close()
    assert complaints == []


@pytest.fixture
def seat_page(window_of, rater, project) -> Callable[..., Page]:
    """`seat_page(**window)`: the rater's seat, open in a window of its own."""

    def open_page(**window) -> Page:
        page = window_of(rater, **window).new_page()
        page.goto(reverse("seat", args=[desk.claim(rater, project).pk]))
        return page

    return open_page


@pytest.fixture
def ask(project) -> Callable[..., list[Sample]]:
    """`ask(kind, *texts)`: one task of that kind with answers of these texts, in which a telling model wrote them."""

    def make(kind: str, *texts: str, prompt: str = "Name a river.", follow_ups: tuple[str, ...] = ()) -> list[Sample]:
        asked = Prompt.objects.create(project=project, messages=[{"role": "user", "content": prompt}])
        said = [[{"role": "assistant", "content": text}] for text in texts]
        answers = [Sample.objects.create(prompt=asked, messages=one, model="telling") for one in said]
        if answers:
            answer_tasks([answers], kind=kind, overlap=1, follow_ups=follow_ups)
        else:
            write_tasks([asked], overlap=1)
        return answers

    return make
