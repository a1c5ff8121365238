"""The moves a run may make: each is one conditional update and one row that says what happened. The loser of a race shrugs."""

from __future__ import annotations

import logging
from typing import Any

from django.db import transaction

from training.launch import specification
from training.models import Event, Run
from training.rundir import GRACE, RunDir, order_stop

logger = logging.getLogger(__name__)


def move(run: Run, to: str, *, why: str = "", **fields: Any) -> bool:
    """Moves the run to state `to`, setting `fields` with it, and writes the Event. False when it is no longer where `run` says.

    Allowed are the moves of `Run.MOVES`. The attempt must still be the one that `run` holds: what is known of an older attempt
    says nothing about a newer one.
    """
    was = run.state
    if to not in Run.MOVES[was]:
        return False
    with transaction.atomic():
        here = Run.objects.filter(pk=run.pk, state=was, attempt=run.attempt)
        if here.update(state=to, **fields) != 1:
            return False
        for name, value in {"state": to, **fields}.items():
            setattr(run, name, value)
        Event.objects.create(run=run, attempt=run.attempt, kind="state", data={"from": was, "to": to, "why": why})
    logger.info("%s: %s → %s%s", run, was, to, f" ({why})" if why else "")
    return True


def request_stop(run: Run, *, grace: float = GRACE) -> bool:
    """Asks a run to end: a queued one ends at once, a live one saves first. False when it had already ended."""
    for _attempt in range(10):
        run.refresh_from_db()
        if run.ended:
            return False
        if run.state == Run.State.QUEUED and move(run, Run.State.STOPPED, why="stopped before it began"):
            return True
        if run.state in Run.LIVE and (run.state == Run.State.STOPPING or move(run, Run.State.STOPPING, why="asked to stop")):
            order_stop(run.folder, run.attempt, grace)
            return True
    return False


def resume(run: Run, **recut: Any) -> bool:
    """Queues another attempt of a run that stopped or failed; its recipe goes on from the last whole checkpoint in the folder.

    recut: `launch.recut`'s fields, where other processes go on with it than began it; its `run.json` then says so.
    """
    run.refresh_from_db()
    if run.state not in (Run.State.STOPPED, Run.State.FAILED):
        return False
    with transaction.atomic():
        if not _again(run, "resume", "resumed", **recut):
            return False
        if recut and run.folder.exists():
            RunDir.create(run.folder, specification(run), anew=True)
    return True


def retry(run: Run, why: str) -> bool:
    """Queues another attempt of a live run whose attempt is gone."""
    return _again(run, "retry", why)


def _again(run: Run, kind: str, why: str, **fields: Any) -> bool:
    with transaction.atomic():
        if not move(run, Run.State.QUEUED, why=why, attempt=run.attempt + 1, handle="", **fields):
            return False
        Event.objects.create(run=run, attempt=run.attempt, kind=kind, data={"why": why})
    return True


def retries_used(run: Run) -> int:
    """Automatic retries since somebody last resumed the run."""
    resumed = run.events.filter(kind="resume").order_by("-id").values_list("id", flat=True).first() or 0
    return run.events.filter(kind="retry", id__gt=resumed).count()
