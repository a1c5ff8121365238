"""The line before the pages: few at a time, in turn, and nobody waits for ever."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from queue import Queue
from threading import Event, Thread

from django.http import HttpRequest, HttpResponse

from config import turnstile


class Pages:
    """Requests that are inside until they are let go."""

    def __init__(self) -> None:
        self.inside: Queue[str] = Queue()
        self.ends: dict[str, Event] = {}
        self.respond = turnstile.turnstile(self._page)

    def ask(self, path: str) -> Callable[[], None]:
        """Asks for a page in a thread of its own; what ends it and waits until it has left."""
        self.ends[path] = Event()
        request = HttpRequest()
        request.path = path
        thread = Thread(target=self.respond, args=(request,))
        thread.start()

        def leave() -> None:
            self.ends[path].set()
            thread.join()

        return leave

    def _page(self, request: HttpRequest) -> HttpResponse:
        self.inside.put(request.path)
        self.ends[request.path].wait(30)
        return HttpResponse()


def test_one_more_than_there_are_places_waits_until_somebody_leaves(monkeypatch):
    monkeypatch.setattr(turnstile, "PATIENCE", 30)
    pages = Pages()
    leave = [pages.ask(f"/{number}") for number in range(turnstile.AT_ONCE)]
    first = {pages.inside.get(timeout=10) for _ in leave}
    last = pages.ask("/last")
    assert first == {f"/{number}" for number in range(turnstile.AT_ONCE)}
    assert pages.inside.empty()
    leave[0]()
    assert pages.inside.get(timeout=10) == "/last"
    for end in (*leave[1:], last):
        end()


def test_behind_slow_pages_a_request_passes_in_the_end_and_leaves_their_places_theirs(monkeypatch):
    monkeypatch.setattr(turnstile, "PATIENCE", 0.01)
    pages = Pages()
    slow = [pages.ask(f"/slow/{number}") for number in range(turnstile.AT_ONCE)]
    for _ in slow:
        pages.inside.get(timeout=10)
    quick = pages.ask("/quick")
    assert pages.inside.get(timeout=10) == "/quick"
    quick()
    for leave in slow:
        leave()


def test_a_page_that_fails_gives_its_place_back(monkeypatch):
    monkeypatch.setattr(turnstile, "PATIENCE", 30)

    def broken(_request: HttpRequest) -> HttpResponse:
        raise RuntimeError("broken")

    respond = turnstile.turnstile(broken)

    def ask_often() -> None:
        for _ in range(turnstile.AT_ONCE + 1):
            with suppress(RuntimeError):
                respond(HttpRequest())

    asking = Thread(target=ask_often, daemon=True)
    asking.start()
    asking.join(timeout=10)
    assert not asking.is_alive()
