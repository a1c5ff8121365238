"""Conversations laid end to end into rows: none is cut, none sees another, and little of a batch is padding.

Positions restart with every conversation, from which transformers draws a block-diagonal mask, as long as it is given no other.
Best fit, decreasing (Johnson 1973) fills rows to within a few percent of the fewest that there could be.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

Row = dict[str, list[int]]


class LeakyAttention(ValueError):
    """What lies beside a conversation in its row changes what a model says of it."""


def best_fit(lengths: Sequence[int], room: int) -> list[list[int]]:
    """Which items share a row of so much room, by their places; each row's longest first. ValueError where one fits in none.

    The longest items first, each into the fullest row that still has room for it. Depends on the lengths alone.
    """
    if lengths and max(lengths) > room:
        raise ValueError(f"an item of {max(lengths)} does not fit into a row of {room}")
    rows: list[list[int]] = []
    with_room: dict[int, list[int]] = defaultdict(list)  # rows by the room that is left in them
    rooms: list[int] = []  # the keys of those that are not empty, sorted
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        at = bisect_left(rooms, lengths[place])
        if at == len(rooms):
            row, left = len(rows), room
            rows.append([])
        else:
            left = rooms[at]
            row = with_room[left].pop()
            if not with_room[left]:
                del rooms[at]
        rows[row].append(place)
        left -= lengths[place]
        if left and not with_room[left]:
            insort(rooms, left)
        with_room[left].append(row)
    return rows


class Packed(Sequence[Row]):
    """Rows of conversations, each `ids`, `learned` and `positions` of one length; made of `ids` and `learned` of single ones.

    A conversation's first token is nobody's target: what stands before it is another conversation.
    """

    def __init__(self, conversations: Sequence[Row], room: int):
        self.conversations = conversations
        self.rows = best_fit([len(one["ids"]) for one in conversations], room)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        row: Row = {"ids": [], "learned": [], "positions": []}
        for place in self.rows[index]:
            one = self.conversations[place]
            row["ids"] += one["ids"]
            row["learned"] += [0, *one["learned"][1:]]
            row["positions"] += range(len(one["ids"]))
        return row


def refuse_leaks(model: Any) -> None:
    """Raises LeakyAttention unless a model keeps apart what lies in one row, found by trying: one text, after two others.

    Two rows at once, because flash attention reads positions that restart in batches of one row alone.
    """
    import torch

    size = min(8, getattr(model.config, "vocab_size", 8))
    before = torch.arange(size)
    ids = torch.stack([torch.cat([before, before]), torch.cat([before.flip(0), before])]).to(model.device)
    positions = torch.arange(size).repeat(2, 2).to(model.device)
    training = model.training
    with torch.no_grad():
        told = model.eval()(input_ids=ids, position_ids=positions, use_cache=False).logits[:, size:].float()
    model.train(training)
    if (told[0] - told[1]).abs().max() > 1e-4 * told.std():
        kind, how = model.config.model_type, getattr(model.config, "_attn_implementation", "own")
        raise LeakyAttention(
            f"a model of type {kind} with {how} attention lets conversations of one row see each other: no packing"
        )
