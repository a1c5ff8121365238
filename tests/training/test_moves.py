"""The moves of a run: allowed ones, one winner each, one row each."""

from __future__ import annotations

from threading import Barrier, Thread

import pytest
from django.db import connections

from tests.training.conftest import states
from training.models import Run
from training.moves import move, request_stop, resume, retries_used, retry
from training.rundir import stop_order

pytestmark = pytest.mark.django_db


def put(run: Run, state: str) -> Run:
    Run.objects.filter(pk=run.pk).update(state=state)
    run.refresh_from_db()
    return run


@pytest.mark.parametrize("was", Run.State.values)
@pytest.mark.parametrize("to", Run.State.values)
def test_only_the_allowed_moves_happen_and_each_leaves_a_row(queue, was, to):
    run = put(queue(), was)
    moved = move(run, to, why="so")
    assert moved == (to in Run.MOVES[was])
    run.refresh_from_db()
    assert run.state == (to if moved else was)
    assert [event.data for event in run.events.order_by("id")][1:] == ([{"from": was, "to": to, "why": "so"}] if moved else [])


def test_what_is_known_of_an_older_attempt_moves_nothing(queue):
    run = put(queue(), "running")
    stale = Run.objects.get(pk=run.pk)
    assert retry(run, "killed")
    put(run, "running")
    assert not retry(stale, "killed")
    run.refresh_from_db()
    assert (run.state, run.attempt) == ("running", 2)


@pytest.mark.django_db(transaction=True)
def test_of_eight_movers_at_once_one_wins(queue):
    run, won, barrier = queue(), [], Barrier(8)

    def work() -> None:
        mine = Run.objects.get(pk=run.pk)
        barrier.wait()
        won.append(move(mine, Run.State.STARTING))
        connections.close_all()

    threads = [Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 7 + [True]
    assert states(run) == ["queued", "starting"]


def test_a_queued_run_stops_at_once(queue):
    run = queue()
    assert request_stop(run)
    assert (run.state, run.folder.exists()) == ("stopped", False)


@pytest.mark.parametrize("was", Run.LIVE)
def test_a_live_run_is_asked_to_save_and_end(queue, was):
    run = put(queue(), was)
    assert request_stop(run, grace=7)
    assert (run.state, stop_order(run.folder, run.attempt)) == ("stopping", 7)


@pytest.mark.parametrize("was", Run.ENDED)
def test_an_ended_run_cannot_be_stopped(queue, was):
    assert not request_stop(put(queue(), was))


def test_a_stop_asked_with_an_old_view_of_the_run_still_stops_it(queue):
    run = queue()
    stale = Run.objects.get(pk=run.pk)
    put(run, "running")
    assert request_stop(stale)
    assert stale.state == "stopping"


@pytest.mark.parametrize("was", ["stopped", "failed"])
def test_an_ended_run_resumes_as_another_attempt(queue, was):
    run = put(queue(), was)
    Run.objects.filter(pk=run.pk).update(handle="1:runs/1")
    assert resume(run)
    run.refresh_from_db()
    assert (run.state, run.attempt, run.handle) == ("queued", 2, "")


@pytest.mark.parametrize("was", ["queued", "running", "succeeded"])
def test_a_run_that_has_not_failed_is_not_resumed(queue, was):
    assert not resume(put(queue(), was))


def test_retries_are_counted_since_the_last_resume(queue):
    run = put(queue(), "running")
    retry(run, "killed")
    retry(put(run, "running"), "killed")
    assert retries_used(run) == 2
    resume(put(run, "failed"))
    assert retries_used(run) == 0
