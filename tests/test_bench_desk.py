"""The measurements of the desk and of the export run, small, and count what they should."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import postgres

ROOT = Path(__file__).resolve().parent.parent
DESK = ("--raters", "8", "--tasks", "200", "--seconds", "2", "--rate", "10", "--each", "2", "--pasts")
pytestmark = pytest.mark.heavy


def measured(name: str, *words: str) -> dict[str, Any]:
    """The last line of `python -m bench.NAME words…`."""
    command = [sys.executable, "-m", f"bench.{name}", *words]
    env = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "CRISOL_HOME")}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("db", ["sqlite", "postgresql"])
def test_a_submit_and_the_next_question_take_eight_statements_and_lose_nothing(db):
    if db == "postgresql" and postgres.binaries() is None:
        pytest.skip("PostgreSQL is not installed")
    figures = measured("desk", "--db", db, *DESK, "0", "50")
    assert figures["sql_worst"] <= 8
    assert {name: figures[name] for name in ("over_overlap", "lost", "troubles")} == {"over_overlap": 0, "lost": 0, "troubles": 0}
    assert figures["acknowledged"] > 8
    assert set(figures["cpu_ms_by_past"]["overlap 1"]) == {"0", "50"}


def test_raters_without_javascript_are_measured_too():
    figures = measured("desk", "--plain", *DESK)
    assert (figures["lost"], figures["troubles"]) == (0, 0)
    assert figures["next_p95_ms"] > figures["submit_p95_ms"] > 0


def test_an_export_asked_twice_is_the_same_bytes():
    figures = measured("export", "--rows", "2000")
    assert (figures["rows"], figures["identical"]) == (2000, True)
    assert figures["lines_per_s"] == figures["rows_per_s"] > 0
