"""Documents laid end to end into blocks of one length, as `pretrain` learns them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain, pairwise
from typing import Any

import numpy as np


class Blocks(Sequence[dict[str, np.ndarray]]):
    """Tokens of documents laid end to end, cut into blocks: each is `input_ids`, `position_ids` and `labels` of one length.

    Positions restart with every document and with every block. A document's first token in a block is nobody's target, since
    what stands before it is another document or nothing. The last block is padded. size: bytes of the documents' text.
    """

    def __init__(self, documents: list[list[int]], block_size: int, pad_id: int, size: float = 0.0):
        lengths = np.array([len(document) for document in documents], dtype=np.int64)
        self.ids = np.fromiter(chain.from_iterable(documents), dtype=np.int32, count=int(lengths.sum()))
        self.first = np.zeros(len(self.ids), dtype=bool)
        self.first[np.cumsum(lengths) - lengths] = True
        self.block_size, self.pad_id, self.size = block_size, pad_id, size

    def bits_per_byte(self, nats: float) -> float:
        """Bits for each byte of the text at so many nats a token; each document's end is to be guessed, too."""
        return nats / math.log(2) * int((~self.first).sum()) / self.size

    def beginnings(self, count: int, size: int = 12) -> list[list[int]]:
        """The first tokens of so many of the documents, half of it where a document is short."""
        borders = np.flatnonzero(np.append(self.first, True))[: count + 1].tolist()
        return [self.ids[at : at + min(size, (end - at + 1) // 2)].tolist() for at, end in pairwise(borders)]

    def __len__(self) -> int:
        return math.ceil(len(self.ids) / self.block_size)

    def __getitem__(self, index: Any) -> Any:
        here = slice(index * self.block_size, (index + 1) * self.block_size)
        ids, first = self.ids[here].astype(np.int64), self.first[here].copy()
        first[0] = True
        at = np.arange(len(ids))
        positions = at - np.maximum.accumulate(np.where(first, at, 0))
        missing = (0, self.block_size - len(ids))
        return {
            "input_ids": np.pad(ids, missing, constant_values=self.pad_id),
            "position_ids": np.pad(positions, missing),
            "labels": np.pad(np.where(first, -100, ids), missing, constant_values=-100),
        }


def collate(rows: list[dict[str, np.ndarray]]) -> dict[str, Any]:
    """Blocks as tensors [rows, block]."""
    import torch

    return {name: torch.from_numpy(np.stack([row[name] for row in rows])) for name in rows[0]}
