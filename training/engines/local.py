"""Runs an attempt on this machine: one shim process each (`training/engines/shim.py`), which outlives web and supervisor.

    {"processes": 2}    in a run's resources starts two trainer processes under torchrun.

How many attempts run at once is `CRISOL_LOCAL_SLOTS`. Under systemd the supervisor's unit needs `KillMode=process`, or its
restart takes the trainers with it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings

from training.engines import Busy, shim
from training.rundir import order_stop

# A trainer needs a folder, no database and no secret of the site.
WITHHELD = ("DATABASE_URL", "CRISOL_SECRET_KEY", "DJANGO_SETTINGS_MODULE")


def start(folder: Path, attempt: int, resources: dict[str, Any]) -> str:
    """Starts the attempt and answers its handle; where it was started before, only the handle."""
    command = [sys.executable, "-m", "training.engines.shim", str(folder), "--attempt", str(attempt)]
    command += ["--processes", str(resources.get("processes", 1))]
    environment = {name: value for name, value in os.environ.items() if name not in WITHHELD}
    try:
        done = subprocess.run(
            command,
            cwd=shim.ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            timeout=60,
        )
    except subprocess.TimeoutExpired:
        raise Busy(f"{folder}: the shim did not answer within 60 s") from None
    if done.returncode == shim.BUSY:
        raise Busy(f"{folder}: an older attempt is still alive")
    if done.returncode != 0:
        raise RuntimeError(done.stderr.decode(errors="replace").strip()[-1000:] or f"the shim ended with {done.returncode}")
    return _handle(folder, attempt)


def find(folder: Path, attempt: int) -> str | None:
    """The handle of an attempt that was started, dead or alive."""
    return _handle(folder, attempt) if shim.last_attempt(folder) >= attempt else None


def states(handles: list[str]) -> dict[str, str]:
    """running while the attempt holds its folder's lock, then ended; unknown while the disk of the runs cannot be seen."""
    return {handle: _state(*_read(handle)) for handle in handles}


def _state(folder: Path, attempt: int) -> str:
    if not folder.exists():
        return "ended" if folder.parent.exists() else "unknown"
    try:
        alive, last = shim.alive(folder), shim.last_attempt(folder)
    except OSError:
        return "unknown"
    return "running" if alive and last == attempt else "ended"


def exit_code(handle: str) -> int | None:
    """The trainer's exit code, negative for a signal; None when the shim died before it could write it."""
    folder, attempt = _read(handle)
    try:
        return int((folder / f"exit-{attempt}").read_text())
    except FileNotFoundError:
        return None


def stop(handle: str, grace: float) -> None:
    """Asks the attempt to save and end; after `grace` seconds its shim kills all of it."""
    order_stop(*_read(handle), grace)


def _handle(folder: Path, attempt: int) -> str:
    """Relative to CRISOL_HOME, so that the home can be moved."""
    return f"{attempt}:{os.path.relpath(folder, settings.CRISOL_HOME)}"


def _read(handle: str) -> tuple[Path, int]:
    attempt, _, folder = handle.partition(":")
    return Path(os.path.normpath(Path(settings.CRISOL_HOME) / folder)), int(attempt)
