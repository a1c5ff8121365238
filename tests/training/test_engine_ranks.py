"""Several trainer processes of one attempt, started by a real torchrun."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.training.conftest import lines, supervise, wait_for
from training.engines import shim
from training.launch import launch
from training.models import Run
from training.moves import request_stop
from training.supervisor import tick

pytestmark = [pytest.mark.heavy, pytest.mark.django_db]


@pytest.fixture
def newborn(counting, project, lead):
    """A run of two ranks that counts for a minute, when both have just been started: they still import."""
    run = launch(
        user=lead, project=project, recipe="count", config={"steps": 600, "pause": 0.1}, inputs={}, resources={"processes": 2}
    )
    tick()
    wait_for(lambda: len(ranks(run)) == 2, seconds=60)
    return run


@pytest.fixture
def pair(newborn):
    """The same once it counts."""
    wait_for(lambda: lines(newborn, "metrics"), seconds=60)
    return newborn


def ranks(run: Run) -> list[int]:
    """Process ids of the run's ranks, whoever their parent is."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            command = Path(f"/proc/{entry}/cmdline").read_text().split("\0")
        except (FileNotFoundError, NotADirectoryError, ProcessLookupError):
            continue
        if "torch.distributed.run" not in command and "training.train" in command and str(run.folder) in command:
            found.append(int(entry))
    return found


def test_a_stop_reaches_both_ranks_and_lets_them_save(pair):
    request_stop(pair)
    assert supervise(pair).state == Run.State.STOPPED
    assert [event["state"] for event in lines(pair, "end")] == ["stopped"]
    assert ranks(pair) == []


@pytest.mark.parametrize("age", ["pair", "newborn"])
def test_no_rank_outlives_a_shim_killed_by_force(age, request):
    run = request.getfixturevalue(age)
    torchrun = shim._parent(str(ranks(run)[0]))
    os.kill(shim._parent(str(torchrun)), signal.SIGKILL)
    wait_for(lambda: not shim.alive(run.folder))
    wait_for(lambda: ranks(run) == [])


def test_a_killed_rank_ends_the_attempt_and_the_run_is_tried_again(pair):
    os.kill(lines(pair, "start")[0]["pid"], signal.SIGKILL)
    supervise(pair, until=lambda: pair.attempt == 2)
    assert pair.events.filter(kind="retry").count() == 1
