"""PPO's answers: sampled token by token with a key-value cache, each with the log-probability it was drawn with.

A decoding loop of our own, because `generate` goes on with rows that have ended, copies the whole cache for every token and keeps
no log-probabilities: here ended rows leave the batch, the cache grows in place, and nothing needs a second forward.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from training import text
from training.ppo_networks import Networks, opened

STRIDE = 64  # tokens that the cache grows by
CROWDED = 0.75  # the batch is rebuilt when fewer of its rows than this are still going


@dataclass(frozen=True)
class Asked:
    """A prompt of the snapshot, and its tokens up to where an answer begins."""

    prompt_id: int
    messages: list[dict[str, Any]]
    tools: list[Any]
    ids: list[int]
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Answered:
    """A prompt and the tokens sampled for it, its end token included when it `ended` by itself.

    For each token: its log-probability, and the entropy in nats of what it was drawn from.
    """

    asked: Asked
    ids: list[int]
    ended: bool
    logprobs: list[float] = field(default_factory=list)
    entropies: list[float] = field(default_factory=list)


def answers(
    nets: Networks, prompts: Sequence[Asked], seeds: Sequence[int], *, temperature: float, most: int, at_once: int
) -> list[Answered]:
    """One sampled answer to each prompt, at most `most` tokens long, `at_once` rows of like length together.

    Each row has its own seed: what it draws does not depend on its neighbours.
    """
    found: dict[int, Answered] = {}
    order = sorted(range(len(prompts)), key=lambda place: (len(prompts[place].ids), place))
    for places in (order[at : at + at_once] for at in range(0, len(order), at_once)):
        draws = torch.stack([uniform(seeds[place], most) for place in places]).to(nets.device)
        made = decoded(nets, [prompts[place] for place in places], draws, temperature)
        found.update(zip(places, made, strict=True))
    return [found[place] for place in range(len(prompts))]


def uniform(seed: int, count: int) -> Tensor:
    """The numbers between 0 and 1 by which one row chooses its tokens."""
    return torch.rand(count, generator=torch.Generator().manual_seed(seed))


def decoded(nets: Networks, prompts: Sequence[Asked], draws: Tensor, temperature: float) -> list[Answered]:
    """One batch of answers. draws: [rows, most], what each row has for each of its tokens."""
    told = Told(draws)
    batch = Going(nets, prompts)
    with opened(nets.policy) as model, nets.sampling(model), torch.inference_mode():
        for step in range(draws.shape[1]):
            logits = batch.forward(model)
            tokens, logprobs, entropies = drawn(logits, draws[batch.rows, step], temperature)
            told.write(batch.rows, step, tokens, logprobs, entropies)
            if not batch.go_on(tokens, nets.tokenizer.eos_token_id):
                break
    return told.answers(prompts, nets.tokenizer.eos_token_id)


def drawn(logits: Tensor, draws: Tensor, temperature: float) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens [rows] that the numbers `draws` choose (where the summed chances pass them), their log-probabilities, entropies."""
    logprobs = (logits.float() / temperature).log_softmax(-1)
    chances = logprobs.exp()
    sums = chances.cumsum(-1)
    tokens = torch.searchsorted(sums, draws[:, None] * sums[:, -1:], right=True).clamp_(max=logits.shape[-1] - 1)
    return tokens[:, 0], logprobs.gather(-1, tokens)[:, 0], -(chances * logprobs).nansum(-1)


class Told:
    """What has been sampled: tokens, log-probabilities, entropies [rows, most]. What follows a row's end is never read."""

    def __init__(self, draws: Tensor):
        self.tokens = torch.zeros(draws.shape, dtype=torch.long, device=draws.device)
        self.logprobs, self.entropies = torch.zeros_like(draws), torch.zeros_like(draws)

    def write(self, rows: Tensor, step: int, tokens: Tensor, logprobs: Tensor, entropies: Tensor) -> None:
        """One token of some rows."""
        self.tokens[rows, step], self.logprobs[rows, step], self.entropies[rows, step] = tokens, logprobs, entropies

    def answers(self, prompts: Sequence[Asked], end: int) -> list[Answered]:
        """Each row up to its end."""
        columns = zip(prompts, self.tokens.tolist(), self.logprobs.tolist(), self.entropies.tolist(), strict=True)
        found = []
        for asked, ids, logprobs, entropies in columns:
            count = ids.index(end) + 1 if end in ids else len(ids)
            found.append(Answered(asked, ids[:count], end in ids, logprobs[:count], entropies[:count]))
        return found


class Going:
    """The rows of a batch that are still being answered: their cache, what comes next, which rows of the whole they are."""

    def __init__(self, nets: Networks, prompts: Sequence[Asked]):
        ids, mask = text.pad_batch([asked.ids for asked in prompts], nets.tokenizer.pad_token_id, side="left")
        self.next, self.mask = ids.to(nets.device), mask.to(nets.device)
        self.positions = (self.mask.cumsum(-1) - 1).clamp_(min=0)
        self.rows = torch.arange(len(prompts), device=nets.device)
        self.ended = torch.zeros(len(prompts), dtype=torch.bool, device=nets.device)
        self.cache: Any = None

    def forward(self, model: Any) -> Tensor:
        """Logits [rows, vocabulary] of each row's next token."""
        if self.cache is None:
            self.cache = growing_cache(model.config)
        logits: Tensor = model(
            input_ids=self.next,
            attention_mask=self.mask,
            position_ids=self.positions,
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]
        return logits

    def go_on(self, tokens: Tensor, end: int) -> bool:
        """Takes in the tokens [rows] and lets go of rows that have ended. False when none is left."""
        self.ended |= tokens == end
        going = int((~self.ended).sum())
        self.next, self.positions = tokens[:, None], self.positions[:, -1:] + 1
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(tokens), 1)], dim=1)
        if 0 < going < CROWDED * len(self.rows):
            self.keep((~self.ended).nonzero()[:, 0])
        return going > 0

    def keep(self, which: Tensor) -> None:
        """Only these rows stay."""
        self.cache.batch_select_indices(which)
        for name in ("next", "mask", "positions", "rows", "ended"):
            setattr(self, name, getattr(self, name)[which])


class GrowingLayer(DynamicLayer):
    """A layer's keys and values with room for tokens to come: transformers' own copies all of them for every token."""

    room: tuple[Tensor, Tensor] | None = None
    keys: Tensor
    values: Tensor

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Adds states [rows, heads, new tokens, width]; returns those of all tokens."""
        before = self.get_seq_length()
        after = before + key_states.shape[-2]
        if self.room is None or self.room[0].shape[-2] < after or len(self.room[0]) != len(key_states):
            self.room = self.enlarged(key_states, after), self.enlarged(value_states, after)
            if before:
                self.room[0][:, :, :before], self.room[1][:, :, :before] = self.keys, self.values
        self.room[0][:, :, before:after], self.room[1][:, :, before:after] = key_states, value_states
        self.is_initialized, self.dtype, self.device = True, key_states.dtype, key_states.device
        self.keys, self.values = self.room[0][:, :, :after], self.room[1][:, :, :after]
        return self.keys, self.values

    def enlarged(self, like: Tensor, least: int) -> Tensor:
        """Memory for so many tokens and a stride more."""
        rows, heads, _, width = like.shape
        return like.new_empty(rows, heads, least + STRIDE, width)


def growing_cache(config: Any) -> Any:
    """The cache that a model of this config wants, its plain layers growing in place."""
    cache = DynamicCache(config=config)
    cache.layers = [GrowingLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache
