"""What a folder says becomes rows: once, whole lines only, of this attempt only, whatever the lines hold."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from threading import Barrier, Thread

import pytest
from django.db import connections

from training import reading
from training.models import Event, Run
from training.reading import read_events
from training.rundir import EVENTS

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(queue) -> Run:
    """A run that is starting its second attempt."""
    run = queue()
    Run.objects.filter(pk=run.pk).update(state="starting", attempt=2)
    run.refresh_from_db()
    run.folder.mkdir(parents=True)
    return run


def write(run: Run, *lines: object) -> None:
    with open(run.folder / EVENTS, "ab") as file:
        for line in lines:
            file.write(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n")


def metrics(step: object, attempt: int = 2, **values: object) -> dict:
    return {"attempt": attempt, "at": 1_800_000_000.5, "kind": "metrics", "step": step, **values}


def read(run: Run) -> list[tuple[int | None, dict]]:
    """The metrics after reading all there is."""
    assert read_events(run)
    return list(run.events.filter(kind="metrics").order_by("id").values_list("step", "data"))


def test_lines_become_rows_with_step_data_and_time(run):
    write(run, metrics(3, loss=0.5))
    assert read(run) == [(3, {"loss": 0.5})]
    assert run.events.get(kind="metrics").at == datetime.fromtimestamp(1_800_000_000.5, UTC)
    assert run.state == Run.State.RUNNING


def test_reading_twice_counts_nothing_twice(run):
    write(run, metrics(1), metrics(2))
    assert read(run) == read(run) == [(1, {}), (2, {})]


def test_half_a_line_waits_for_its_end(run):
    whole = json.dumps(metrics(2)).encode()
    write(run, metrics(1), whole[:20])
    assert read(run) == [(1, {})]
    write(run, whole[20:] + b"\n")
    assert read(run) == [(1, {}), (2, {})]


def test_lines_of_another_attempt_are_ignored(run):
    write(run, metrics(1, attempt=1), metrics(2), metrics(3, attempt=3), metrics(4, attempt="2"))
    assert read(run) == [(2, {})]


@pytest.mark.parametrize(
    "line",
    [b"\n", b"nonsense\n", b"[1]\n", b'{"attempt": 2, "kind"\r\n', b"7\n", b"null\n",
     b'{"attempt": 2}\n', b"\xff\xfe\n", b"[" * 100_000 + b"\n",
     b'{"attempt": 2, "kind": "state", "to": "succeeded"}\n', b'{"attempt": 2, "kind": ["metrics"]}\n'],
)  # fmt: skip
def test_a_line_that_is_no_event_is_left_out(run, line):
    write(run, line, metrics(1))
    assert read(run) == [(1, {})]
    assert run.events.exclude(kind__in=["state", "metrics"]).count() == 0


@pytest.mark.parametrize(
    ("text", "kept"),
    [("NaN", "nan"), ("-Infinity", "-inf"), ("1e999", "inf"), (r'"a\u0000b"', "a�b"), (r'"\ud800"', "�"), ("[NaN]", ["nan"])],
)
def test_values_that_databases_refuse_are_kept_by_name(run, text, kept):
    write(run, b'{"attempt": 2, "kind": "metrics", "step": 1, "loss": %s}\n' % text.encode())
    [(_step, data)] = read(run)
    assert str(data["loss"]).lower().replace("infinity", "inf") == str(kept)


@pytest.mark.parametrize("step", [-1, 2**63, 1.5, "4", None, True, [1]])
def test_a_step_that_is_no_count_is_no_step(run, step):
    write(run, metrics(step, loss=1))
    assert read(run) == [(None, {"loss": 1})]


@pytest.mark.parametrize("at", ["now", 1e300, None, float("inf")])
def test_a_time_that_is_none_becomes_the_time_of_reading(run, at):
    write(run, metrics(1) | {"at": at})
    read(run)
    assert abs((run.events.get(kind="metrics").at - datetime.now(UTC)).total_seconds()) < 60


def test_a_line_longer_than_a_chunk_is_left_out_and_the_reading_goes_on(run, monkeypatch):
    monkeypatch.setattr(reading, "CHUNK", 1000)
    write(run, metrics(1), metrics(2, text="x" * 5000), metrics(3))
    assert read(run) == [(1, {}), (3, {})]


def test_a_long_file_is_read_in_several_passes(run, monkeypatch):
    monkeypatch.setattr(reading, "CHUNK", 200)
    write(run, *[metrics(step) for step in range(50)])
    assert not read_events(run)
    while not read_events(run):
        pass
    assert list(run.events.filter(kind="metrics").order_by("id").values_list("step", flat=True)) == list(range(50))


def test_of_many_progress_lines_the_newest_is_kept(run):
    write(run, *[{"attempt": 2, "kind": "progress", "done": done, "total": 9} for done in range(9)])
    read_events(run)
    assert run.events.get(kind="progress").data == {"done": 8, "total": 9}


@pytest.mark.django_db(transaction=True)
def test_two_readers_at_once_count_everything_once(run):
    write(run, *[metrics(step) for step in range(500)])
    barrier = Barrier(4)

    def work() -> None:
        mine = Run.objects.get(pk=run.pk)
        barrier.wait()
        read_events(mine)
        connections.close_all()

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(Event.objects.filter(kind="metrics").order_by("offset").values_list("step", flat=True)) == list(range(500))
    assert Event.objects.filter(kind="state", data__to="running").count() == 1
