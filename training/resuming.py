"""What a checkpoint must have in common with a run that goes on from it, and what it must hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from training import processes, schema
from training.rundir import RunDir
from training.schedule import Schedule
from training.sharing import OPTIMIZER, SCHEDULER

SEGMENT = "segment.json"
CUT = ("batch_size", "accumulation", "processes", "parallel")  # how a step is cut; what it learns does not depend on it


class NotResumable(ValueError):
    """The newest checkpoint cannot continue this run; the message says what differs."""


def segment(run: RunDir, config: Schedule, length: int, rows: int) -> dict[str, Any]:
    """What must be the same for a checkpoint to continue."""
    same = {"seed": run.seed, "inputs": run.spec["inputs"], "processes": processes.count(), "steps": length, "rows": rows}
    return {**schema.as_dict(config), **same}


def trainer_files(count: int) -> list[str]:
    """What the Trainer's checkpoint of so many processes must hold besides weights."""
    states = ["rng_state.pth"] if count == 1 else [f"rng_state_{index}.pth" for index in range(count)]
    return [OPTIMIZER, SCHEDULER, "trainer_state.json", *states]


def refuse_unlike(
    checkpoint: Path, now: dict[str, Any], needed: Callable[[int], list[str]] = trainer_files, may_differ: Sequence[str] = ()
) -> str:
    """Raises NotResumable unless the checkpoint was made by the same config, inputs and processes and holds what so many need.

    Where a step learns from as many rows, fields of `may_differ` may; the answer says in words which do.
    """
    saved = json.loads((checkpoint / SEGMENT).read_text(encoding="utf-8")) if (checkpoint / SEGMENT).exists() else now
    changed = [name for name in now if saved.get(name) != now[name]]
    was = "; ".join(f"{name} was {saved.get(name)}, is {now[name]}" for name in changed)
    if not set(changed) <= set(may_differ):
        raise NotResumable(f"{checkpoint.name} was made by another run ({was}); start a new run from its weights instead")
    if changed and (rows := rows_a_step(saved)) != rows_a_step(now):
        raise NotResumable(
            f"{checkpoint.name} was made by another run ({was}): a step had {rows} rows and would have {rows_a_step(now)}; "
            "choose batch_size × accumulation × processes as it was, or start a new run from its weights"
        )
    if missing := [name for name in [*needed(saved["processes"]), SEGMENT] if not (checkpoint / name).exists()]:
        raise NotResumable(f"{checkpoint.name} lacks {', '.join(missing)}: resuming would not be exact; remove it or start anew")
    return was


def rows_a_step(segment: dict[str, Any]) -> int:
    """Rows that all processes together learn from in one step."""
    return int(segment["batch_size"] * segment["accumulation"] * segment["processes"])
