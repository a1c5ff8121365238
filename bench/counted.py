"""The site, telling in two headers of each reply what it asked of the database: statements, and transactions committed.

For `bench/desk.py` alone, in a pass of its own: counting takes time. BEGIN and COMMIT are told by the transactions, SAVEPOINT is a
statement like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.db import connection

from config.wsgi import application as site

STATEMENTS, TRANSACTIONS = "X-Sql-Statements", "X-Sql-Transactions"


class Tally:
    """What one request asks of the database."""

    def __init__(self) -> None:
        self.statements = self.transactions = 0

    def statement(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        self.statements += not sql.startswith("BEGIN")
        return execute(sql, params, many, context)

    def commit(self) -> None:
        self.transactions += 1
        del connection.commit  # the method of the class, which this one hides
        connection.commit()
        connection.commit = self.commit


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """WSGI, around the site's own."""
    tally = Tally()

    def started(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
        told = [(STATEMENTS, str(tally.statements)), (TRANSACTIONS, str(tally.transactions))]
        return start_response(status, headers + told, *rest)

    connection.commit = tally.commit
    try:
        with connection.execute_wrapper(tally.statement):
            return site(environ, started)
    finally:
        del connection.commit
