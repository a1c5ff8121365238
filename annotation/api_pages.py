"""Pages of long lists: a cursor over the id, so that a row added meanwhile neither repeats nor hides another."""

from __future__ import annotations

from rest_framework.pagination import CursorPagination


class IdCursorPagination(CursorPagination):
    """Oldest first; `?page_size=` up to 1,000. Follow `next` until it is null; it stays valid while rows are added."""

    ordering = "id"
    page_size_query_param = "page_size"
    max_page_size = 1000
