"""A run from the queue to its end, through real shims and trainers."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from annotation.models import Project, Prompt, Snapshot
from tests.training.conftest import lines, states, supervise, wait_for, why
from training.engines import local, shim
from training.models import Checkpoint, Run
from training.moves import request_stop, resume
from training.rundir import EVENTS, LOG, STOP
from training.supervisor import follow, tick

pytestmark = pytest.mark.django_db


def trainer_of(run: Run) -> int:
    """The process id of the newest trainer, once it has said it."""
    wait_for(lambda: lines(run, "metrics"))
    return lines(run, "start")[-1]["pid"]


def shim_of(run: Run) -> int:
    """The parent of the run's trainer."""
    return int(shim._parent(str(trainer_of(run))))


def gone(pid: int) -> bool:
    """Dead; a zombie that nobody has collected is dead too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_queued_run_starts_runs_and_succeeds_with_its_checkpoint(queue):
    run = supervise(queue(steps=3, name="three"))
    assert run.state == Run.State.SUCCEEDED
    assert states(run) == ["queued", "starting", "running", "succeeded"]
    checkpoint = Checkpoint.objects.get(run=run)
    assert (checkpoint.name, checkpoint.role, checkpoint.step) == ("three", "tokenizer", 3)
    assert list(run.events.filter(kind="metrics").order_by("id").values_list("step", "data__loss")) == [
        (1, 1.0), (2, 0.5), (3, pytest.approx(1 / 3)),
    ]  # fmt: skip


def test_the_queue_waits_for_a_free_slot_and_the_oldest_goes_first(queue, settings):
    settings.CRISOL_LOCAL_SLOTS = 1
    first, second = queue(steps=100, pause=0.05), queue(steps=1)
    tick()
    tick()
    assert list(Run.objects.order_by("pk").values_list("state", flat=True)) == ["starting", "queued"]
    request_stop(first)
    supervise(second)
    first.refresh_from_db()
    assert (first.state, second.state) == ("stopped", "succeeded")


def test_a_trainer_killed_by_force_goes_on_from_its_last_whole_checkpoint(queue):
    run = queue(steps=12, pause=0.05)
    tick()
    wait_for(lambda: len(lines(run, "checkpoint")) >= 4)
    os.kill(trainer_of(run), signal.SIGKILL)
    supervise(run)
    assert (run.state, run.attempt) == (Run.State.SUCCEEDED, 2)
    began = [int(event["text"].split()[-1]) for event in lines(run, "message")]
    assert began[0] == 0
    assert began[1] >= 4
    # Every step was counted: the killed attempt's up to its last checkpoint, then the next ones.
    assert set(run.events.filter(kind="metrics").values_list("step", flat=True)) >= set(range(1, began[1] + 1))
    assert run.events.filter(kind="retry").count() == 1
    assert (run.folder / "exit-1").read_text() == "-9\n"


def test_a_killed_shim_takes_its_trainer_along_and_the_run_is_tried_again(queue):
    run = queue(steps=12, pause=0.05)
    tick()
    trainer = trainer_of(run)
    os.kill(shim_of(run), signal.SIGKILL)
    wait_for(lambda: not shim.alive(run.folder))
    assert gone(trainer)
    assert local.exit_code(f"1:runs/{run.pk}") is None
    supervise(run)
    assert (run.state, run.attempt) == (Run.State.SUCCEEDED, 2)


def test_a_trainer_killed_again_and_again_fails_after_its_retries(queue):
    run = queue(steps=1000, pause=0.05, retries=1)
    tick()
    os.kill(trainer_of(run), signal.SIGKILL)
    supervise(run, until=lambda: run.attempt == 2 and len(lines(run, "start")) == 2)
    os.kill(lines(run, "start")[-1]["pid"], signal.SIGKILL)
    supervise(run)
    assert (run.state, run.attempt) == (Run.State.FAILED, 2)
    assert "signal 9" in why(run)


def test_a_resumed_run_has_its_retries_again(queue):
    run = queue(steps=30, pause=0.05, retries=1)
    for attempt in (1, 2):
        supervise(run, until=lambda attempt=attempt: len(lines(run, "start")) == attempt)
        os.kill(lines(run, "start")[-1]["pid"], signal.SIGKILL)
    assert supervise(run).state == Run.State.FAILED
    assert resume(run)
    supervise(run, until=lambda: len(lines(run, "start")) == 3)
    os.kill(lines(run, "start")[-1]["pid"], signal.SIGKILL)
    assert (supervise(run).state, run.attempt) == (Run.State.SUCCEEDED, 4)


def test_a_recipe_that_raises_fails_with_its_reason_and_is_not_tried_again(queue):
    run = supervise(queue(trick="raise"))
    assert (run.state, run.attempt, why(run)) == (Run.State.FAILED, 1, "ArithmeticError: cannot count")


def test_a_trainer_that_leaves_without_a_word_fails_with_the_end_of_its_log(queue):
    run = supervise(queue(trick="exit"))
    assert (run.state, run.attempt) == (Run.State.FAILED, 1)
    assert "exit 7" in why(run)
    assert "the last words of the log" in why(run)


def test_a_stop_saves_first_and_a_resume_goes_on_from_there(queue):
    run = queue(steps=8, pause=0.2, every=100)
    tick()
    trainer_of(run)
    assert request_stop(run)
    supervise(run)
    assert run.state == Run.State.STOPPED
    saved = run.rundir.latest_checkpoint()
    step = json.loads((saved / "state.json").read_text())["step"]
    assert why(run) == f"stopped at {step}"
    assert resume(run)
    supervise(run)
    assert (run.state, run.attempt) == (Run.State.SUCCEEDED, 2)
    assert lines(run, "message")[-1]["text"] == f"begins at {step}"


def test_a_queued_run_that_is_stopped_never_starts(queue):
    run = queue()
    assert request_stop(run)
    tick()
    run.refresh_from_db()
    assert run.state == Run.State.STOPPED
    assert not run.folder.exists()


def test_a_trainer_deaf_to_stops_is_killed_after_the_grace(queue):
    run = queue(steps=10000, pause=0.05, trick="deaf")
    tick()
    trainer = trainer_of(run)
    asked = time.monotonic()
    request_stop(run, grace=0.5)
    supervise(run)
    assert run.state == Run.State.STOPPED
    assert "signal 9" in why(run)
    assert time.monotonic() - asked < 5
    assert gone(trainer)


def test_a_child_in_a_session_of_its_own_does_not_outlive_its_trainer(queue):
    run = supervise(queue(steps=1, trick="child"))
    child = next(int(event["text"].split()[1]) for event in lines(run, "message") if event["text"].startswith("child"))
    assert run.state == Run.State.SUCCEEDED
    assert gone(child)


def test_trainers_get_neither_the_database_nor_the_secret_key(queue, monkeypatch):
    monkeypatch.setenv("CRISOL_SECRET_KEY", "hush")
    monkeypatch.setenv("DATABASE_URL", os.environ.get("DATABASE_URL", "sqlite://"))
    run = queue(steps=1000, pause=0.05)
    tick()
    environment = Path(f"/proc/{trainer_of(run)}/environ").read_bytes()
    assert b"DATABASE_URL" not in environment
    assert b"hush" not in environment


def test_an_outcome_that_cannot_be_registered_fails_the_run_with_the_reason(queue, settings):
    settings.OUTCOMES = settings.OUTCOMES | {"checkpoint": "tests.training.test_supervisor.refuse"}
    from annotation.parts import part

    part.cache_clear()
    run = supervise(queue(steps=1))
    part.cache_clear()
    assert run.state == Run.State.FAILED
    assert "the shelf is full" in why(run)


def refuse(run: Run) -> None:
    """An outcome that cannot be registered."""
    raise ValueError("the shelf is full")


def test_a_run_that_cannot_be_followed_does_not_keep_the_others_waiting(queue):
    broken, whole = queue(steps=1), queue(steps=1)
    Run.objects.filter(pk=broken.pk).update(engine="vanished", state="running", handle="x")
    assert supervise(whole).state == Run.State.SUCCEEDED
    broken.refresh_from_db()
    assert broken.state == Run.State.RUNNING


def test_a_run_that_no_engine_can_see_changes_only_by_what_its_folder_says(queue, crisol_home):
    run = queue(steps=1000, pause=0.05)
    tick()
    trainer_of(run)
    aside = crisol_home / "elsewhere"
    (crisol_home / "runs").rename(aside)
    follow()
    run.refresh_from_db()
    assert run.state == Run.State.STARTING
    assert local.states([run.handle]) == {run.handle: "unknown"}
    aside.rename(crisol_home / "runs")
    follow()
    run.refresh_from_db()
    assert run.state == Run.State.RUNNING


def test_a_run_whose_folder_was_removed_fails_instead_of_hanging(queue, crisol_home):
    run = queue(steps=1000, pause=0.05)
    supervise(run, until=lambda: run.state == "running")
    os.kill(trainer_of(run), signal.SIGKILL)
    wait_for(lambda: not shim.alive(run.folder))
    run.folder.rename(crisol_home / "taken away")
    assert supervise(run).state == Run.State.FAILED
    assert "folder is gone" in why(run)


def test_a_stop_ordered_by_hand_with_an_empty_file_is_obeyed(queue):
    run = queue(steps=1000, pause=0.05)
    tick()
    trainer_of(run)
    (run.folder / STOP).touch()
    assert supervise(run).state == Run.State.STOPPED


def test_metrics_that_are_not_numbers_are_kept_by_name(queue):
    run = supervise(queue(steps=1, trick="nan"))
    assert run.events.get(kind="metrics").data == {"loss": "nan"}
    assert (run.state, (run.folder / LOG).exists(), (run.folder / EVENTS).exists()) == (Run.State.SUCCEEDED, True, True)


def test_a_waiting_snapshot_is_frozen_and_one_that_cannot_be_is_not_tried_for_ever(counting, project, lead):
    empty = Snapshot.objects.create(project=Project.objects.create(name="Empty"), name="nothing", created_by=lead)
    Prompt.objects.create(project=project, messages=[{"role": "user", "content": "Why?"}])
    whole = Snapshot.objects.create(project=project, name="first", created_by=lead)
    for _ in range(2):
        tick()
    empty.refresh_from_db()
    whole.refresh_from_db()
    assert (empty.frozen, bool(empty.error)) == (False, True)
    assert (whole.frozen, whole.error, (whole.folder / "manifest.json").exists()) == (True, "", True)
