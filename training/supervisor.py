"""One level-triggered pass over all runs: read back what happened, close what ended, start what is queued, freeze snapshots.

A pass looks at how things are, never at what it did before, so it may die anywhere and the next one goes on. Two supervisors at
once are harmless: every change is a conditional update, every start is idempotent. A failure of one run never stops the pass.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation import snapshot as snapshots
from annotation.models import Snapshot
from annotation.parts import names, part
from training.engines import Busy
from training.launch import specification
from training.models import Event, Run
from training.moves import move, retries_used, retry
from training.reading import read_events
from training.rundir import GRACE, LOG, RunDir, order_stop

logger = logging.getLogger(__name__)
State = Run.State

RETRIES = 2  # of an attempt that was killed, where its resources do not say
LINGER = 20.0  # seconds that a trainer may take to exit after its last word


def tick() -> None:
    """One pass."""
    follow()
    for engine in names("ENGINES"):
        for run in take(engine):
            _guarded(begin, run)
    freeze()


def _guarded(step: Callable[..., Any], thing: Any, *args: Any) -> None:
    try:
        step(thing, *args)
    except Exception:
        logger.exception("%s: this pass failed, the next one tries again", thing)


# Starting -----------------------------------------------------------------------------------------------------------------


def take(engine: str) -> list[Run]:
    """Moves queued runs to starting, oldest first, as many as the engine has room for.

    One preflight has room of its own: nobody should wait for the end of a training to learn what is wrong with the next.
    """
    if not Run.objects.filter(engine=engine, state=State.QUEUED).exists():
        return []
    with transaction.atomic():
        # Locked, or two supervisors would each fill the same free slot.
        runs = list(Run.objects.select_for_update().filter(engine=engine, state__in=[State.QUEUED, *Run.LIVE]).order_by("pk"))
        queued = [run for run in runs if run.state == State.QUEUED]
        if engine == "local":
            queued = [*first(runs, 1, preflight=True), *first(runs, settings.CRISOL_LOCAL_SLOTS, preflight=False)]
        return [run for run in queued if move(run, State.STARTING)]


def first(runs: list[Run], slots: int, *, preflight: bool) -> list[Run]:
    """Those of the queued runs, preflights or others, that have room in so many slots."""
    mine = [run for run in runs if run.preflight is preflight]
    queued = [run for run in mine if run.state == State.QUEUED]
    return queued[: max(0, slots - (len(mine) - len(queued)))]


def begin(run: Run) -> None:
    """Starts the attempt of a starting run, or finds the one that was started before somebody died."""
    engine = part("ENGINES", run.engine)
    handle = engine.find(run.folder, run.attempt)
    if handle is None and run.state == State.STOPPING:
        # Ordered first: should another supervisor be starting it at this instant, it ends at once.
        order_stop(run.folder, run.attempt)
        move(run, State.STOPPED, why=_("stopped before it began"))
        return
    if handle is None:
        handle = _start(run, engine)
    if handle and Run.objects.filter(pk=run.pk, attempt=run.attempt, handle="", state__in=Run.LIVE).update(handle=handle):
        run.handle = handle


def _start(run: Run, engine: Any) -> str | None:
    if run.offset and not run.folder.exists():
        move(run, State.FAILED, why=_("its folder is gone: start a new run instead"))
        return None
    try:
        RunDir.create(run.folder, specification(run))
        if material := getattr(run.part, "MATERIAL", None):
            part("MATERIALS", material)(run)
        return engine.start(run.folder, run.attempt, run.resources)
    except Busy as busy:
        logger.info("%s: waits: %s", run, busy)
    except Exception as error:
        logger.exception("%s: could not be started", run)
        if engine.find(run.folder, run.attempt) is None:
            move(run, State.FAILED, why=_("could not be started: %(error)s") % {"error": error})
    return None


# Following ----------------------------------------------------------------------------------------------------------------


def follow() -> None:
    """Every live run: started if it is not, read, and ended if it has."""
    runs = list(Run.objects.filter(state__in=Run.LIVE).order_by("pk"))
    for run in runs:
        if not run.handle:
            _guarded(begin, run)
    seen = _states([run for run in runs if run.handle])
    for run in runs:
        if run.handle:
            _guarded(_follow, run, seen.get((run.engine, run.handle), "unknown"))


def _states(runs: list[Run]) -> dict[tuple[str, str], str]:
    """What the engines say, one question each; an engine that cannot answer leaves its runs unknown."""
    handles: dict[str, list[str]] = defaultdict(list)
    for run in runs:
        handles[run.engine].append(run.handle)
    seen: dict[tuple[str, str], str] = {}
    for engine, theirs in handles.items():
        try:
            seen |= {(engine, handle): state for handle, state in part("ENGINES", engine).states(theirs).items()}
        except Exception:
            logger.exception("engine %s: cannot see its %d attempts", engine, len(theirs))
    return seen


def _follow(run: Run, seen: str) -> None:
    """`seen` was asked before the lines are read: what has ended has written its last line by then."""
    engine = part("ENGINES", run.engine)
    if run.state == State.STOPPING and seen != "ended":
        engine.stop(run.handle, GRACE)
    if not read_events(run):
        return
    for kind in names("LISTENERS"):
        _guarded(part("LISTENERS", kind), run)
    end = run.events.filter(kind="end", attempt=run.attempt).order_by("id").first()
    if end is None:
        if seen == "ended":
            _ended_without_a_word(run, engine.exit_code(run.handle))
    elif seen in ("ended", "unknown"):
        _ended(run, end)
    elif (timezone.now() - end.at).total_seconds() > LINGER:
        engine.stop(run.handle, 0)


# Ending -------------------------------------------------------------------------------------------------------------------


def _ended(run: Run, end: Event) -> None:
    """The attempt's own last word decides. What it made is registered before the run reads succeeded."""
    state, why = end.data.get("state"), str(end.data.get("reason", ""))
    if state == State.SUCCEEDED:
        try:
            part("OUTCOMES", run.outcome)(run)
        except Exception as error:
            logger.exception("%s: its outcome could not be registered", run)
            why = _("it ended well, but what it made could not be registered: %(error)s") % {"error": error}
            move(run, State.FAILED, why=why)
        else:
            move(run, State.SUCCEEDED)
    else:
        move(run, State.STOPPED if state == State.STOPPED else State.FAILED, why=why)


def _ended_without_a_word(run: Run, code: int | None) -> None:
    """Killed: tried again from its last whole checkpoint, some times. Silent by itself: failed, with what the log says."""
    word = _exit_word(code)
    if run.state == State.STOPPING:
        move(run, State.STOPPED, why=_("ended before it had saved (%(word)s)") % {"word": word})
        return
    # Under torchrun a killed rank shows as exit code 1.
    killed = code is None or code < 0 or run.resources.get("processes", 1) > 1
    if killed and retries_used(run) < run.resources.get("retries", RETRIES):
        retry(run, _("the attempt was killed (%(word)s); it goes on from its last whole checkpoint") % {"word": word})
        return
    why = _("ended without a word (%(word)s)") % {"word": word}
    move(run, State.FAILED, why=f"{why}\n{_log_tail(run)}".strip())


def _exit_word(code: int | None) -> str:
    if code is None:
        return _("no exit code: its shim was killed or the machine went down")
    return _("signal %(number)d") % {"number": -code} if code < 0 else _("exit %(number)d") % {"number": code}


def _log_tail(run: Run, lines: int = 8, size: int = 4000) -> str:
    try:
        with open(run.folder / LOG, "rb") as file:
            file.seek(max(0, (run.folder / LOG).stat().st_size - size))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""


# Snapshots ----------------------------------------------------------------------------------------------------------------


def freeze() -> None:
    """Freezes one waiting snapshot: a long one must not keep runs waiting for each other's."""
    for snapshot in Snapshot.objects.waiting().order_by("pk")[:1]:
        logger.info("snapshot %s: freezing", snapshot)
        _guarded(snapshots.freeze, snapshot)
