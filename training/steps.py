"""What makes a step the same however it is cut into batches and processes: the order of rows, and what each batch weighs in it.

A step's loss is one weighted mean over all its rows. Means of batches, averaged as if they were equals, are something else as soon
as an epoch's last batch is short or rows have weights; and where rows run out, accelerate gives processes the epoch's first rows
again. Here every batch brings its weight, and a place without a row weighs nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import Dataset, Sampler

from training import processes

# A batch's weight as it is collated, then its share of the step's loss.
WEIGHT, SHARE = "batch_weight", "batch_share"
Batch = dict[str, Any]


class Rows(Dataset[Any]):
    """The training rows, and None beyond their end: the places that `Order` adds."""

    def __init__(self, rows: Sequence[Any]):
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Any:
        return self.rows[index] if index < len(self.rows) else None


class Order(Sampler[int]):
    """All rows in an order that follows from seed and epoch alone, then empty places up to a whole number of `multiple`."""

    def __init__(self, rows: int, multiple: int, seed: int):
        self.rows, self.length = rows, math.ceil(rows / multiple) * multiple
        self.seed, self.epoch = seed, 0

    def __len__(self) -> int:
        return self.length

    def set_epoch(self, epoch: int) -> None:
        """The trainer says which epoch begins."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        dice = torch.Generator().manual_seed(self.seed + self.epoch)
        yield from torch.randperm(self.rows, generator=dice).tolist()
        yield from range(self.rows, self.length)


def weighing(rows: Sequence[Any], collate: Callable[[list[Any]], Batch], weigh: Callable[[Batch], Any] | None) -> Any:
    """`collate` for rows that may be None; the batch says what it weighs: as `weigh` finds, else its number of rows."""

    def collated(places: list[Any]) -> Batch:
        found = [row for row in places if row is not None]
        batch = collate(found or [rows[0]])
        weight = (weigh(batch) if weigh else len(found)) if found else 0.0
        if not found and "labels" in batch:
            batch["labels"] = torch.full_like(batch["labels"], -100)
        return {**batch, WEIGHT: torch.as_tensor(weight, dtype=torch.float32)}

    return collated


def share_out(batches: list[Batch], device: Any) -> None:
    """Turns the weights of one process' batches into shares of the step that all processes take together.

    Shares are multiplied by the number of processes, because gradients are averaged over them. A step that weighs nothing gives
    nothing.
    """
    weights = [float(batch.pop(WEIGHT)) for batch in batches]
    [total] = processes.summed(torch.tensor([sum(weights)], dtype=torch.float64), device)
    for batch, weight in zip(batches, weights, strict=True):
        batch[SHARE] = weight / total * processes.count() if total else 0.0
