"""Reads what a run's folder says happened into Event rows. Offset and rows move in one transaction: nothing is counted twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from training.models import Event, Run
from training.moves import move
from training.rundir import EVENTS, plain

CHUNK = 1 << 20  # bytes read and written to the database at once
CHUNKS = 16  # read of one run in one pass, so that the others get their turn
KINDS = {"start", "progress", "metrics", "message", "checkpoint", "samples", "audit", "cleaning", "end"}
NEWEST = {"progress", "cleaning"}  # the newest of these says all that older ones said


def read_events(run: Run) -> bool:
    """Reads the lines that are new. True when none is left; False when more wait, or somebody else is reading them."""
    for _turn in range(CHUNKS):
        lines, offset = _whole_lines(run.folder / EVENTS, run.offset)
        if offset == run.offset:
            return True
        if not _keep(run, list(_events(run, lines)), offset):
            return False
    return False


def _whole_lines(path: Path, offset: int) -> tuple[bytes, int]:
    """Whole lines from `offset` on, and where they end. Half a line waits for its end; one longer than CHUNK is left out."""
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            data = file.read(CHUNK)
            if (size := data.rfind(b"\n") + 1) or len(data) < CHUNK:
                return data[:size], offset + size
            while rest := file.read(CHUNK):
                if (size := rest.find(b"\n") + 1) > 0:
                    return b"", file.tell() - len(rest) + size
    except FileNotFoundError:
        pass
    return b"", offset


def _events(run: Run, lines: bytes) -> Iterator[Event]:
    """The events of this attempt, in order; of some kinds only the newest, which makes the others worthless."""
    offset, newest = run.offset, dict[str, Event]()
    for line in lines.split(b"\n")[:-1]:
        event = _event(run, line, offset)
        offset += len(line) + 1
        if event is None:
            continue
        if event.kind in NEWEST:
            newest[event.kind] = event
        else:
            yield event
    yield from newest.values()


def _event(run: Run, line: bytes, offset: int) -> Event | None:
    """The line as a row; None for a line that is no event, or an older attempt's."""
    try:
        data = json.loads(line, parse_constant=str)
        if data.pop("attempt") != run.attempt or data["kind"] not in KINDS:
            return None
        kind, at, step = data.pop("kind"), _moment(data.pop("at", None)), data.pop("step", None)
        return Event(run=run, attempt=run.attempt, offset=offset, kind=kind, at=at, step=_step(step), data=plain(data))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _moment(seconds: Any) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return timezone.now()


def _step(step: Any) -> int | None:
    return step if type(step) is int and 0 <= step < 2**63 else None


def _keep(run: Run, events: list[Event], offset: int) -> bool:
    with transaction.atomic():
        if Run.objects.filter(pk=run.pk, offset=run.offset, attempt=run.attempt).update(offset=offset) != 1:
            return False
        Event.objects.bulk_create(events, batch_size=500)
    run.offset = offset
    if events and run.state == Run.State.STARTING:
        move(run, Run.State.RUNNING)
    return True
