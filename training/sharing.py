"""How the processes of a run share its model: whether they do as was asked, and what they hold in pieces made whole again.

Whatever the way, a checkpoint holds the files that one process would have written: weights and AdamW's state whole, in that
process' order. So any number of processes can go on from it, each way from every other.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor

from training import fsdp, processes, zero
from training.rundir import rank

OPTIMIZER, SCHEDULER = "optimizer.pt", "scheduler.pt"  # the Trainer's names
MOMENTS = ("exp_avg", "exp_avg_sq")


def way(wrapped: Any) -> str:
    """How a model is shared, found by looking at it; empty where it is not."""
    if stage := getattr(wrapped, "zero_optimization_stage", int)():
        return f"zero{stage}"
    if isinstance(wrapped, FSDPModule):
        return "fsdp2"
    return "ddp" if type(wrapped).__name__ == "DistributedDataParallel" else ""


def assert_shared(wrapped: Any, wanted: str) -> None:
    """RuntimeError where several processes do not share the model as was asked: libraries that quietly do otherwise waste days."""
    if processes.count() > 1 and way(wrapped) != wanted:
        raise RuntimeError(f"{wanted} was asked for, but the model is a {type(wrapped).__name__} ({way(wrapped) or 'not shared'})")


# Weights --------------------------------------------------------------------------------------------------------------------


def whole(value: Any) -> Any:
    """A weight or buffer in full; every process asks for the same ones in the same order."""
    if isinstance(value, DTensor):
        return fsdp.whole(value)
    return zero.whole(value) if hasattr(value, "ds_id") or hasattr(value, "_hp_mapping") else value.detach()


def in_pieces(model: Any) -> Any:
    """The model without what FSDP2 still holds whole after a forward pass that had no backward: copies that go stale."""
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()
    return model


def whole_weights(model: Any) -> dict[str, Any]:
    """A state dict in full, on the CPU; names that share a weight share it here, too. With adapters: of what is trained."""
    adapters, found, told = hasattr(model, "peft_config"), {}, {}
    for name, value in in_pieces(model).state_dict(keep_vars=True).items():
        if adapters and not value.requires_grad:
            continue
        if id(value) not in found:
            found[id(value)] = whole(value).cpu()
        told[name] = found[id(value)]
    return told


def made_whole(model: Any) -> Any:
    """The model with whole weights on the CPU in every process, as before it was shared; it trains no more."""
    found: dict[Any, Any] = {}
    for module in in_pieces(model).modules():
        for name, value in list(module._parameters.items()):
            if value is not None:
                if value not in found:
                    found[value] = torch.nn.Parameter(whole(value).cpu().clone(), requires_grad=value.requires_grad)
                module._parameters[name] = found[value]
    return model


# The optimiser --------------------------------------------------------------------------------------------------------------


class Pieces:
    """AdamW's state of a trainer whose processes hold it in pieces. Made before the model is shared out.

    groups: the optimiser's, as one process has them. names: of the weights, in the order of those groups. weights: by name, whole.
    """

    def __init__(self, trainer: Any):
        self.trainer = trainer
        optimizer, named = trainer.create_optimizer(), dict(trainer.model.named_parameters())
        name_of = {weight: name for name, weight in named.items()}
        self.groups = optimizer.state_dict()["param_groups"]
        self.names = [name_of[weight] for group in optimizer.param_groups for weight in group["params"]]
        self.weights = {name: named[name].detach() for name in self.names}

    def shared(self) -> list[Any]:
        """The weights as they are now, in order."""
        named = dict(in_pieces(self.trainer.model).named_parameters())
        return [named[name] for name in self.names]

    def save(self, folder: Path) -> None:
        """Gathers the state, one tensor at a time; rank 0 keeps and writes it."""
        state, step, engine = {}, self.trainer.state.global_step, self.trainer.model_wrapped
        if not isinstance(engine, FSDPModule):
            zero.link(engine.optimizer)
        for index, weight in enumerate(self.shared()):
            moments = {name: self._moment(weight, name) for name in MOMENTS}
            if rank() == 0:
                state[index] = {"step": torch.tensor(float(step)), **{name: value.cpu() for name, value in moments.items()}}
        if rank() != 0:
            return
        scheduler = self.trainer.lr_scheduler
        rates = [group["lr"] * scheduler.lr_lambdas[0](scheduler.last_epoch) for group in self.groups]
        groups = [{**group, "lr": rate, "initial_lr": group["lr"]} for group, rate in zip(self.groups, rates, strict=True)]
        torch.save({"state": state, "param_groups": groups}, folder / OPTIMIZER)
        bases = {"base_lrs": [group["lr"] for group in self.groups], "lr_lambdas": [None] * len(groups), "_last_lr": rates}
        torch.save({**scheduler.state_dict(), **bases}, folder / SCHEDULER)

    def _moment(self, weight: Any, name: str) -> Any:
        if isinstance(weight, DTensor):
            return fsdp.whole(self.trainer.optimizer.optimizer.state[weight][name])
        return zero.whole(weight, name)

    def load(self, folder: Path) -> None:
        """Takes up what any way has saved; the weights were loaded before they were shared out."""
        saved = torch.load(folder / OPTIMIZER, map_location="cpu", mmap=True, weights_only=True)
        step = int(saved["state"][0]["step"])
        moments = [{name: saved["state"][index][name] for name in MOMENTS} for index in range(len(self.names))]
        shared, engine = self.shared(), self.trainer.model_wrapped
        if isinstance(engine, FSDPModule):
            state = self.trainer.optimizer.optimizer.state
            for weight, whole_moments in zip(shared, moments, strict=True):
                parts = {name: fsdp.parted(value, weight) for name, value in whole_moments.items()}
                state[weight] = {"step": torch.tensor(float(step), device=weight.device), **parts}
        else:
            weights = dict(zip(shared, self.weights.values(), strict=True))
            zero.restore(engine, step, weights, dict(zip(shared, moments, strict=True)))
        self._schedule(torch.load(folder / SCHEDULER, weights_only=True))

    def _schedule(self, saved: dict[str, Any]) -> None:
        """The learning rate goes on; a way may have fewer groups than one process, for some drop those that are empty."""
        scheduler = self.trainer.lr_scheduler
        scheduler.last_epoch, scheduler._step_count = saved["last_epoch"], saved["_step_count"]
        scheduler._last_lr = [base * scheduler.lr_lambdas[0](scheduler.last_epoch) for base in scheduler.base_lrs]
        for group, rate in zip(self.trainer.optimizer.param_groups, scheduler._last_lr, strict=True):
            group["lr"] = rate
