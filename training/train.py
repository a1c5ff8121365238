"""Runs one attempt of a run: `python -m training.train FOLDER --attempt N`. An engine's shim starts it, alone or under torchrun.

No Django: the folder says everything. The last event says how the attempt ended: succeeded, stopped or failed.
Started by hand it holds the folder's lock itself, so that it never writes beside another attempt.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
import traceback
from pathlib import Path

from training import preflight, schema
from training.engines.shim import HELD_FD, SHIM, SHIM_PID, bind_to_shim, hold
from training.rundir import RunDir, Stopped, rank


def main(argv: list[str] | None = None) -> int:
    """0 when the run succeeded or stopped as asked, 1 when it failed; the folder says which and why."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the run's folder, with its run.json")
    parser.add_argument("--attempt", type=int, default=1, help="number of this attempt; lines of older ones are ignored")
    args = parser.parse_args(argv)
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    lock = _guard(args.folder, args.attempt)
    try:
        return _attempt(RunDir(args.folder, args.attempt))
    finally:
        if lock is not None:
            os.close(lock)


def _guard(folder: Path, attempt: int) -> int | None:
    """Makes sure that this is the only attempt that writes in the folder: its shim holds the lock, or this process does."""
    if os.environ.get(SHIM) == str(folder.resolve()):
        bind_to_shim(int(os.environ[SHIM_PID]))
        if held := os.environ.pop(HELD_FD, None):
            # A child forked without exec must not hold the lock on after this process is gone.
            os.set_inheritable(int(held), False)
            os.register_at_fork(after_in_child=lambda: os.close(int(held)))
        return None
    if rank() != 0:
        return None
    lock = hold(folder, attempt, again=True)
    if lock is None:
        raise SystemExit(f"{folder}: another attempt is running here; stop it or wait for its end.")
    return lock


def _attempt(run: RunDir) -> int:
    run.listen()
    run.event("start", pid=os.getpid(), python=sys.version.split()[0])
    try:
        recipe = importlib.import_module(run.spec["main"])
        config = schema.parse(recipe.Config, run.spec["config"])
        if run.spec.get("preflight"):
            preflight.main(run, recipe, config)
        else:
            recipe.main(run, config)
    except Stopped as stopped:
        run.event("end", state="stopped", reason=str(stopped))
    except BaseException as error:  # the folder must say how the run ended, whatever ended it
        traceback.print_exc()
        run.event("end", state="failed", reason=f"{type(error).__name__}: {error}"[:2000])
        return 1
    else:
        run.event("end", state="succeeded")
    return 0


if __name__ == "__main__":
    code = main()
    # A stop that comes while Python takes itself apart would make a run that ended well look killed.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(code)
