"""Few requests at a time: the threads of a web process share one interpreter."""

from __future__ import annotations

from collections.abc import Callable
from threading import BoundedSemaphore

from django.http import HttpRequest, HttpResponse

AT_ONCE = 2  # one computes while the other waits for the database
PATIENCE = 0.5  # seconds: behind two slow pages everybody else would wait for ever


def turnstile(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: lets requests in first come, first served, `AT_ONCE` in each process, and after `PATIENCE` come what may.

    Requests that all take about as long are answered sooner, nearly all of them, in a line than side by side: eight that share
    an interpreter all end as late as the last in the line. What a streamed response does after its view has returned is not held
    back.
    """
    places = BoundedSemaphore(AT_ONCE)

    def respond(request: HttpRequest) -> HttpResponse:
        admitted = places.acquire(timeout=PATIENCE)
        try:
            return get_response(request)
        finally:
            if admitted:
                places.release()

    return respond
