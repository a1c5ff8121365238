"""A database of the measurement's own, and what it costs."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator

import psutil

KINDS = ("sqlite", "postgresql")


@contextlib.contextmanager
def database(kind: str) -> Iterator[str]:
    """An empty, migrated database and CRISOL_HOME, which this process and its children use from here on; gone with the block.

    Yields the home. Django is set up in it, so one process can enter this once.
    """
    from tests import postgres

    with contextlib.ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory(prefix="crisol-bench-"))
        url = stack.enter_context(postgres.server()) if kind == "postgresql" else f"sqlite:///{home}/crisol.sqlite3"
        os.environ |= {
            "CRISOL_HOME": home,
            "DATABASE_URL": url,
            "CRISOL_LOG": "WARNING",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        import django
        from django.core.management import call_command
        from django.db import connections

        django.setup()
        call_command("migrate", verbosity=0)
        try:
            yield home
        finally:
            connections.close_all()


def database_process() -> psutil.Process | None:
    """PostgreSQL's postmaster; None for SQLite, which works inside the web processes."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return psutil.Process(cursor.fetchone()[0]).parent()
