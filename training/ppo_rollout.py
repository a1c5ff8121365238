"""Rollouts: a policy answers prompts and is paid; and PPO's experience, where every network says what it thinks of each token."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from training import ppo_forward as forward
from training import ppo_math, ppo_rewards, processes, rewards
from training.asking import Asking
from training.ppo_forward import Batch
from training.ppo_generate import Answered, Asked, answers
from training.ppo_networks import Networks
from training.rundir import rank

DECODED = 8  # times as many rows are decoded at once as learned from: a cached token is a tenth of what a gradient keeps of it


class Sampling(Asking, Protocol):
    """What a Config has that says how prompts are answered, and what is paid for the answers."""

    temperature: float
    batch_size: int
    reward_clip: float
    no_end: float


@dataclass
class Rollout:
    """Answers of all processes, and what they earn. scores: [rows]. logprobs: [rows, window], 0 beyond an answer's end.

    parts: each reward's mean before its weight, as `reward_NAME`. gap: mean difference of a token's log-probability when it was
    drawn and in a forward over the whole answer, where the latter was made.
    """

    answered: list[Answered]
    batch: Batch
    scores: Tensor
    logprobs: Tensor
    parts: dict[str, float]
    gap: float | None

    def kl_to(self, reference: Tensor) -> float:
        """Mean over the answers of log π - log π_ref, summed over their tokens: nats an answer. `reference`: [rows, window]."""
        return float((self.logprobs - reference).sum(-1).mean())

    @property
    def entropy(self) -> float:
        """Mean entropy in nats of what each token was drawn from."""
        drawn = [entropy for row in self.answered for entropy in row.entropies]
        return sum(drawn) / max(len(drawn), 1)

    def figures(self) -> dict[str, float]:
        """What a rollout is told by: reward, entropy, share of answers that ended, mean length in tokens."""
        return {
            "reward": float(self.scores.mean()),
            "entropy": self.entropy,
            "eos_rate": sum(row.ended for row in self.answered) / len(self.answered),
            "length": float(self.batch.mask.sum(-1).float().mean()),
            **self.parts,
            **({} if self.gap is None else {"sampling_gap": self.gap}),
        }


@dataclass
class Experience(Rollout):
    """A rollout that PPO learns from. [rows, window], 0 beyond an answer's end: log-probabilities of the reference, and values."""

    reference: Tensor
    values: Tensor

    @property
    def kl(self) -> float:
        """KL to the reference, in nats an answer."""
        return self.kl_to(self.reference)

    def figures(self) -> dict[str, float]:
        """Those of every rollout, and the KL."""
        return {**super().figures(), "kl": self.kl}


def rollout(config: Sampling, nets: Networks, prompts: Sequence[Asked], clip: float | None = None) -> Rollout:
    """The policy answers the prompts and is paid. `clip`: another bound of the reward model's scores than the config's.

    Every process does its share, `batch_size` rows at a time, and all have the whole rollout in the end, so that what is learned
    does not depend on how many processes there are.
    """
    answered = answer(nets, prompts, config.temperature, config.max_new_tokens, config.batch_size)
    batch = forward.pack(answered, nets.tokenizer.pad_token_id, nets.device)
    pay, parts = paid(config, nets, answered, batch, config.reward_clip if clip is None else clip)
    logprobs, gap = drawn_with(answered, batch), None
    if nets.device.type != "cpu":
        # In bfloat16 a token's chance in decoding is not quite its chance in training: only the latter may stand in a ratio.
        again = logprobs_of(config, nets, nets.policy, batch)
        gap, logprobs = float(ppo_math.masked_mean((again - logprobs).abs(), batch.mask)), again
    return Rollout(answered, batch, pay.to(nets.device), logprobs, parts, gap)


def gather(config: Sampling, nets: Networks, prompts: Sequence[Asked]) -> Experience:
    """A rollout, and what reference and critic say of its answers."""
    made = rollout(config, nets, prompts)
    reference = logprobs_of(config, nets, nets.reference, made.batch)
    values = looked_at(made.batch, config.batch_size, lambda part: forward.values(nets, part))
    return Experience(**vars(made), reference=reference, values=values)


def answer(nets: Networks, prompts: Sequence[Asked], temperature: float, most: int, at_once: int) -> list[Answered]:
    """One answer to each prompt, shared out among the processes."""
    seeds = torch.randint(2**62, (len(prompts),)).tolist()  # the same in every process
    order = sorted(range(len(prompts)), key=lambda row: len(prompts[row].ids))[rank() :: processes.count()]
    made = answers(
        nets,
        [prompts[row] for row in order],
        [seeds[row] for row in order],
        temperature=temperature,
        most=most,
        at_once=DECODED * at_once,
    )
    everything = processes.pooled(list(zip(order, made, strict=True)))
    return [answered for _, answered in sorted(everything, key=lambda pair: pair[0])]


def paid(
    config: Sampling, nets: Networks, answered: Sequence[Answered], batch: Batch, clip: float
) -> tuple[Tensor, dict[str, float]]:
    """The pay [rows] of each answer, and each reward's mean as `reward_NAME`: each process asks the reward model for its share."""
    weights, model = rewards.parse(config.rewards), None
    if rewards.MODEL in weights:
        mine = share(batch, every_row(batch))
        raw = torch.zeros(len(answered), device=nets.device)
        raw[mine] = forward.scores(nets, [answered[row] for row in mine.tolist()], config.batch_size)
        processes.add_up([raw])
        model = ppo_math.normalised(raw, nets.mean, nets.std, clip)
    return ppo_rewards.paid(nets.tokenizer, answered, weights, model=model, unended=config.no_end)


def logprobs_of(config: Sampling, nets: Networks, network: Any, batch: Batch) -> Tensor:
    """What a network gives each token of the answers [rows, window] as log-probability, 0 elsewhere."""
    return looked_at(batch, config.batch_size, lambda part: forward.logprobs(nets, network, part, config.temperature))


def share(batch: Batch, which: Tensor) -> Tensor:
    """This process' part of some rows: of every length as many as the others have."""
    order = which[batch.lengths[which].argsort(descending=True, stable=True)]
    return order[rank() :: processes.count()]


def every_row(batch: Batch) -> Tensor:
    """The numbers of all rows."""
    return torch.arange(len(batch.mask), device=batch.mask.device)


def looked_at(batch: Batch, at_once: int, look: Callable[[Batch], Tensor]) -> Tensor:
    """What `look` says [rows, window] of rows together, of all rows: each process asks for its own."""
    found = torch.zeros(batch.mask.shape, device=batch.mask.device)
    for rows in batch.parts(share(batch, every_row(batch)), at_once):
        told = look(batch.rows(rows))
        found[rows, : told.shape[1]] = told
    processes.add_up([found])
    return found


def drawn_with(answered: Sequence[Answered], batch: Batch) -> Tensor:
    """Log-probability [rows, window] that each token was drawn with."""
    return forward.spread(batch, torch.tensor([logprob for row in answered for logprob in row.logprobs], device=batch.mask.device))
