"""PPO's experience: the policy answers prompts, and every network says what it thinks of each token of the answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from training import ppo_forward as forward
from training import ppo_math, ppo_rewards, processes, rewards
from training.ppo_forward import Batch
from training.ppo_generate import Answered, Asked, answers
from training.ppo_networks import Networks
from training.rundir import rank

DECODED = 8  # times as many rows are decoded at once as learned from: a cached token is a tenth of what a gradient keeps of it


@dataclass
class Experience:
    """One rollout, of all processes. [rows]: scores, shaped. [rows, window]: logprobs, reference, values, 0 beyond an answer's end.

    parts: each reward's mean before its weight, as `reward_NAME`. `kl` is in nats an answer. gap: mean difference of a token's
    log-probability when it was drawn and in a forward over the whole answer, where the latter was made.
    """

    answered: list[Answered]
    batch: Batch
    scores: Tensor
    logprobs: Tensor
    reference: Tensor
    values: Tensor
    parts: dict[str, float] = field(default_factory=dict)
    gap: float | None = None

    @property
    def kl(self) -> float:
        """Mean over the answers of log π - log π_ref, summed over their tokens."""
        return float((self.logprobs - self.reference).sum(-1).mean())

    @property
    def entropy(self) -> float:
        """Mean entropy in nats of what each token was drawn from."""
        drawn = [entropy for row in self.answered for entropy in row.entropies]
        return sum(drawn) / max(len(drawn), 1)

    def figures(self) -> dict[str, float]:
        """What a rollout is told by: reward, KL, entropy, share of answers that ended, mean length in tokens."""
        return {
            "reward": float(self.scores.mean()),
            "kl": self.kl,
            "entropy": self.entropy,
            "eos_rate": sum(row.ended for row in self.answered) / len(self.answered),
            "length": float(self.batch.mask.sum(-1).float().mean()),
            **self.parts,
            **({} if self.gap is None else {"sampling_gap": self.gap}),
        }


def gather(
    nets: Networks,
    prompts: Sequence[Asked],
    *,
    weights: Mapping[str, float],
    temperature: float,
    most: int,
    at_once: int,
    clip: float,
    unended: float,
) -> Experience:
    """The policy answers the prompts; rewards, reference and critic look at the answers, `at_once` rows at a time.

    Every process does its share and all have the whole rollout in the end, so that what is learned does not depend on how many
    processes there are.
    """
    answered = answer(nets, prompts, temperature, most, at_once)
    batch = forward.pack(answered, nets.tokenizer.pad_token_id, nets.device)
    mine = share(batch, torch.arange(len(answered), device=nets.device))
    model = None
    if rewards.MODEL in weights:
        raw = torch.zeros(len(answered), device=nets.device)
        raw[mine] = forward.scores(nets, [answered[row] for row in mine.tolist()], at_once)
        processes.add_up([raw])
        model = ppo_math.normalised(raw, nets.mean, nets.std, clip)
    pay, parts = ppo_rewards.paid(nets.tokenizer, answered, weights, model=model, unended=unended)
    logprobs, gap = drawn_with(answered, batch), None
    if nets.device.type != "cpu":
        # In bfloat16 a token's chance in decoding is not quite its chance in training: only the latter may stand in a ratio.
        again = looked_at(batch, mine, at_once, lambda part: forward.logprobs(nets, nets.policy, part, temperature))
        gap, logprobs = float(ppo_math.masked_mean((again - logprobs).abs(), batch.mask)), again
    reference = looked_at(batch, mine, at_once, lambda part: forward.logprobs(nets, nets.reference, part, temperature))
    values = looked_at(batch, mine, at_once, lambda part: forward.values(nets, part))
    return Experience(answered, batch, pay.to(nets.device), logprobs, reference, values, parts, gap)


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


def share(batch: Batch, which: Tensor) -> Tensor:
    """This process' part of some rows: of every length as many as the others have."""
    order = which[batch.lengths[which].argsort(descending=True, stable=True)]
    return order[rank() :: processes.count()]


def looked_at(batch: Batch, mine: Tensor, at_once: int, look: Callable[[Batch], Tensor]) -> Tensor:
    """What `look` says [rows, window] of rows together, of all rows: each process asks for its own."""
    found = torch.zeros(batch.mask.shape, device=batch.mask.device)
    for rows in batch.parts(mine, at_once):
        told = look(batch.rows(rows))
        found[rows, : told.shape[1]] = told
    processes.add_up([found])
    return found


def drawn_with(answered: Sequence[Answered], batch: Batch) -> Tensor:
    """Log-probability [rows, window] that each token was drawn with."""
    return forward.spread(batch, torch.tensor([logprob for row in answered for logprob in row.logprobs], device=batch.mask.device))
