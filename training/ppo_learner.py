"""PPO's learning: losses of a rollout, steps of both optimisers, and all the state that an exact resume needs."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from training import ppo_forward as forward
from training import ppo_guards, ppo_math, processes, schema
from training.hf import NotFinite
from training.ppo_forward import Batch
from training.ppo_networks import POLICY, VALUE, Networks, recomputing
from training.ppo_rollout import Experience, share
from training.resuming import SEGMENT, refuse_unlike
from training.rundir import RunDir, rank

if TYPE_CHECKING:
    from training.recipes.ppo import Config

STATE, RNG = "state.pt", "rng_state.pth"


class Learner:
    """Two networks, their optimisers and the weight of the KL penalty, moved by one rollout at a time.

    `updates` counts the rollouts learned from, `asked` the prompts taken; `held_out` are the figures from before the first update.
    """

    def __init__(self, nets: Networks, config: Config):
        self.nets, self.config = nets, config
        self.policy_optimizer = adam(nets.policy, config.learning_rate)
        self.value_optimizer = adam(nets.value, config.value_learning_rate)
        self.kl = ppo_math.KLController(config.kl_coef, config.kl_target, config.kl_horizon)
        self.updates = self.asked = 0
        self.held_out: dict[str, float] = {}
        self.watch = ppo_guards.Watch(ppo_guards.limits(config))

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
        passes = [torch.randperm(count).to(self.nets.device) for _ in range(self.config.epochs)]
        return [rows for order in passes for rows in order.split(self.config.minibatch_size)]

    def step(self, experience: Experience, advantages: Tensor, returns: Tensor, rows: Tensor) -> dict[str, float]:
        """A step of both optimisers on some rows, shared out among the processes, however few of them fit in memory at once.

        The policy rests while the critic warms up, and when these rows show that it has moved far enough in this update.
        """
        told = self.policy_gradient(experience, advantages, rows)
        moves = self.updates >= self.config.critic_warmup and told["approx_kl"] <= self.config.approx_kl_stop
        told["gradient_norm"] = self.move(self.policy_optimizer) if moves else 0.0
        self.policy_optimizer.zero_grad()  # before the critic's gradient takes as much memory
        told["value_loss"] = self.value_gradient(experience, returns, rows)
        told["value_gradient_norm"] = self.move(self.value_optimizer)
        self.value_optimizer.zero_grad()
        return told

    def policy_gradient(self, experience: Experience, advantages: Tensor, rows: Tensor) -> dict[str, float]:
        """The gradient of the mean loss over all tokens of these rows; what they say of the policy.

        Where it rests, nothing is asked of it: its log-probabilities are still those of the rollout.
        """
        config, nets, batch = self.config, self.nets, experience.batch
        tokens, sums = batch.mask[rows].sum(), torch.zeros(3, device=rows.device)

        def loss(new: Tensor, old: Tensor, gain: Tensor) -> Tensor:
            return ppo_math.policy_loss(new, old, gain, config.clip).sum() / tokens

        with recomputing(nets.policy, config.gradient_checkpointing):
            for part in self.parts(batch, rows):
                mask = batch.mask[part]
                new = old = experience.logprobs[part][mask]
                gain = advantages[part][mask]
                if self.updates >= config.critic_warmup:
                    new = forward.backward_by_token(nets, nets.policy, batch.rows(part), config.temperature, loss, old, gain)
                moved = ppo_math.approximate_kl(new, old).sum() / tokens
                clipped = ((ppo_math.log_ratio(new, old).exp() - 1).abs() > config.clip).sum() / tokens
                sums += torch.stack([loss(new, old, gain), moved, clipped])
        names = ("policy_loss", "approx_kl", "clip_fraction")
        told = dict(zip(names, processes.summed(sums, sums.device), strict=True))
        self.finite(told["policy_loss"])
        return told

    def value_gradient(self, experience: Experience, returns: Tensor, rows: Tensor) -> float:
        """The gradient of the critic's mean loss over all tokens of these rows; that loss."""
        batch = experience.batch
        tokens, total = batch.mask[rows].sum(), torch.zeros(1, device=rows.device)
        with recomputing(self.nets.value, self.config.gradient_checkpointing):
            for part in self.parts(batch, rows):
                mask = batch.mask[part]
                new = forward.token_values(self.nets, batch.rows(part))
                lost = ppo_math.value_loss(new, experience.values[part][mask], returns[part][mask], self.config.value_clip)
                loss = lost.sum() / tokens
                (self.config.value_coef * loss).backward()
                total += loss.detach()
        return self.finite(processes.summed(total, total.device)[0])

    def finite(self, loss: float) -> float:
        """The loss, unless learning from it would spoil the weights."""
        if not math.isfinite(loss):
            raise NotFinite(f"a loss is {loss} at update {self.updates + 1}; lower the learning rates")
        return loss

    def parts(self, batch: Batch, rows: Tensor) -> list[Tensor]:
        """This process' share of some rows, in groups that fit in memory together."""
        return batch.parts(share(batch, rows), self.config.batch_size)

    def move(self, optimizer: Any) -> float:
        """Cuts the gradient, summed over all processes, to its longest allowed length and steps; returns the length it had."""
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        for parameter in parameters:
            if parameter.grad is None:  # a process that had no rows of this step
                parameter.grad = torch.zeros_like(parameter)
        processes.add_up(parameter.grad for parameter in parameters)
        norm = float(torch.nn.utils.clip_grad_norm_(parameters, self.config.max_grad_norm))
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
        """A whole checkpoint at a rollout's border: nothing of a half-learned rollout is ever kept. The same in every process."""
        if rank() == 0:
            self.write(run)
        processes.barrier()

    def write(self, run: RunDir) -> None:
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
            "guards": self.watch.state(),
            "policy_optimizer": self.policy_optimizer.state_dict(),
            "value_optimizer": self.value_optimizer.state_dict(),
        }

    def restore(self, folder: Path) -> None:
        """The state of a checkpoint whose networks are already in place; random numbers last, so that nothing draws between."""
        state = torch.load(folder / STATE, map_location=self.nets.device, weights_only=True)
        self.updates, self.asked, self.held_out = state["updates"], state["asked"], state["held_out"]
        self.kl.coef = state["kl_coef"]
        self.watch.restore(state["guards"])
        self.policy_optimizer.load_state_dict(state["policy_optimizer"])
        self.value_optimizer.load_state_dict(state["value_optimizer"])
        rng = torch.load(folder / RNG, weights_only=True)
        torch.set_rng_state(rng["cpu"])
        torch.cuda.set_rng_state_all(rng["cuda"])


def segment(run: RunDir, config: Config) -> dict[str, Any]:
    """What must be the same for a checkpoint to continue."""
    return {**schema.as_dict(config), "seed": run.seed, "inputs": run.spec["inputs"], "processes": processes.count()}


def resumable(run: RunDir, config: Config) -> Path | None:
    """The newest whole checkpoint, None at the start. NotResumable where going on would not be exact."""
    found = run.latest_checkpoint()
    if found is not None:
        refuse_unlike(found, segment(run, config), lambda _processes: [POLICY, VALUE, STATE, RNG])
    return found


def adam(network: Any, rate: float) -> torch.optim.Optimizer:
    """The optimiser of what learns in a network; eps as in Huang et al. 2024. Fused: one pass over the weights."""
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    return torch.optim.Adam(learning, lr=rate, eps=1e-5, fused=True)


def explained(expected: Tensor, returns: Tensor, mask: Tensor) -> float:
    """Share of the returns' variance that the critic foresaw: 1 is all, 0 no better than their mean."""
    variance = ppo_math.masked_mean((returns - ppo_math.masked_mean(returns, mask)) ** 2, mask)
    return float(1 - ppo_math.masked_mean((returns - expected) ** 2, mask) / (variance + 1e-8))
