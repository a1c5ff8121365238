"""The folder a run is: what is written there is whole, or waits, or is left out."""

from __future__ import annotations

import json
import os

import pytest

from training.rundir import EVENTS, GRACE, NoWholeCheckpoint, RunDir, order_stop, plain, staged, stop_order, write_whole


@pytest.fixture
def run(tmp_path) -> RunDir:
    return RunDir.create(tmp_path / "run", {"run": 1, "inputs": {"model": "/nowhere"}, "seed": 3})


def events(run: RunDir) -> list[dict]:
    return [json.loads(line) for line in (run.path / EVENTS).read_text().splitlines()]


def test_an_event_is_one_line_with_its_attempt(run):
    RunDir(run.path, attempt=2).metrics(5, loss=0.5)
    assert events(run) == [{"attempt": 2, "at": events(run)[0]["at"], "kind": "metrics", "step": 5, "loss": 0.5}]


def test_data_cannot_pass_for_another_attempt(run):
    run.metrics(1, attempt=9, at=0)
    assert (events(run)[0]["attempt"], events(run)[0]["at"] > 0) == (1, True)


def test_a_line_cut_short_by_a_kill_does_not_swallow_the_next_one(run):
    (run.path / EVENTS).write_bytes(b'{"attempt": 1, "kind": "metr')
    run.message("after the kill")
    first, second = (run.path / EVENTS).read_bytes().splitlines()
    assert first == b'{"attempt": 1, "kind": "metr'
    assert json.loads(second)["text"] == "after the kill"


def test_lines_of_two_writers_never_mix(run):
    text = "x" * 20_000
    children = []
    for _ in range(4):
        if (child := os.fork()) == 0:
            for _ in range(50):
                run.message(text)
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    assert [event["text"] for event in events(run)] == [text] * 200


def test_only_rank_0_speaks_except_of_a_failure(run, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    run.metrics(1, loss=1.0)
    run.event("end", state="succeeded")
    run.event("end", state="failed", reason="out of memory on rank 1")
    assert [(event["kind"], event["state"]) for event in events(run)] == [("end", "failed")]


def test_values_become_what_every_reader_takes():
    import numpy

    given = {"a": float("nan"), "b": [float("-inf"), numpy.float32(0.5), numpy.int64(3)], "c": "x\0y\ud800z", 4: True, "p": EVENTS}
    assert plain(given) == {"a": "nan", "b": ["-inf", 0.5, 3], "c": "x�y�z", "4": True, "p": EVENTS}


def test_a_staged_folder_appears_only_when_whole(tmp_path):
    with pytest.raises(FileNotFoundError), staged(tmp_path / "out") as draft:
        (draft / "weights").rename(draft / "half")
    assert not (tmp_path / "out").exists()
    with staged(tmp_path / "out") as draft:
        (draft / "weights").write_text("whole")
    assert (tmp_path / "out" / "weights").read_text() == "whole"


def test_checkpoints_are_the_whole_ones_in_order_of_step(run):
    for step in (2, 9, 10):
        with run.checkpoint(step, keep=3):
            pass
    for stray in ("step-11.tmp", "step-x", "step-12.old.tmp"):
        (run.path / "checkpoints" / stray).mkdir()
    assert [path.name for path in run.checkpoints()] == ["step-2", "step-9", "step-10"]
    assert run.latest_checkpoint() == run.path / "checkpoints" / "step-10"


def test_older_checkpoints_go_once_a_newer_one_is_whole(run):
    for step in (1, 2, 3):
        with run.checkpoint(step, keep=2):
            pass
    with pytest.raises(ArithmeticError), run.checkpoint(4, keep=2):
        raise ArithmeticError
    assert [path.name for path in run.checkpoints()] == ["step-2", "step-3"]


@pytest.fixture
def saved(run):
    """Three checkpoints of one file each."""
    for step in (1, 2, 3):
        with run.checkpoint(step, keep=3) as folder:
            (folder / "inner").mkdir()
            (folder / "inner" / "state").write_text(f"{step}")
    return run


def said(run):
    return [event["text"] for event in map(json.loads, (run.path / "events.jsonl").read_text().splitlines()) if "text" in event]


def test_a_whole_checkpoint_is_taken_without_a_word(saved):
    assert saved.latest_checkpoint().name == "step-3"
    assert said(saved) == []


def test_damaged_checkpoints_are_refused_by_name_and_the_newest_whole_one_is_taken(saved):
    (saved.path / "checkpoints" / "step-3" / "inner" / "state").write_text("4")
    (saved.path / "checkpoints" / "step-2" / "inner" / "state").unlink()
    assert saved.latest_checkpoint().name == "step-1"
    assert said(saved) == ["step-3 has a damaged inner/state; step-2 lacks inner/state: refused, going on from step-1"]


@pytest.mark.parametrize(
    ("spoil", "told"),
    [(lambda path: path.unlink(), "lacks whole.json"), (lambda path: path.write_text("{"), "has a damaged whole.json")],
)
def test_a_checkpoint_that_cannot_be_checked_is_refused(spoil, told, saved):
    spoil(saved.path / "checkpoints" / "step-3" / "whole.json")
    assert saved.latest_checkpoint().name == "step-2"
    assert said(saved) == [f"step-3 {told}: refused, going on from step-2"]


def test_where_every_checkpoint_is_damaged_nothing_begins_anew_by_itself(saved):
    for path in saved.checkpoints():
        (path / "inner" / "state").write_text("")
    with pytest.raises(NoWholeCheckpoint, match="no whole checkpoint is left; remove them to begin anew"):
        saved.latest_checkpoint()


def test_a_refused_checkpoint_goes_once_the_run_has_saved_again(saved):
    (saved.path / "checkpoints" / "step-3" / "inner" / "state").write_text("")
    with saved.checkpoint(2, keep=1):
        pass
    assert [path.name for path in saved.checkpoints()] == ["step-2"]


def test_a_run_is_told_once_what_to_do(run):
    again = RunDir.create(run.path, {"run": 1, "inputs": {}, "seed": 99})
    assert again.seed == 3


def test_an_input_that_is_not_there_is_named(run):
    with pytest.raises(FileNotFoundError, match=r"'model'.*/nowhere"):
        run.required("model")
    assert run.input("dataset") is None


def test_a_stop_is_for_one_attempt(run):
    order_stop(run.path, 1, 5)
    assert (run.stop_requested, RunDir(run.path, attempt=2).stop_requested) == (True, False)


def test_of_two_stops_the_shorter_grace_counts(run):
    for grace, counts in ((30, 30), (5, 5), (60, 5)):
        order_stop(run.path, 1, grace)
        assert stop_order(run.path, 1) == counts


def test_a_stop_file_made_by_hand_stops_any_attempt(run):
    (run.path / "stop").touch()
    assert stop_order(run.path, 8) == GRACE
    write_whole(run.path / "stop", "please")
    assert stop_order(run.path, 8) == GRACE
