"""How a model in training goes on from a few held-out beginnings: what the curves cannot say, on the run's page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from training.rundir import RunDir, rank

SHOWN = 3
MOST = 64  # tokens of each


class Continuations:
    """beginnings: token ids of each, the same at every look, from which the model answers with the same random numbers."""

    def __init__(self, run: RunDir, tokenizer: Any, beginnings: Sequence[Sequence[int]]):
        self.run, self.tokenizer = run, tokenizer
        self.beginnings = [list(ids) for ids in beginnings[:SHOWN] if len(ids)]

    def show(self, model: Any, step: int) -> None:
        """Tells the run's folder what the model says now, in evaluation mode; training's random numbers stay.

        Rank 0 asks alone, so its weights must be whole.
        """
        import torch

        if rank() != 0 or not self.beginnings:
            return
        with torch.random.fork_rng():
            torch.manual_seed(self.run.seed)
            samples = [{"prompt": self.text(ids), "answer": self.text(self.said(model, ids))} for ids in self.beginnings]
        self.run.event("samples", step=step, samples=samples)

    def said(self, model: Any, ids: list[int]) -> list[int]:
        """The tokens that follow, up to an end of the model's own, none where the beginning fills all its positions."""
        import torch

        most = min(MOST, getattr(model.config, "max_position_embeddings", MOST + len(ids)) - len(ids))
        if most < 1:
            return []
        asked = torch.tensor([ids], device=model.device)
        told = model.generate(
            input_ids=asked,
            attention_mask=torch.ones_like(asked),
            max_new_tokens=most,
            do_sample=True,
            top_k=0,
            pad_token_id=self.tokenizer.pad_token_id,
            eos_token_id=self.tokenizer.eos_token_id,
            use_cache=True,
        )
        return list(told[0, len(ids) :].tolist())

    def text(self, ids: Sequence[int]) -> str:
        """As people read it."""
        return str(self.tokenizer.decode(ids, skip_special_tokens=True)).strip()
