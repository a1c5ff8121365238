"""A query that Django's ORM writes once: each later call only binds its values.

Writing the SQL of the search for a seat takes longer than the search. `Prepared(build)` calls `build` with values that stand for
themselves, keeps the SQL, and remembers which parameter was which.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import QuerySet

STAND_INS: dict[type, Callable[[int], Any]] = {
    int: lambda number: -7_000_001 - number,
    float: lambda number: -7_000_001.5 - number,
    str: lambda number: f"\x1astand-in {number}",
    datetime: lambda number: datetime(1900, 1, 1, microsecond=number, tzinfo=UTC),
}


class Prepared:
    """`build(**values)` must make the same query for all values of the given types."""

    def __init__(self, build: Callable[..., QuerySet[Any]], **types: type):
        self.build, self.types = build, types
        self.written: dict[str, tuple[str, list[Any]]] = {}

    def sql(self, **values: Any) -> tuple[str, list[Any]]:
        """The SQL and its parameters. Within a transaction where the query locks rows."""
        if connection.vendor not in self.written:
            self.written[connection.vendor] = self._write()
        text, places = self.written[connection.vendor]
        bound = {name: _adapted(value) for name, value in values.items()}
        return text, [bound[place.name] if isinstance(place, _Place) else place for place in places]

    def _write(self) -> tuple[str, list[Any]]:
        stand_ins = {name: STAND_INS[kind](number) for number, (name, kind) in enumerate(self.types.items())}
        text, parameters = self.build(**stand_ins).query.sql_with_params()
        names = {_adapted(value): name for name, value in stand_ins.items()}
        return text, [_Place(names[value]) if value in names else value for value in parameters]


class _Place:
    """Where a value of this name is bound."""

    def __init__(self, name: str):
        self.name = name


def _adapted(value: Any) -> Any:
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value
