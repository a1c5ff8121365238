"""torch's FSDP2 for the recipes on the Trainer: weights, gradients and optimiser state are shared out between the processes.

Zhao et al. 2023, "PyTorch FSDP: Experiences on Scaling Fully Sharded Data Parallel", § 3: a layer's weights are whole in a process
only while it computes with them.
"""

from __future__ import annotations

from typing import Any


def arguments() -> dict[str, Any]:
    """What the Trainer is told; it adds its defaults to what it is given."""
    return {"fsdp": True, "fsdp_config": {"version": 2}}


def on_cpu(accelerator: Any, arguments: dict[str, Any]) -> None:
    """Makes accelerate share out on a CPU as it does on a GPU; by itself it would copy there, and say nothing."""
    from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin

    accelerator.state.fsdp_plugin = FullyShardedDataParallelPlugin(**arguments)
    accelerator.state.distributed_type = DistributedType.FSDP


def whole(part: Any) -> Any:
    """A weight or a moment from all processes, which ask together."""
    return part.full_tensor().detach()


def parted(value: Any, like: Any) -> Any:
    """This process' part of a whole tensor, shared out as `like` is."""
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(value.to(like.device), like.device_mesh, like.placements)
