"""Runs one attempt of a run: `python -m training.train FOLDER --attempt N`. An engine's shim starts it, alone or under torchrun.

No Django: the folder says everything. The last event says how the attempt ended: succeeded, stopped or failed.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback
from pathlib import Path

from training import schema
from training.rundir import RunDir, Stopped


def main(argv: list[str] | None = None) -> int:
    """0 when the run succeeded or stopped as asked, 1 when it failed; the folder says which and why."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the run's folder, with its run.json")
    parser.add_argument("--attempt", type=int, default=1, help="number of this attempt; lines of older ones are ignored")
    args = parser.parse_args(argv)
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    run = RunDir(args.folder, args.attempt)
    run.listen()
    run.event("start", pid=os.getpid(), python=sys.version.split()[0])
    try:
        recipe = importlib.import_module(run.spec["main"])
        recipe.main(run, schema.parse(recipe.Config, run.spec["config"]))
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
    sys.exit(main())
