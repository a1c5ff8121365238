"""The loss of a language model without its logits: only of tokens that are learned, and only for some of them at a time.

Logits are a batch's largest tensor by far: 8,192 tokens of GPT-2's vocabulary are 1.6 GB, their logarithms and gradients as much
again each. Here `ROWS` tokens' logits exist at once, and the gradients are made while they do (the idea of Liger Kernel, Hsu et al.
2024). torch 2.13 has `linear_cross_entropy` for this, but rounds its loss to bfloat16 with its inputs.

A model whose logits are more than one matrix times its last hidden state (a soft cap, a scale, experts to be balanced) learns from
its own logits.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch.autograd.function import once_differentiable

ROWS = 1024
UNLEARNED = -100
Batch = dict[str, Any]


class TokenLoss:
    """What a model says of the tokens of a batch that have a label: `input_ids`, `labels` and what else its forward takes.

    Make it of the model that is to be wrapped for training, adapters and all; call it with what it was wrapped in. whole_logits: of
    a model whose output layer has its weights only while it is called itself, as under ZeRO-3.
    """

    def __init__(self, model: Any, whole_logits: bool = False):
        inner = model.get_base_model() if hasattr(model, "get_base_model") else model
        self.head: Any = offer_hidden(inner) if not whole_logits and is_plain(inner) else None

    def mean(self, model: Any, batch: Batch) -> Any:
        """Nats of a learned token, the mean over the batch: 0 where none is learned."""
        found, targets = self._learned(model, batch)
        return self._nats(found, targets) / max(len(targets), 1)

    def tally(self, model: Any, batch: Batch) -> tuple[Any, int, Any]:
        """(summed nats, tokens, tokens guessed right)."""
        found, targets = self._learned(model, batch)
        right = sum(
            ((part if self.head is None else part @ self._weight(part).T).argmax(-1) == target).sum()
            for part, target in zip(found.split(ROWS), targets.split(ROWS), strict=True)
        )
        return self._nats(found, targets), len(targets), right

    def _learned(self, model: Any, batch: Batch) -> tuple[Any, Any]:
        """(hidden states, or logits, from which learned tokens are guessed [n, …], those tokens [n])."""
        given = {name: value for name, value in batch.items() if name != "labels"}
        found = model(**given, hidden=True) if self.head is not None else model(**given).logits
        kept = batch["labels"][:, 1:] != UNLEARNED
        return found[:, :-1][kept], batch["labels"][:, 1:][kept]

    def _nats(self, found: Any, targets: Any) -> Any:
        if self.head is None:
            return torch.nn.functional.cross_entropy(found.float(), targets, reduction="sum")
        weight = self._weight(found)
        return Nats.apply(found.to(weight.dtype), weight, targets)

    def _weight(self, found: Any) -> Any:
        """The output layer in the precision of training, which is bfloat16 on CUDA."""
        if hasattr(self.head, "unshard"):
            self.head.unshard()  # FSDP2 may hold it in pieces: it gathers a layer by itself only where that is called
        return self.head.weight.to(torch.bfloat16 if found.is_cuda else found.dtype)


def learned(batch: Batch) -> Any:
    """Learned tokens of a batch: what its mean weighs in its step's."""
    return (batch["labels"][:, 1:] != UNLEARNED).sum()


def offer_hidden(model: Any) -> Any:
    """Lets a model answer its last hidden state when called with `hidden=True`; its output layer.

    Asked of the model itself, not of its trunk, so that whatever wraps it (DDP, DeepSpeed, compilation) sees the call.
    """
    whole = model.forward

    @functools.wraps(whole)
    def forward(*args: Any, hidden: bool = False, **given: Any) -> Any:
        return model.base_model(*args, **given).last_hidden_state if hidden else whole(*args, **given)

    model.forward = forward
    return model.get_output_embeddings()


@torch.no_grad()
def is_plain(model: Any) -> bool:
    """Whether the logits of a model are its output layer's matrix times its last hidden state, found by trying."""
    head = model.get_output_embeddings()
    if type(head) is not torch.nn.Linear or head.bias is not None or getattr(model.config, "output_router_logits", False):
        return False
    training = model.training
    ids = torch.arange(2, device=head.weight.device)[None]
    model.eval()
    logits, hidden = model(input_ids=ids).logits, model.base_model(input_ids=ids).last_hidden_state
    model.train(training)
    return torch.allclose(logits, head(hidden), rtol=1e-4, atol=1e-4 * float(logits.std()))


class Nats(torch.autograd.Function):
    """Summed nats (float32) of `targets` [n], under the logits hidden [n, width] × weightᵀ [width, vocabulary]."""

    @staticmethod
    def forward(ctx: Any, hidden: Any, weight: Any, targets: Any) -> Any:
        """Both gradients are made here: what backward would need of the logits is then never kept."""
        wanted = ctx.needs_input_grad
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        of_hidden = torch.empty_like(hidden) if wanted[0] else None
        of_weight = torch.zeros_like(weight) if wanted[1] else None
        for at in range(0, len(targets), ROWS):
            part, target = hidden[at : at + ROWS], targets[at : at + ROWS, None]
            found = torch.log_softmax(part @ weight.T, -1, dtype=torch.float32)
            total -= found.gather(1, target).sum()
            off = found.exp_().scatter_add_(1, target, found.new_full(target.shape, -1.0)).to(hidden.dtype)
            if of_hidden is not None:
                torch.mm(off, weight, out=of_hidden[at : at + ROWS])
            if of_weight is not None:
                of_weight.addmm_(off.T, part)
        ctx.made = of_hidden, of_weight
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, outer: Any) -> Any:
        """The gradients made forward, times that of what the sum became; only once, for they are changed in place."""
        made, ctx.made = ctx.made, None
        return *(None if one is None else one.mul_(outer.to(one.dtype)) for one in made), None
