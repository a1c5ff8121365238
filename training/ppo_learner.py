"""PPO's learning: losses of a rollout, steps of both optimisers, and all the state that an exact resume needs."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from training import ppo_math, schema
from training.hf import SEGMENT, NotFinite, refuse_unlike
from training.ppo_rollout import POLICY, VALUE, Experience, Networks, values, window_logits
from training.rundir import RunDir

if TYPE_CHECKING:
    from training.recipes.ppo import Config

STATE, RNG = "state.pt", "rng_state.pth"


class Learner:
    """Two networks, their optimisers and the weight of the KL penalty, moved by one rollout at a time.

    `updates` counts the rollouts learned from, `asked` the prompts taken; `held_out` are the figures from before the first update.
    """

    def __init__(self, nets: Networks, config: Config):
        self.nets, self.config = nets, config
        self.policy_optimizer = torch.optim.Adam(nets.policy.parameters(), lr=config.learning_rate, eps=1e-5)
        self.value_optimizer = torch.optim.Adam(nets.value.parameters(), lr=config.value_learning_rate, eps=1e-5)
        self.kl = ppo_math.KLController(config.kl_coef, config.kl_target, config.kl_horizon)
        self.updates = self.asked = 0
        self.held_out: dict[str, float] = {}

    # Learning ---------------------------------------------------------------------------------------------------------------

    def learn(self, experience: Experience) -> dict[str, float]:
        """One update from one rollout: a few passes in shuffled minibatches. Returns what the steps said, on average."""
        config, mask = self.config, experience.batch.mask
        rewards = ppo_math.token_rewards(experience.scores, experience.logprobs, experience.reference, mask, self.kl.coef)
        advantages, returns = ppo_math.gae(rewards, experience.values, mask, config.gamma, config.lam)
        advantages = ppo_math.whiten(advantages, mask)
        self.set_rates()
        steps: list[dict[str, float]] = []
        for rows in self.minibatches(len(mask)):
            steps.append(self.step(experience, advantages, returns, rows))
            if steps[-1]["approx_kl"] > config.approx_kl_stop:
                break
        told = {name: sum(step[name] for step in steps) / len(steps) for name in steps[0]}
        told |= {"kl_coef": self.kl.coef, "explained_variance": explained(experience.values, returns, mask), "steps": len(steps)}
        self.kl.update(experience.kl, len(mask))
        self.updates += 1
        return told

    def minibatches(self, count: int) -> list[Tensor]:
        """Row numbers of every step of an update: each pass in an order of its own."""
        passes = [torch.randperm(count) for _ in range(self.config.epochs)]
        return [rows for order in passes for rows in order.split(self.config.minibatch_size)]

    def step(self, experience: Experience, advantages: Tensor, returns: Tensor, rows: Tensor) -> dict[str, float]:
        """A step of both optimisers on some rows, however few of them fit in memory at once.

        The policy rests while the critic warms up, and when these rows show that it has moved far enough in this update.
        """
        config = self.config
        told: dict[str, float] = defaultdict(float)
        tokens = experience.batch.mask[rows].sum()
        self.policy_optimizer.zero_grad()
        self.value_optimizer.zero_grad()
        for part in rows.split(config.batch_size):
            self.policy_backward(experience, advantages, part, tokens, told)
            self.value_backward(experience, returns, part, tokens, told)
        if not math.isfinite(told["policy_loss"] + told["value_loss"]):
            raise NotFinite(f"a loss is not finite at update {self.updates + 1}; lower the learning rates")
        if self.updates >= config.critic_warmup and told["approx_kl"] <= config.approx_kl_stop:
            told["gradient_norm"] = self.move(self.policy_optimizer, self.nets.policy)
        told["value_gradient_norm"] = self.move(self.value_optimizer, self.nets.value)
        return {"gradient_norm": 0.0, **told}

    def policy_backward(self, experience: Experience, advantages: Tensor, part: Tensor, tokens: Tensor, told: Any) -> None:
        """Adds these rows' share of the policy's gradient: a sum over their tokens by the tokens of the whole step."""
        batch, old, config = experience.batch.rows(part), experience.logprobs[part], self.config
        with torch.set_grad_enabled(self.updates >= config.critic_warmup):
            logits = window_logits(self.nets, self.nets.policy, batch)
            new = ppo_math.token_logprobs(logits, batch.tokens, config.temperature)
            loss = (ppo_math.policy_loss(new, old, advantages[part], config.clip) * batch.mask).sum() / tokens
        if loss.requires_grad:
            loss.backward()
        with torch.no_grad():
            clipped = (ppo_math.log_ratio(new, old).exp() - 1).abs() > config.clip
            told["policy_loss"] += loss.item()
            told["approx_kl"] += share(ppo_math.approximate_kl(new, old), batch.mask, tokens)
            told["clip_fraction"] += share(clipped, batch.mask, tokens)
            told["entropy"] += share(ppo_math.token_entropy(logits, config.temperature), batch.mask, tokens)

    def value_backward(self, experience: Experience, returns: Tensor, part: Tensor, tokens: Tensor, told: Any) -> None:
        """Adds these rows' share of the critic's gradient."""
        batch = experience.batch.rows(part)
        new = values(self.nets, batch)
        lost = ppo_math.value_loss(new, experience.values[part], returns[part], self.config.value_clip)
        loss = (lost * batch.mask).sum() / tokens
        (self.config.value_coef * loss).backward()
        told["value_loss"] += loss.item()

    def move(self, optimizer: Any, network: Any) -> float:
        """Cuts the gradient to its longest allowed length and steps; returns the length it had."""
        norm = float(torch.nn.utils.clip_grad_norm_(network.parameters(), self.config.max_grad_norm))
        if not math.isfinite(norm):
            raise NotFinite(f"the gradient's norm is {norm} at update {self.updates + 1}; lower the learning rates")
        optimizer.step()
        return norm

    def set_rates(self) -> None:
        """Both learning rates at this update: as configured, or falling in a line to zero after the last update."""
        left = 1 - self.updates / self.config.updates if self.config.schedule == "linear" else 1.0
        for optimizer, rate in (
            (self.policy_optimizer, self.config.learning_rate),
            (self.value_optimizer, self.config.value_learning_rate),
        ):
            for group in optimizer.param_groups:
                group["lr"] = rate * left

    # Checkpoints ------------------------------------------------------------------------------------------------------------

    def save(self, run: RunDir) -> None:
        """A whole checkpoint at a rollout's border: nothing of a half-learned rollout is ever kept."""
        with run.checkpoint(self.updates) as folder:
            self.nets.policy.save_pretrained(folder / POLICY)
            self.nets.value.save_pretrained(folder / VALUE)
            torch.save(self.state(), folder / STATE)
            torch.save({"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all()}, folder / RNG)
            (folder / SEGMENT).write_text(json.dumps(segment(run, self.config), sort_keys=True), encoding="utf-8")

    def state(self) -> dict[str, Any]:
        """What is not a network and not a random number."""
        return {
            "updates": self.updates,
            "asked": self.asked,
            "kl_coef": self.kl.coef,
            "held_out": self.held_out,
            "policy_optimizer": self.policy_optimizer.state_dict(),
            "value_optimizer": self.value_optimizer.state_dict(),
        }

    def restore(self, folder: Path) -> None:
        """The state of a checkpoint whose networks are already in place; random numbers last, so that nothing draws between."""
        state = torch.load(folder / STATE, map_location=self.nets.device, weights_only=True)
        self.updates, self.asked, self.held_out = state["updates"], state["asked"], state["held_out"]
        self.kl.coef = state["kl_coef"]
        self.policy_optimizer.load_state_dict(state["policy_optimizer"])
        self.value_optimizer.load_state_dict(state["value_optimizer"])
        rng = torch.load(folder / RNG, weights_only=True)
        torch.set_rng_state(rng["cpu"])
        torch.cuda.set_rng_state_all(rng["cuda"])


def segment(run: RunDir, config: Config) -> dict[str, Any]:
    """What must be the same for a checkpoint to continue."""
    return {**schema.as_dict(config), "seed": run.seed, "inputs": run.spec["inputs"]}


def resumable(run: RunDir, config: Config) -> Path | None:
    """The newest whole checkpoint, None at the start. NotResumable where going on would not be exact."""
    found = run.latest_checkpoint()
    if found is not None:
        refuse_unlike(found, segment(run, config), [POLICY, VALUE, STATE, RNG])
    return found


def share(values: Tensor, mask: Tensor, tokens: Tensor) -> float:
    """These rows' share of a mean over all tokens of a step."""
    return float((values * mask).sum() / tokens)


def explained(expected: Tensor, returns: Tensor, mask: Tensor) -> float:
    """Share of the returns' variance that the critic foresaw: 1 is all, 0 no better than their mean."""
    variance = ppo_math.masked_mean((returns - ppo_math.masked_mean(returns, mask)) ** 2, mask)
    return float(1 - ppo_math.masked_mean((returns - expected) ** 2, mask) / (variance + 1e-8))
