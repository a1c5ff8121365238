"""Supervisors that die anywhere, and supervisors side by side: a run is started once, read once, ended once."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from itertools import count

import pytest
from django.db import connection, connections

from tests.training.conftest import lines, states, supervise, wait_for
from training.models import Checkpoint, Run
from training.moves import move, request_stop
from training.supervisor import tick

pytestmark = pytest.mark.django_db(transaction=True)


class KillAt:
    """Kills this process by force at its n-th statement: before it is sent, or after the database has done it."""

    def __init__(self, number: int, when: str):
        self.left, self.when = number, when

    def __call__(self, execute, *statement):
        self.left -= 1
        if self.left == 0 and self.when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = execute(*statement)
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result


def in_a_process(act: Callable[[], object]) -> int:
    """Forks a process that acts; its id."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            act()
            status = 0
        finally:
            os._exit(status)
    return child


def pass_killed_at(number: int, when: str) -> bool:
    """One pass in a process of its own, killed at its n-th statement; False when the pass ended before that."""

    def act() -> None:
        with connection.execute_wrapper(KillAt(number, when)):
            tick()

    _pid, status = os.waitpid(in_a_process(act), 0)
    assert os.waitstatus_to_exitcode(status) in (0, -signal.SIGKILL)
    return os.waitstatus_to_exitcode(status) != 0


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_supervisor_killed_at_any_statement_of_a_start_has_started_the_run_once(queue, when):
    for number in count(1):
        run = queue(steps=2)
        killed = pass_killed_at(number, when)
        supervise(run)
        assert (run.state, run.attempt, len(lines(run, "start"))) == (Run.State.SUCCEEDED, 1, 1)
        assert states(run) == ["queued", "starting", "running", "succeeded"]
        if not killed:
            break
    assert number > 5


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_supervisor_killed_at_any_statement_of_an_end_has_counted_everything_once(queue, when):
    for number in count(1):
        run = queue(steps=3)
        tick()
        wait_for(lambda run=run: (run.folder / "exit-1").exists())
        killed = pass_killed_at(number, when)
        supervise(run)
        assert run.state == Run.State.SUCCEEDED
        assert list(run.events.filter(kind="metrics").order_by("id").values_list("step", flat=True)) == [1, 2, 3]
        assert Checkpoint.objects.filter(run=run).count() == 1
        if not killed:
            break
    assert number > 5


def test_supervisors_side_by_side_start_read_and_end_each_run_once(queue, settings):
    settings.CRISOL_LOCAL_SLOTS = 2
    runs = [queue(steps=5, pause=0.02) for _ in range(6)]

    def work() -> None:
        most, deadline = 0, time.monotonic() + 40
        while Run.objects.exclude(state__in=Run.ENDED).exists() and time.monotonic() < deadline:
            tick()
            most = max(most, Run.objects.filter(state__in=Run.LIVE).count())
        assert most <= 2

    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in [in_a_process(work) for _ in range(3)]]
    assert codes == [0, 0, 0]
    for run in runs:
        run.refresh_from_db()
        assert (run.state, run.attempt, len(lines(run, "start"))) == (Run.State.SUCCEEDED, 1, 1)
        assert states(run) == ["queued", "starting", "running", "succeeded"]
        assert Counter(run.events.filter(kind="metrics").values_list("step", flat=True)) == Counter(range(1, 6))
    assert Checkpoint.objects.count() == 6


def test_a_stop_that_comes_while_a_dead_supervisors_run_was_starting_ends_it(queue):
    run = queue(steps=1000, pause=0.05)
    assert move(run, Run.State.STARTING)
    assert request_stop(run)
    supervise(run)
    assert states(run) == ["queued", "starting", "stopping", "stopped"]
    assert lines(run, "start") == []
