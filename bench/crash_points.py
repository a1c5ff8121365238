"""A trainer that dies by kill -9: at the Nth thing that its process puts on the disk, or after so many seconds.

Attempts are forks of this process, so that hundreds of deaths need one start of Python and torch; whoever forks has one thread.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import subprocess
import sys
from multiprocessing.context import ForkProcess
from pathlib import Path

from training import train

SOURCE = Path(__file__).with_suffix(".c")
PRELOAD = "LD_PRELOAD"


def preloaded(library: Path) -> dict[str, str]:
    """The environment in which a process can be made to die at a call; compiles the library. Needs a C compiler, `cc`."""
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCE), "-ldl"], check=True)
    return {**os.environ, PRELOAD: str(library)}


def calls(folder: Path, number: int) -> int:
    """Runs an attempt to its end; how many writes, fsyncs, renames and removals below its folder it made."""
    told = multiprocessing.get_context("fork").SimpleQueue()
    process = _started(folder, number, 0, told)
    made = int(told.get())
    process.join()
    return made


def dies_at(folder: Path, number: int, call: int) -> bool:
    """An attempt that dies at this call of its own; False where it had fewer."""
    process = _started(folder, number, call)
    process.join()
    return process.exitcode == -signal.SIGKILL


def dies_after(folder: Path, number: int, seconds: float) -> bool:
    """An attempt that is killed after so long; False where it was faster."""
    process = _started(folder, number)
    process.join(seconds)
    process.kill()
    process.join()
    return process.exitcode == -signal.SIGKILL


def whole(folder: Path, number: int) -> None:
    """An attempt that nobody kills."""
    _started(folder, number).join()


def warm(folder: Path) -> None:
    """The first attempt in this process, which has then loaded all that forks of it need."""
    with open(folder.with_suffix(".log"), "a") as log, contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        train.main([str(folder)])


def _started(folder: Path, number: int, call: int | None = None, told: object = None) -> ForkProcess:
    process = multiprocessing.get_context("fork").Process(target=_attempt, args=(folder.resolve(), number, call, told))
    process.start()
    return process


def _attempt(folder: Path, number: int, call: int | None, told: object) -> None:
    with open(folder.with_suffix(".log"), "a") as log:
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())
    _forget_the_accelerator()
    library = ctypes.CDLL(os.environ[PRELOAD]) if call is not None else None
    if library:
        library.crash_arm(os.fsencode(folder), ctypes.c_long(call))
    code = train.main([str(folder), "--attempt", str(number)])
    if told is not None and library:
        told.put(library.crash_count())  # type: ignore[attr-defined]
    os._exit(code)


def _forget_the_accelerator() -> None:
    """What accelerate knows of an earlier attempt in the process that this one was forked from."""
    if "accelerate" in sys.modules:
        from accelerate.state import AcceleratorState

        AcceleratorState._reset_state(reset_partial_state=True)
