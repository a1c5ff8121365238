"""The mathematics of PPO on text. Pure functions on tensors; shapes are [rows, tokens], a mask is true on an answer's tokens.

Position t of every tensor belongs to the t-th token that the window predicts: its log-probability, and the value of the state
before it. An answer is a run of true positions in its row of the mask.

Sources: PPO, Schulman et al. 2017 (eq. 7); GAE, Schulman et al. 2016 (eq. 16); KL in the reward and its controller, Ziegler et al.
2019 (§2.2); value clipping and whitening, Huang et al. 2024, "The N+ Implementation Details of RLHF with PPO".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

LOG_RATIO_MOST = 20.0  # exp(20) is far beyond any clip; without it one token can overflow a whole batch


class _ChosenLogprobs(torch.autograd.Function):
    """Log-softmax of which one entry a row is wanted. It keeps the logits and makes their gradient in one pass: (1[chosen] - p) g.

    Autograd would keep or make four tensors of this size, the largest there is.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, tokens: Tensor) -> Tensor:
        total = logits.logsumexp(-1, keepdim=True)
        ctx.save_for_backward(logits, total, tokens)
        return (logits.gather(-1, tokens.unsqueeze(-1)) - total).squeeze(-1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        logits, total, tokens = ctx.saved_tensors
        gradient = gradients[0].unsqueeze(-1)
        chances = (logits - total).exp_().mul_(-gradient)
        return chances.scatter_add_(-1, tokens.unsqueeze(-1), gradient), None


def token_logprobs(logits: Tensor, tokens: Tensor, temperature: float) -> Tensor:
    """Log-probability of each of `tokens` [...] under `logits` [..., vocabulary], sampled at `temperature`. Float32."""
    scaled = logits.float() if temperature == 1 else logits.float() / temperature
    return cast(Tensor, _ChosenLogprobs.apply(scaled, tokens))


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the true positions of the whole batch: every token counts the same, whatever its row's length."""
    return (values * mask).sum() / mask.sum()


def whiten(values: Tensor, mask: Tensor) -> Tensor:
    """Values shifted and scaled to mean 0 and variance 1 over the true positions, 0 elsewhere."""
    mean = masked_mean(values, mask)
    variance = masked_mean((values - mean) ** 2, mask)
    return (values - mean) * (variance + 1e-8).rsqrt() * mask


def last_true(mask: Tensor) -> Tensor:
    """Index [rows] of each row's last true position: the end token of an answer that ended."""
    places = torch.arange(mask.shape[1], device=mask.device)
    return (places * mask).argmax(-1)


def normalised(raw: Tensor, mean: float, std: float, clip: float) -> Tensor:
    """Scores [rows] in units of the reward model's spread, clipped to ±`clip`."""
    return ((raw - mean) / std).clamp(-clip, clip)


def or_unended(scores: Tensor, ended: Tensor, unended: float) -> Tensor:
    """Scores [rows], and `unended` instead where an answer did not end by itself."""
    return torch.where(ended, scores, torch.full_like(scores, unended))


def token_rewards(scores: Tensor, logprobs: Tensor, reference: Tensor, mask: Tensor, kl_coef: float) -> Tensor:
    """Minus `kl_coef` times the k1 estimate (log π - log π_ref) on every token of an answer, and its score on the last one."""
    rewards = -kl_coef * (logprobs - reference) * mask
    rewards[torch.arange(len(rewards), device=rewards.device), last_true(mask)] += scores
    return rewards


def gae(rewards: Tensor, values: Tensor, mask: Tensor, gamma: float, lam: float) -> tuple[Tensor, Tensor]:
    """Advantages and returns. The state after an answer's last token is worth 0, cut answers included."""
    values = values * mask
    advantages = torch.zeros_like(rewards)
    ahead = torch.zeros_like(rewards[:, 0])
    for t in reversed(range(rewards.shape[1])):
        after = values[:, t + 1] if t + 1 < rewards.shape[1] else torch.zeros_like(ahead)
        ahead = (rewards[:, t] + gamma * after - values[:, t] + gamma * lam * ahead) * mask[:, t]
        advantages[:, t] = ahead
    return advantages, advantages + values


def log_ratio(new: Tensor, old: Tensor) -> Tensor:
    """log π_new - log π_old, kept within ±20."""
    return (new - old).clamp(-LOG_RATIO_MOST, LOG_RATIO_MOST)


def policy_loss(new: Tensor, old: Tensor, advantages: Tensor, clip: float) -> Tensor:
    """PPO's clipped surrogate for each token, to be minimised: max(-A·ratio, -A·clip(ratio, 1±clip))."""
    ratio = log_ratio(new, old).exp()
    return torch.maximum(-advantages * ratio, -advantages * ratio.clamp(1 - clip, 1 + clip))


def value_loss(new: Tensor, old: Tensor, returns: Tensor, clip: float) -> Tensor:
    """Half the squared error for each token, the worse of the value and the value kept within ±clip of the old one."""
    kept = old + (new - old).clamp(-clip, clip)
    return 0.5 * torch.maximum((new - returns) ** 2, (kept - returns) ** 2)


def approximate_kl(new: Tensor, old: Tensor) -> Tensor:
    """Schulman's k3 estimate of KL(π_old ‖ π_new) for each token sampled from π_old: never negative."""
    ratio = log_ratio(new, old)
    return ratio.exp() - 1 - ratio


@dataclass
class KLController:
    """The weight of the KL penalty. With a target it follows Ziegler et al. 2019, §2.2, a fifth of a step at most."""

    coef: float
    target: float | None = None
    horizon: int = 10_000

    def update(self, kl: float, answers: int) -> None:
        """Moves the weight after `answers` answers whose mean KL was `kl` nats."""
        if self.target is not None:
            error = min(max(kl / self.target - 1, -0.2), 0.2)
            self.coef *= 1 + error * answers / self.horizon
