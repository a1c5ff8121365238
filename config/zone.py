"""Times as the reader's own clock shows them."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

COOKIE = "zone"


def reader_zone(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: the time zone that `static/crisol.js` has put into a cookie, else `CRISOL_TIME_ZONE`."""

    def respond(request: HttpRequest) -> HttpResponse:
        with timezone.override(named(request.COOKIES.get(COOKIE, ""))):
            return get_response(request)

    return respond


def named(name: str) -> ZoneInfo | None:
    """The zone of that name. None for what is none: anybody may send any cookie."""
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):
        return None
