"""Looks at a policy while it learns online: its answers to held-out prompts, and at chosen distances people's comparisons of them.

Shared by ppo, grpo and rloo, with the same figures for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Protocol

import torch

from training import ppo_forward, ppo_rollout, reward_scores
from training.audit import Audit, Audited
from training.ppo_generate import Asked
from training.ppo_networks import Networks
from training.ppo_rollout import Rollout, Sampling
from training.rundir import RunDir

SHOWN = 3
HELD_OUT = "valid_"


class Watched(Sampling, Audited, Protocol):
    """What a Config has whose policy is looked at."""

    held_out: int


class Looks:
    """Looks at the policy of `nets` in evaluation mode, with random numbers aside: training goes on as if nobody had looked."""

    def __init__(self, run: RunDir, config: Watched, nets: Networks, held_out: Sequence[Asked]):
        self.run, self.config, self.nets, self.held_out = run, config, nets, held_out
        self.audit = Audit(run, config, held_out)
        if self.audit.distances and held_out and nets.reference is None:
            run.message("No KL and no audits: with beta 0 and without LoRA nothing keeps the model as it came in.")

    def measure(self, step: int) -> dict[str, float]:
        """Figures of the policy on held-out prompts, told as `valid_…`, always from the same seed; a few answers are shown.

        Reward and its parts, KL in nats an answer where there is a reference, entropy, share of answers that ended, mean length.
        """
        prompts = self.held_out[: self.config.held_out]
        if not prompts:
            return {}
        with aside(self.nets.policy, self.run.seed):
            rollout = ppo_rollout.rollout(self.config, self.nets, prompts)
            figures = rollout.figures()
            if self.nets.reference is not None:
                figures["kl"] = rollout.kl_to(ppo_rollout.logprobs_of(self.config, self.nets, self.nets.reference, rollout.batch))
        told = {f"{HELD_OUT}{name}": value for name, value in figures.items()}
        self.run.metrics(step, **told)
        self.show(step, rollout)
        return told

    def show(self, step: int, rollout: Rollout) -> None:
        """A few answers for the run's page."""
        rows = list(zip(rollout.answered, self.chats(rollout), rollout.scores.tolist(), strict=True))[:SHOWN]
        samples = [{"prompt_id": row.asked.prompt_id, "messages": chat[-1:], "reward": score} for row, chat, score in rows]
        self.run.event("samples", step=step, samples=samples)

    def ask_people(self, step: int, kl: float) -> None:
        """Logs answers of policy and reference for people to compare, where the policy has come to a distance that asks for it."""
        if self.audit.due(kl) is None:
            return
        sides: dict[str, list[dict[str, Any]]] = {}
        # One stream of random numbers for both: the same ones for either would pair like answers with like.
        with aside(self.nets.policy, self.run.seed + step + 1):
            for side, network in (("policy", self.nets.policy), ("reference", self.nets.reference)):
                nets = replace(self.nets, policy=network)
                sides[side] = self.judged(side, ppo_rollout.rollout(self.config, nets, self.audit.prompts, clip=math.inf))
        rows = [{**ours, **theirs} for ours, theirs in zip(sides["policy"], sides["reference"], strict=True)]
        self.audit.log(step, kl, rows)

    def judged(self, side: str, rollout: Rollout) -> list[dict[str, Any]]:
        """One side of the audit's rows: the answer alone, its score, and that of the model that training never climbs."""
        chats = self.chats(rollout)
        rows: list[dict[str, Any]] = [
            {"prompt_id": row.asked.prompt_id, side: chat[-1:], f"score_{side}": score}
            for row, chat, score in zip(rollout.answered, chats, rollout.scores.tolist(), strict=True)
        ]
        if gold := self.run.input("gold"):
            tools = [row.asked.tools for row in rollout.answered]
            found = reward_scores.normalised(gold, chats, tools, self.config.batch_size)
            rows = [{**row, f"gold_{side}": value} for row, value in zip(rows, found, strict=True)]
        return rows

    def chats(self, rollout: Rollout) -> list[list[dict[str, Any]]]:
        """Each chat with its answer."""
        return [ppo_forward.said(self.nets.tokenizer, row) for row in rollout.answered]


def gain(start: Mapping[str, float], end: Mapping[str, float]) -> dict[str, float]:
    """A card's figures of the policy as it goes out, its reward beside that of the model as it came in: two looks of one seed."""
    figures = {name.removeprefix(HELD_OUT): value for name, value in end.items()}
    if figures:
        figures |= {"reward_start": start[f"{HELD_OUT}reward"], "reward_end": figures.pop("reward")}
    return figures


@contextmanager
def aside(policy: Any, seed: int) -> Iterator[None]:
    """Evaluation mode and random numbers from this seed inside, what was before again after it."""
    training = policy.training
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        policy.eval()
        yield
        policy.train(training)
