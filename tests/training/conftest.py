"""Runs of the counting recipe, with real shims and trainers; whatever a test leaves alive is killed at its end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from training.engines import shim
from training.launch import launch
from training.models import Run
from training.rundir import EVENTS, order_stop
from training.supervisor import tick


@pytest.fixture
def counting(settings, crisol_home):
    """The recipe `count` is on the shelf; no shim outlives the test."""
    settings.RECIPES = settings.RECIPES | {"count": "tests.training.counting"}
    settings.CRISOL_LOCAL_SLOTS = 4
    yield
    for lock in crisol_home.glob("runs/*/lock"):
        order_stop(lock.parent, shim.last_attempt(lock.parent), 0)
        wait_for(lambda lock=lock: not shim.alive(lock.parent))


@pytest.fixture
def queue(counting, project, lead) -> Callable[..., Run]:
    """`queue(steps=3, trick="none", …)`: a queued run; `retries` and `name` are the run's, not the recipe's."""

    def queued(*, retries: int = 2, name: str = "", **config) -> Run:
        return launch(
            user=lead, project=project, recipe="count", config=config, inputs={}, resources={"retries": retries}, name=name
        )

    return queued


def wait_for(true: Callable[[], object], seconds: float = 20.0) -> None:
    """Asks until the answer is true; fails when it never is."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.03)


def supervise(run: Run, until: Callable[[], object] | None = None) -> Run:
    """Passes of the supervisor until the run has ended, or `until` is true."""

    def passed() -> object:
        tick()
        run.refresh_from_db()
        return until() if until else run.ended

    wait_for(passed)
    return run


def lines(run: Run, kind: str) -> list[dict]:
    """The folder's own events of a kind."""
    path: Path = run.folder / EVENTS
    if not path.exists():
        return []
    whole = path.read_text().rpartition("\n")[0].splitlines()
    return [event for event in map(json.loads, whole) if event["kind"] == kind]


def states(run: Run) -> list[str]:
    """The states through which the run went."""
    return [event.data["to"] for event in run.events.filter(kind="state").order_by("id")]


def why(run: Run) -> str:
    """What the last move said."""
    return run.events.filter(kind="state").order_by("-id")[0].data["why"]
