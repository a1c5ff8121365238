"""The mathematics of learning from preferences. Pure functions on tensors, float32, one number a pair or row in and one out.

Every pairwise loss is a function of one difference between chosen and rejected, so a soft label P(chosen is better) = p means the
same in all: the loss expected under it, p·ℓ(chosen, rejected) + (1 − p)·ℓ(rejected, chosen). The order of arguments says which
answer is taken to be the better one.

Sources: DPO, Rafailov et al. 2023; IPO, Azar et al. 2024; hinge, Zhao et al. 2023 (SLiC-HF); conservative DPO, Mitchell 2023;
robust DPO, Chowdhury et al. 2024; offset, Amini et al. 2024 (ODPO); KTO, Ethayarajh et al. 2024; ORPO, Hong et al. 2024; SimPO,
Meng et al. 2024.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

# The likeliest that an answer's tokens may be on average, for its odds to be a number: 1 − 1e-6.
MOST_LOGPROB = -1e-6

Pairwise = Callable[[Tensor, Tensor], Tensor]


def expected(loss: Pairwise, chosen: Tensor, rejected: Tensor, probability: Tensor) -> Tensor:
    """The loss [pairs] that is to be expected when the chosen answer is the better one with this probability."""
    return probability * loss(chosen, rejected) + (1 - probability) * loss(rejected, chosen)


def smoothed(probability: Tensor, flipped: float) -> Tensor:
    """P(chosen is better) when a share `flipped` of all labels is wrong: conservative DPO (Mitchell 2023), for soft labels too."""
    return probability * (1 - flipped) + (1 - probability) * flipped


# With a reference: the arguments are log π/π_ref of whole answers, in nats ---------------------------------------------------


def sigmoid(better: Tensor, worse: Tensor, beta: float, offset: Tensor | float = 0.0) -> Tensor:
    """−log σ(β(better − worse) − offset): Rafailov et al. 2023, eq. 7; with an offset Amini et al. 2024."""
    return -logsigmoid(beta * (better - worse) - offset)


def ipo(better: Tensor, worse: Tensor, beta: float) -> Tensor:
    """(better − worse − 1/(2β))²: Azar et al. 2024, eq. 17, of whole answers as there (not of their tokens' means)."""
    return (better - worse - 1 / (2 * beta)) ** 2


def hinge(better: Tensor, worse: Tensor, beta: float, offset: Tensor | float = 0.0) -> Tensor:
    """max(0, 1 + offset − β(better − worse)): Zhao et al. 2023, eq. 1, on log-probabilities relative to the reference."""
    return (1 + offset - beta * (better - worse)).relu()


def robust(better: Tensor, worse: Tensor, beta: float, flipped: float, offset: Tensor | float = 0.0) -> Tensor:
    """The unbiased loss under labels of which a share `flipped` < ½ is wrong: Chowdhury et al. 2024.

    [(1 − ε)·ℓ(better, worse) − ε·ℓ(worse, better)] / (1 − 2ε), whose mean over such labels is the mean of ℓ over true ones.
    """
    right, wrong = sigmoid(better, worse, beta, offset), sigmoid(worse, better, beta, offset)
    return ((1 - flipped) * right - flipped * wrong) / (1 - 2 * flipped)


def kto(ratio: Tensor, kl: Tensor, desirable: Tensor, beta: float, weights: tuple[float, float]) -> Tensor:
    """λ_D(1 − σ(β(ratio − kl))) of desirable rows, λ_U(1 − σ(β(kl − ratio))) of the others: Ethayarajh et al. 2024, eq. 8.

    ratio [rows]: log π/π_ref of an answer. kl: the reference point z0, nats, through which no gradient may flow.
    desirable [rows]: bool. weights: (λ_D, λ_U).
    """
    gain = torch.where(desirable, ratio - kl, kl - ratio)
    weight = torch.where(desirable, weights[0], weights[1])
    return weight * (1 - torch.sigmoid(beta * gain))


def reference_point(total: Tensor, rows: Tensor) -> Tensor:
    """KTO's z0 from the sum of log π/π_ref over so many answers to other prompts: their mean, never below 0."""
    return (total / rows.clamp(min=1)).clamp(min=0)


# Without a reference: the arguments are means over an answer's tokens of log π, in nats ----------------------------------------


def nll(better: Tensor, worse: Tensor) -> Tensor:
    """−better: what fine-tuning on the better answer alone loses, in nats a token (Hong et al. 2024, eq. 2; Pang et al. 2024)."""
    return -better


def log_odds(logprob: Tensor) -> Tensor:
    """log(P / (1 − P)) of P = exp(logprob): Hong et al. 2024, eq. 4."""
    logprob = logprob.clamp(max=MOST_LOGPROB)
    return logprob - torch.log(-torch.expm1(logprob))


def odds_ratio(better: Tensor, worse: Tensor) -> Tensor:
    """−log σ(log odds(better) − log odds(worse)): Hong et al. 2024, eq. 7."""
    return -logsigmoid(log_odds(better) - log_odds(worse))


def simpo(better: Tensor, worse: Tensor, beta: float, gamma: Tensor | float) -> Tensor:
    """−log σ(β·better − β·worse − γ): Meng et al. 2024, eq. 6."""
    return -logsigmoid(beta * (better - worse) - gamma)
