"""One recipe in several processes: how many there are, and the few things that they do together. torchrun starts them."""

from __future__ import annotations

import atexit
import os
from datetime import timedelta
from typing import Any

from training.rundir import RunDir


def count() -> int:
    """Processes of this attempt (torchrun's world size)."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def check(run: RunDir) -> None:
    """Raises where the launcher started another number of processes than the run was promised."""
    resources = run.spec.get("resources") or {}
    promised = int(resources.get("processes", 1)) * int(resources.get("nodes", 1))
    if promised != count():
        raise RuntimeError(f"this run was promised {promised} processes but {count()} are running; start it with torchrun")
    # A process that exits with its group's threads alive aborts, and torchrun would call a finished run failed.
    atexit.register(leave)


def join(run: RunDir) -> None:
    """Lets torchrun's processes meet, for recipes without a Trainer."""
    check(run)
    if count() > 1 and _group() is None:
        import torch.distributed

        torch.distributed.init_process_group("gloo", timeout=timedelta(days=7))


def leave() -> None:
    """Ends this process' part in the group, however its recipe ended."""
    if dist := _group():
        dist.destroy_process_group()


def barrier() -> None:
    """Waits for every process."""
    if dist := _group():
        dist.barrier()


def summed(values: Any, device: Any) -> list[float]:
    """The tensor summed over all processes; `device` is where their group can reach it."""
    if dist := _group():
        values = values.to(device)
        dist.all_reduce(values)
    return list(values.tolist())


def anywhere(asked: bool, device: Any) -> bool:
    """True in every process at the same step once it is true in one: processes that part ways wait for ever."""
    if _group() is None:
        return asked
    import torch

    return summed(torch.tensor([float(asked)]), device)[0] > 0


def _group() -> Any:
    """torch.distributed where the processes have met, else None."""
    if count() == 1:
        return None
    import torch.distributed

    return torch.distributed if torch.distributed.is_initialized() else None
