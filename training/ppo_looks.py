"""Looks at PPO while it learns: its answers to held-out prompts, and at chosen distances people's work of comparing them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch

from training import ppo_forward, ppo_rollout, reward_scores, rewards
from training.audit import Audit
from training.ppo_generate import Asked
from training.ppo_networks import Networks
from training.ppo_rollout import Experience
from training.recipes.ppo import SHOWN, Config
from training.rundir import RunDir


class Looks:
    """Looks at the policy of `nets` with random numbers of its own: the rollouts go on as if nobody had looked."""

    def __init__(self, run: RunDir, config: Config, nets: Networks, held_out: Sequence[Asked]):
        self.run, self.config, self.nets, self.held_out = run, config, nets, held_out
        self.audit = Audit(run, config, held_out)

    def measure(self, updates: int) -> dict[str, float]:
        """Figures of the policy on held-out prompts, always from the same seed, told as `valid_…`; a few answers are shown."""
        prompts = self.held_out[: self.config.held_out]
        if not prompts:
            return {}
        with aside(self.run.seed):
            experience = gather(self.config, self.nets, prompts)
        figures = experience.figures()
        self.run.metrics(updates, **{f"valid_{name}": value for name, value in figures.items()})
        rows = list(zip(self.said(experience), experience.scores.tolist(), prompts, strict=True))[:SHOWN]
        samples = [{"prompt_id": asked.prompt_id, "messages": chat[-1:], "reward": score} for chat, score, asked in rows]
        self.run.event("samples", step=updates, samples=samples)
        return figures

    def ask_people(self, updates: int, kl: float) -> None:
        """Logs answers of policy and reference for people to compare, where the policy has come to a distance that asks for it."""
        if self.audit.due(kl) is None:
            return
        sides: dict[str, list[dict[str, Any]]] = {}
        # One stream of random numbers for both: the same ones for either would pair like answers with like.
        with aside(self.run.seed + updates + 1):
            for side, network in (("policy", self.nets.policy), ("reference", self.nets.reference)):
                experience = gather(self.config, replace(self.nets, policy=network), self.audit.prompts, clip=math.inf)
                sides[side] = self.judged(side, experience)
        rows = [{**ours, **theirs} for ours, theirs in zip(sides["policy"], sides["reference"], strict=True)]
        self.audit.log(updates, kl, rows)

    def judged(self, side: str, experience: Experience) -> list[dict[str, Any]]:
        """One side of the audit's rows: the answer alone, its score, and that of the model that training never climbs."""
        chats = self.said(experience)
        rows: list[dict[str, Any]] = [
            {"prompt_id": row.asked.prompt_id, side: chat[-1:], f"score_{side}": score}
            for row, chat, score in zip(experience.answered, chats, experience.scores.tolist(), strict=True)
        ]
        if gold := self.run.input("gold"):
            tools = [row.asked.tools for row in experience.answered]
            found = reward_scores.normalised(gold, chats, tools, self.config.batch_size)
            rows = [{**row, f"gold_{side}": value} for row, value in zip(rows, found, strict=True)]
        return rows

    def said(self, experience: Experience) -> list[list[dict[str, Any]]]:
        """Each chat with its answer."""
        return [ppo_forward.said(self.nets.tokenizer, row) for row in experience.answered]


def gather(config: Config, nets: Networks, prompts: Sequence[Asked], clip: float | None = None) -> Experience:
    """A rollout as the config wants it; `clip`: another bound of the reward model's scores."""
    return ppo_rollout.gather(
        nets,
        prompts,
        weights=rewards.parse(config.rewards),
        temperature=config.temperature,
        most=config.max_new_tokens,
        at_once=config.batch_size,
        clip=config.reward_clip if clip is None else clip,
        unended=config.no_end,
    )


@contextmanager
def aside(seed: int) -> Iterator[None]:
    """Random numbers from this seed inside, and those of before again after it."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield
