"""What PPO's networks say of answers: rows end to end without padding, logits of answer tokens only, a few at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from training import ppo_math, text
from training.ppo_generate import Answered
from training.ppo_networks import Networks, head, opened
from training.segments import hidden_states

# Tokens whose logits are in memory together. Each time the output layer's whole gradient is added to, which a card does at the
# pace of its memory and not of its arithmetic. CUDA's figure is reasoned: no card has measured it.
TOKENS_AT_ONCE = {"cpu": 512, "cuda": 2048}


@dataclass
class Batch:
    """Prompts with their answers, padded on the right.

    ids [rows, length]; places [rows, length] is true where the next token belongs to an answer; tokens and mask [rows, window] hold
    the answers from their first token on. So `hidden[places]` and `tokens[mask]` speak of the same tokens in the same order.
    """

    ids: Tensor
    places: Tensor
    tokens: Tensor
    mask: Tensor

    @property
    def lengths(self) -> Tensor:
        """Tokens [rows] of each row, its last one left out: no token follows from it."""
        columns = torch.arange(1, self.places.shape[1] + 1, device=self.places.device)
        return (self.places * columns).amax(-1)

    def rows(self, which: Tensor) -> Batch:
        """Some of the rows, no longer than they must be."""
        places, mask = self.places[which], self.mask[which]
        length, window = int(self.lengths[which].max()), int(mask.sum(-1).max())
        return Batch(self.ids[which, :length], places[:, :length], self.tokens[which, :window], mask[:, :window])

    def parts(self, which: Tensor, at_once: int) -> list[Tensor]:
        """These rows in groups that are in memory together: no more tokens than `at_once` of the longest rows have."""
        lengths = self.lengths
        return list(which.split(groups(lengths[which].tolist(), at_once * int(lengths.max()))))


def pack(answered: Sequence[Answered], pad_id: int, device: Any) -> Batch:
    """Answers as one batch."""
    ids, _ = text.pad_batch([[*row.asked.ids, *row.ids] for row in answered], pad_id)
    tokens, mask = text.pad_batch([row.ids for row in answered], pad_id)
    columns = torch.arange(ids.shape[1])
    first = torch.tensor([[len(row.asked.ids) - 1] for row in answered])
    after = first + torch.tensor([[len(row.ids)] for row in answered])
    places = (columns >= first) & (columns < after)
    return Batch(ids.to(device), places.to(device), tokens.to(device), mask.bool().to(device))


def groups(lengths: Sequence[int], budget: int) -> list[int]:
    """Sizes of consecutive groups of rows that together have no more tokens than `budget`, or are one row."""
    sizes: list[int] = []
    left = 0
    for length in lengths:
        if not sizes or length > left:
            sizes.append(0)
            left = budget
        sizes[-1] += 1
        left -= length
    return sizes


# What is said of each token -------------------------------------------------------------------------------------------------


def answer_hidden(nets: Networks, model: Any, batch: Batch) -> Tensor:
    """Hidden states [answer tokens, width] from which each token of the answers is predicted."""
    with nets.precision():
        lengths = batch.lengths
        inside = torch.arange(batch.ids.shape[1], device=lengths.device) < lengths[:, None]
        return hidden_states(model, batch.ids, lengths)[batch.places[inside]]


def chunked_logits(nets: Networks, model: Any, hidden: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Logits [some tokens, vocabulary], a few tokens at a time: the vocabulary is the widest dimension of all."""
    at_once = TOKENS_AT_ONCE[hidden.device.type]
    for some in (slice(at, at + at_once) for at in range(0, len(hidden), at_once)):
        with nets.precision():
            logits = head(model, hidden[some])
        yield some, logits


def token_logprobs(nets: Networks, network: Any, batch: Batch, temperature: float) -> Tensor:
    """Log-probability [answer tokens] of each token of the answers. Without gradients."""
    tokens = batch.tokens[batch.mask]
    with torch.no_grad(), opened(network) as model:
        logits = chunked_logits(nets, model, answer_hidden(nets, model, batch))
        return torch.cat([ppo_math.token_logprobs(some, tokens[which], temperature) for which, some in logits])


def backward_by_token(
    nets: Networks, network: Any, batch: Batch, temperature: float, loss: Callable[..., Tensor], *columns: Tensor
) -> Tensor:
    """Adds the gradient of a sum over tokens to the network's; returns the tokens' log-probabilities [answer tokens].

    loss(log-probabilities, *columns): that sum over some tokens, with what else is known of them (each column [answer tokens]).
    The gradient first comes down to the hidden states a few tokens at a time, then through the trunk once: the logits of all
    tokens, far larger than all else, are never in memory together.
    """
    tokens, told = batch.tokens[batch.mask], []
    with opened(network) as model:
        hidden = answer_hidden(nets, model, batch)
        border = hidden.detach().requires_grad_()
        for some, logits in chunked_logits(nets, model, border):
            found = ppo_math.token_logprobs(logits, tokens[some], temperature)
            loss(found, *(column[some] for column in columns)).backward()
            told.append(found.detach())
        hidden.backward(border.grad)
    return torch.cat(told)


def token_values(nets: Networks, batch: Batch) -> Tensor:
    """What the critic expects [answer tokens] before each token of the answers, in the unit of the normalised reward.

    Its first opinion is the reward model's own of the unfinished answer.
    """
    with opened(nets.value) as model:
        raw = model.score(answer_hidden(nets, model, batch).float())[:, 0]
    return (raw - nets.mean) / nets.std


# What is said of each row ---------------------------------------------------------------------------------------------------


def spread(batch: Batch, said: Tensor) -> Tensor:
    """What was said of the answers' tokens [answer tokens] in their places [rows, window], 0 elsewhere."""
    return said.new_zeros(batch.mask.shape).masked_scatter(batch.mask, said)


def logprobs(nets: Networks, network: Any, batch: Batch, temperature: float) -> Tensor:
    """Log-probability [rows, window] of each token of the answers, 0 elsewhere. Without gradients."""
    return spread(batch, token_logprobs(nets, network, batch, temperature))


def values(nets: Networks, batch: Batch) -> Tensor:
    """The critic's values [rows, window], 0 elsewhere. Without gradients."""
    with torch.no_grad():
        return spread(batch, token_values(nets, batch))


def scores(nets: Networks, answered: Sequence[Answered], at_once: int) -> Tensor:
    """The reward model's raw score [rows] of each answer as people would read it: its text, encoded as in training."""
    chats = [text.encode_chat(nets.tokenizer, said(nets.tokenizer, row), row.asked.tools).input_ids for row in answered]
    found, at = [], 0
    for size in groups([len(chat) for chat in chats], at_once * max(map(len, chats), default=0)):
        ids, mask = text.pad_batch(chats[at : at + size], nets.tokenizer.pad_token_id)
        lengths, at = mask.sum(-1).to(nets.device), at + size
        with torch.no_grad(), nets.precision(), opened(nets.reward) as model:
            last = hidden_states(model, ids.to(nets.device), lengths)[lengths.cumsum(0) - 1]
            found.append(model.score(last)[:, 0].float())
    return torch.cat(found) if found else torch.zeros(0, device=nets.device)


def said(tokenizer: Any, row: Answered) -> list[dict[str, Any]]:
    """The chat with its answer as messages."""
    return [*row.asked.messages, {"role": "assistant", "content": text.decode_answer(tokenizer, row.ids)}]
