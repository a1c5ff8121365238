"""Muon for the matrices between embedding and output layer, AdamW for all other weights: one optimiser for the Trainer.

Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks". With the step's size matched to AdamW's (Liu et al.
2025, "Muon is Scalable for LLM Training", § 2.2), so that learning rate and weight decay mean the same for both.
"""

from __future__ import annotations

from typing import Any

import torch


class Muon(torch.optim.Optimizer):
    """torch's Muon and AdamW side by side, stepped, saved and loaded together."""

    def __init__(self, model: Any, *, rate: float, weight_decay: float, beta2: float):
        matrices, rest = parted(model)
        wide = [weight for weight in rest if weight.dim() > 1]
        narrow = [weight for weight in rest if weight.dim() < 2]
        groups = [{"params": wide, "weight_decay": weight_decay}, {"params": narrow, "weight_decay": 0.0}]
        self.parts = (
            torch.optim.Muon(matrices, lr=rate, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(groups, lr=rate, betas=(0.9, beta2), fused=True),
        )
        super().__init__([group for part in self.parts for group in part.param_groups], {"lr": rate})

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One step of both."""
        for part in self.parts:
            part.step()

    def state_dict(self) -> dict[str, Any]:
        """Of both, in their order."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """What `state_dict` gave."""
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self.param_groups = [group for part in self.parts for group in part.param_groups]


def parted(model: Any) -> tuple[list[Any], list[Any]]:
    """(matrices of hidden layers, all other weights that are trained)."""
    ends = {id(layer.weight) for layer in (model.get_input_embeddings(), model.get_output_embeddings()) if layer is not None}
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    hidden = [weight for weight in trained if weight.dim() == 2 and id(weight) not in ends]
    chosen = {id(weight) for weight in hidden}
    return hidden, [weight for weight in trained if id(weight) not in chosen]
