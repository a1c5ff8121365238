"""A query that Django's ORM writes once: each later call only binds its values.

Writing the SQL of the search for a seat takes longer than the search. `Prepared(build)` calls `build` with values that stand for
themselves, keeps the SQL and Django's plan for making objects of its rows, and remembers which parameter was which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import QuerySet
from django.db.models.query import ModelIterable
from django.db.models.sql.compiler import SQLCompiler

STAND_INS: dict[type, Callable[[int], Any]] = {
    int: lambda number: -7_000_001 - number,
    float: lambda number: -7_000_001.5 - number,
    str: lambda number: f"\x1astand-in {number}",
    datetime: lambda number: datetime(1900, 1, 1, microsecond=number, tzinfo=UTC),
}


@dataclass(frozen=True)
class _Written:
    text: str
    places: list[Any]
    compiler: SQLCompiler
    model: type


class Prepared:
    """`build(**values)` must make the same query for all values of the given types."""

    def __init__(self, build: Callable[..., QuerySet[Any]], **types: type):
        self.build, self.types = build, types
        self.written: dict[str, _Written] = {}

    def sql(self, **values: Any) -> tuple[str, list[Any]]:
        """The SQL and its parameters. Within a transaction where the query locks rows."""
        written = self._written()
        bound = {name: _adapted(value) for name, value in values.items()}
        return written.text, [bound[place.name] if isinstance(place, _Place) else place for place in written.places]

    def objects(self, **values: Any) -> Iterator[Any]:
        """The model instances that the query finds, with what it selects beside them."""
        sql, written = self.sql(**values), self._written()
        compiler = copy(written.compiler)
        compiler.connection = connections[DEFAULT_DB_ALIAS]  # this thread's
        compiler.as_sql = lambda *_args, **_options: sql  # type: ignore[method-assign, assignment]
        query = SimpleNamespace(get_compiler=lambda using: compiler)
        source = SimpleNamespace(db=DEFAULT_DB_ALIAS, query=query, model=written.model, _known_related_objects={})
        return iter(ModelIterable(source))  # type: ignore[arg-type]

    def _written(self) -> _Written:
        if connection.vendor not in self.written:
            self.written[connection.vendor] = self._write()
        return self.written[connection.vendor]

    def _write(self) -> _Written:
        stand_ins = {name: STAND_INS[kind](number) for number, (name, kind) in enumerate(self.types.items())}
        queryset = self.build(**stand_ins)
        compiler = queryset.query.get_compiler(DEFAULT_DB_ALIAS)
        text, parameters = compiler.as_sql()
        names = {_adapted(value): name for name, value in stand_ins.items()}
        places = [_Place(names[value]) if value in names else value for value in parameters]
        return _Written(text, places, compiler, queryset.model)


class _Place:
    """Where a value of this name is bound."""

    def __init__(self, name: str):
        self.name = name


def _adapted(value: Any) -> Any:
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value
