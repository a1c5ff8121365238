"""Rows of any length laid end to end, through a model in one pass: no padding, no mask, and no row sees another.

Positions restart with every row, and an attention of our own in the place of transformers' looks at each row by itself. A model of
which this would not say the same as of each row alone, which is found by trying, reads row by row.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "crisol_segments"
EVERYTHING = torch.ones(1, 1, 1, 1, dtype=torch.bool)  # keeps transformers from drawing a mask of all tokens by all tokens
NEAR = 0.05  # of the hidden states' spread: bfloat16 is off by less, a row that saw its neighbour by far more
_joins: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()


def hidden_states(model: Any, ids: Tensor, lengths: Tensor) -> Tensor:
    """Last hidden states [sum of lengths, width] of a transformers model without dropout, row after row.

    ids [rows, length], padded on the right; lengths [rows] are the tokens of each that are read.
    """
    return (_together if joins(model) else _one_by_one)(model, ids, lengths)


def joins(model: Any) -> bool:
    """Whether a model says of rows in one pass what it says of each alone. Tried once, after which it attends by `attend`."""
    if model not in _joins:
        ids = torch.arange(8, device=model.device).remainder(model.config.vocab_size).view(2, 4)
        lengths = torch.tensor([4, 3], device=model.device)
        with torch.no_grad():
            _joins[model] = model.config._attn_implementation == "sdpa" and _tried(model, ids, lengths)
    return _joins[model]


def _tried(model: Any, ids: Tensor, lengths: Tensor) -> bool:
    alone = _one_by_one(model, ids, lengths)
    model.config._attn_implementation = NAME
    try:
        same = bool((_together(model, ids, lengths) - alone).abs().max() < NEAR * alone.std())
    except (RuntimeError, TypeError, ValueError):  # of models that take no more words for their attention, or want more of it
        same = False
    if not same:
        model.config._attn_implementation = "sdpa"
    return same


def _one_by_one(model: Any, ids: Tensor, lengths: Tensor) -> Tensor:
    rows = [row[None, :length] for row, length in zip(ids, lengths.tolist(), strict=True)]
    return torch.cat([model.base_model(input_ids=row, use_cache=False).last_hidden_state[0] for row in rows])


def _together(model: Any, ids: Tensor, lengths: Tensor) -> Tensor:
    places = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
    inside = places < lengths[:, None]
    row, positions, sizes = ids[inside][None], places[inside][None], lengths.tolist()
    told = model.base_model(input_ids=row, position_ids=positions, attention_mask=EVERYTHING, use_cache=False, segments=sizes)
    hidden: Tensor = told.last_hidden_state[0]
    return hidden


def attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    segments: list[int] | None = None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Causal attention [1, tokens, heads, size] of each segment of a row; query, key, value [1, heads, tokens, size].

    Without segments what transformers' `sdpa` does, masks and caches included.
    """
    if segments is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **kwargs)
    if query.is_cuda and query.dtype in (torch.float16, torch.bfloat16):
        return _flash(query, key, value, segments, scaling, sliding_window), None
    apart = zip(*(whole.split(segments, dim=2) for whole in (query, key, value)), strict=True)
    found = []
    for each in apart:
        seen = _window(each[0], sliding_window)
        found.append(sdpa_attention_forward(module, *each, seen, scaling=scaling, is_causal=True, **kwargs)[0])
    return torch.cat(found, dim=1), None


def _window(query: Tensor, width: int | None) -> Tensor | None:
    """The mask [1, 1, length, length] of a window that a segment is longer than."""
    length = query.shape[2]
    if width is None or length <= width:
        return None
    whole = torch.ones(1, 1, length, length, dtype=torch.bool, device=query.device)
    return whole.tril().triu(1 - width)


def _flash(query: Tensor, key: Tensor, value: Tensor, segments: list[int], scaling: float | None, window: int | None) -> Tensor:
    """The same in one kernel. No card has run it; `joins` compares it with rows alone before it is used."""
    from torch.nn.attention.varlen import varlen_attn

    borders = torch.tensor([0, *accumulate(segments)], dtype=torch.int32, device=query.device)
    parts = (whole[0].transpose(0, 1) for whole in (query, key, value))
    behind = -1 if window is None else window - 1
    found = varlen_attn(
        *parts, borders, borders, max(segments), max(segments), scale=scaling, window_size=(behind, 0), enable_gqa=True
    )
    assert isinstance(found, Tensor)
    return found[None]


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, sdpa_mask)
