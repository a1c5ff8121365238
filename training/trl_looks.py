"""What TRL does not tell of a policy: its answers to held-out prompts, and at chosen distances people's work of comparing them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch

from training import ppo_forward, ppo_rollout, reward_scores
from training.audit import Audit
from training.online import Online
from training.ppo_generate import Answered, Asked
from training.ppo_networks import Networks
from training.recipes.ppo import SHOWN
from training.rundir import RunDir
from training.trl_answers import paid


class Looks:
    """Measures the policy of `nets` on held-out prompts, always with the same random numbers and never with those of training."""

    def __init__(self, run: RunDir, config: Online, nets: Networks, held_out: Sequence[Asked]):
        self.run, self.config, self.nets, self.held_out = run, config, nets, held_out
        self.audit = Audit(run, config, held_out)
        if self.audit.distances and held_out and nets.reference is None:
            run.message("No KL and no audits: with beta 0 and without LoRA nothing keeps the model as it came in.")

    def figures(self, step: int) -> dict[str, float]:
        """Told as `valid_…`: reward and its parts, KL in nats an answer, share of answers that ended, their mean length."""
        if not self.held_out:
            return {}
        with aside(self.nets.policy, self.run.seed):
            rows = self.answers(self.nets, self.held_out)
            pay, parts = paid(self.nets, self.config, rows)
            figures = {
                "valid_reward": sum(pay) / len(rows),
                "valid_eos_rate": sum(row.ended for row in rows) / len(rows),
                "valid_length": sum(len(row.ids) for row in rows) / len(rows),
                **{f"valid_{name}": mean for name, mean in parts.items()},
            }
            if self.nets.reference is not None:
                figures["valid_kl"] = self.kl(rows)
        self.run.metrics(step, **figures)
        self.show(step, rows, pay)
        if self.audit.due(figures.get("valid_kl", 0.0)) is not None:
            self.audit.log(step, figures["valid_kl"], self.compared(step))
        return figures

    def answers(self, nets: Networks, asked: Sequence[Asked]) -> list[Answered]:
        """One answer to each prompt, sampled as the rollouts are."""
        config = self.config
        return ppo_rollout.answer(nets, list(asked), config.temperature, config.max_new_tokens, config.batch_size)

    def kl(self, rows: Sequence[Answered]) -> float:
        """Mean over the answers of log π - log π_ref, in nats."""
        nets, config = self.nets, self.config
        batch = ppo_forward.pack(rows, nets.tokenizer.pad_token_id, nets.device)
        mine = ppo_rollout.share(batch, torch.arange(len(rows), device=nets.device))

        def said(network: Any) -> torch.Tensor:
            def look(part: ppo_forward.Batch) -> torch.Tensor:
                return ppo_forward.logprobs(nets, network, part, config.temperature)

            return ppo_rollout.looked_at(batch, mine, config.batch_size, look)

        return float((said(nets.policy) - said(nets.reference)).sum(-1).mean())

    def show(self, step: int, rows: Sequence[Answered], pay: Sequence[float]) -> None:
        """A few answers for the run's page."""
        samples = [
            {"prompt_id": row.asked.prompt_id, "messages": self.spoken(row), "reward": value}
            for row, value in list(zip(rows, pay, strict=True))[:SHOWN]
        ]
        self.run.event("samples", step=step, samples=samples)

    def spoken(self, row: Answered) -> list[dict[str, Any]]:
        """The answer alone."""
        return ppo_forward.said(self.nets.tokenizer, row)[-1:]

    # Audits -------------------------------------------------------------------------------------------------------------------

    def compared(self, step: int) -> list[dict[str, Any]]:
        """Answers of policy and reference to the prompts that people will see, with the scores that training climbs."""
        rows: list[dict[str, Any]] = [{"prompt_id": asked.prompt_id} for asked in self.audit.prompts]
        with aside(self.nets.policy, self.run.seed + step):
            for side, network in (("policy", self.nets.policy), ("reference", self.nets.reference)):
                made = self.answers(replace(self.nets, policy=network), self.audit.prompts)
                pay, _ = paid(self.nets, self.config, made, clip=math.inf)
                for row, answered, value in zip(rows, made, pay, strict=True):
                    row |= {side: self.spoken(answered), f"score_{side}": value}
                self.add_gold(rows, side, made)
        return rows

    def add_gold(self, rows: list[dict[str, Any]], side: str, made: Sequence[Answered]) -> None:
        """What a reward model says that training never climbs, where the run has one."""
        if (folder := self.run.input("gold")) is None:
            return
        chats = [ppo_forward.said(self.nets.tokenizer, answered) for answered in made]
        found = reward_scores.normalised(folder, chats, [answered.asked.tools for answered in made], self.config.batch_size)
        for row, value in zip(rows, found, strict=True):
            row[f"gold_{side}"] = value


@contextmanager
def aside(model: Any, seed: int) -> Iterator[None]:
    """Evaluation mode and random numbers of its own: training goes on as if nobody had looked."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model.eval()
        yield
    model.train()
