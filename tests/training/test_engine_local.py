"""The local engine and its shim: an attempt runs once, alive means that its lock is held."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.training.conftest import wait_for
from training.engines import Busy, local, shim
from training.rundir import EVENTS, RunDir, order_stop

TRAIN = [sys.executable, "-m", "training.train"]


@pytest.fixture
def folder(crisol_home):
    """A run's folder with its `run.json`: counts for a minute. Whatever lives there at the end is killed."""
    path = crisol_home / "runs" / "7"
    spec = {"run": 7, "recipe": "count", "main": "tests.training.counting", "inputs": {}, "seed": 0, "resources": {}}
    RunDir.create(path, spec | {"config": {"steps": 1200, "pause": 0.05}})
    yield path
    order_stop(path, shim.last_attempt(path), 0)
    wait_for(lambda: not shim.alive(path))


def events(folder, kind):
    if not (folder / EVENTS).exists():
        return []
    return [event for event in map(json.loads, (folder / EVENTS).read_text().splitlines()) if event["kind"] == kind]


def test_eight_starts_at_once_start_one_attempt(folder):
    command = [sys.executable, "-m", "training.engines.shim", str(folder), "--attempt", "1"]
    starts = [subprocess.Popen(command) for _ in range(8)]
    assert [start.wait(20) for start in starts] == [0] * 8
    wait_for(lambda: events(folder, "metrics"))
    assert len(events(folder, "start")) == 1


def test_an_attempt_that_was_never_started_is_not_found(folder):
    assert local.find(folder, 1) is None


def test_a_started_attempt_is_found_running_and_later_ended_with_its_exit_word(folder):
    handle = local.start(folder, 1, {})
    assert local.find(folder, 1) == handle
    assert local.states([handle]) == {handle: "running"}
    wait_for(lambda: events(folder, "metrics"))
    local.stop(handle, 30)
    wait_for(lambda: local.states([handle]) == {handle: "ended"})
    assert (local.exit_code(handle), local.find(folder, 1)) == (0, handle)
    assert events(folder, "end")[-1]["state"] == "stopped"


def test_an_attempt_that_has_ended_is_not_started_again(folder):
    handle = local.start(folder, 1, {})
    local.stop(handle, 0)
    wait_for(lambda: local.states([handle]) == {handle: "ended"})
    before = (folder / "log.txt").read_text()
    assert local.start(folder, 1, {}) == handle
    assert local.states([handle]) == {handle: "ended"}
    assert (folder / "log.txt").read_text() == before


def test_whoever_waited_for_the_lock_through_a_whole_attempt_does_not_run_it_again(folder):
    os.close(shim.hold(folder, 1))
    assert shim.hold(folder, 1) is None
    os.close(shim.hold(folder, 2))
    assert shim.last_attempt(folder) == 2


def test_a_new_attempt_waits_while_an_older_one_is_alive(folder):
    local.start(folder, 1, {})
    with pytest.raises(Busy):
        local.start(folder, 2, {})


def test_an_order_to_stop_an_older_attempt_leaves_the_newer_one_alone(folder):
    handle = local.start(folder, 1, {})
    local.stop(handle, 0)
    wait_for(lambda: local.states([handle]) == {handle: "ended"})
    newer = local.start(folder, 2, {})
    wait_for(lambda: len(events(folder, "metrics")) > 3)
    assert local.states([handle, newer]) == {handle: "ended", newer: "running"}


def test_a_shim_asked_to_leave_lets_its_trainer_save(folder):
    handle = local.start(folder, 1, {})
    wait_for(lambda: events(folder, "metrics"))
    trainer = events(folder, "start")[0]["pid"]
    os.kill(shim._parent(str(trainer)), signal.SIGTERM)
    wait_for(lambda: local.states([handle]) == {handle: "ended"})
    assert events(folder, "end")[-1]["state"] == "stopped"
    assert RunDir(folder).latest_checkpoint() is not None


def test_a_trainer_by_hand_refuses_to_write_beside_a_live_attempt(folder):
    local.start(folder, 1, {})
    wait_for(lambda: events(folder, "metrics"))
    done = subprocess.run([*TRAIN, str(folder), "--attempt", "2"], capture_output=True, text=True, cwd=shim.ROOT)
    assert done.returncode == 1
    assert "another attempt is running here" in done.stderr
    assert {event["attempt"] for event in events(folder, "start")} == {1}


def test_a_trainer_by_hand_holds_the_folder_itself(folder):
    trainer = subprocess.Popen([*TRAIN, str(folder)], cwd=shim.ROOT)
    wait_for(lambda: events(folder, "metrics"))
    with pytest.raises(Busy):
        local.start(folder, 2, {})
    trainer.send_signal(signal.SIGTERM)
    assert trainer.wait(10) == 0
    assert not shim.alive(folder)


def test_a_start_answers_at_once(folder):
    """The web's and the supervisor's time is not the trainer's: measured at 60 ms alone; the bound allows a crowded machine."""
    began = time.monotonic()
    local.start(folder, 1, {})
    assert time.monotonic() - began < 2


def test_a_shim_that_cannot_start_says_why(folder):
    (folder / "lock").mkdir()
    with pytest.raises(RuntimeError, match="Is a directory"):
        local.start(folder, 1, {})
    (folder / "lock").rmdir()
