"""One recipe in several processes: how many there are, and the few things that they do together. torchrun starts them."""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterable
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
    """Lets torchrun's processes meet, for recipes without a Trainer or before one, which then joins this group."""
    check(run)
    if count() > 1 and _group() is None:
        import torch.distributed

        torch.distributed.init_process_group(_backend(), timeout=timedelta(days=7))


def _backend() -> str:
    """What carries tensors between processes: NCCL those of CUDA, unless processes share a device, which it refuses."""
    import torch

    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    alone = torch.cuda.is_available() and here <= torch.cuda.device_count()
    return "cpu:gloo,cuda:nccl" if alone else "gloo"


def leave() -> None:
    """Ends this process' part in the group, however its recipe ended."""
    if dist := _group():
        dist.destroy_process_group()


def barrier() -> None:
    """Waits for every process."""
    if dist := _group():
        dist.barrier()


def device() -> Any:
    """Where this process computes: its own CUDA device while there are enough, or the CPU."""
    import torch

    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())


def pooled(items: list[Any]) -> list[Any]:
    """The items of all processes, in order of their ranks; the same list in every one of them."""
    if (dist := _group()) is None:
        return items
    found: list[Any] = [None] * count()
    dist.all_gather_object(found, items)
    return [item for part in found for item in part]


def add_up(tensors: Iterable[Any]) -> None:
    """Replaces each tensor by its sum over all processes, which give them in the same order."""
    if dist := _group():
        for work in [dist.all_reduce(tensor, async_op=True) for tensor in tensors]:
            work.wait()


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
