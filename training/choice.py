"""How likely people's rankings are under scores: Plackett–Luce with ties over k answers, Bradley–Terry over pairs, soft labels.

The model of rankings is the one by which raters are judged (`annotation/quality/davidson_luce.py`): of the answers R that are left,
the best tier S is picked with probability exp(mean score in S + τ (|S| − 1)) / the same summed over every S' ⊆ R, then one goes on
without S (Firth, Kosmidis & Turner 2019, "Davidson-Luce model for multi-item choice with ties", § 2). Two answers without ties are
Bradley & Terry 1952, two with ties Davidson 1970 (ν = exp τ), rankings without ties Plackett 1975 and Luce 1959. The sum over the
tiers of d answers is the elementary symmetric polynomial of order d in exp(score / d), so no tier is ever listed.

Shapes: J judgements of a batch, K answers of the largest; places that a judgement does not fill have tier −1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from training import judgements
from training.judgements import Ranking, Task

UNFILLED = -1
TIE = "tie"
AT_ONCE = 256  # held-out judgements whose likelihood is reckoned together


@dataclass(frozen=True)
class Loss:
    """What a reward model learns from rankings. `name`: plackett_luce, bradley_terry or soft; no tier is larger than `largest`.

    `margin`: by how much more a better answer must lead for each grade between the two: −log σ(r_a − r_b − m) for a pair
    (Touvron et al. 2023, § 3.2.2). `centring`: weight of the mean of (r_a + r_b)² (Eisenstein et al. 2023, "Helping or herding?").
    """

    name: str
    largest: int = 1
    margin: float = 0.0
    centring: float = 0.0

    def nats(self, scores: Tensor, batch: dict[str, Tensor], tie: Tensor | None) -> Tensor:
        """Nats [J] of the judgements of a batch under the scores of all its answers [answers], each times its weight."""
        led = scores[batch["answers"]] - self.margin * batch["grades"]
        found = plackett_luce(led, batch, tie, self.largest) if self.name == "plackett_luce" else pairwise(led, batch["better"])
        return found * batch["weight"]

    def __call__(self, scores: Tensor, batch: dict[str, Tensor], tie: Tensor | None) -> Tensor:
        """The mean over the judgements of a batch, centring with it: what is learned from."""
        found = self.nats(scores, batch, tie)
        if self.centring:
            found = found + self.centring * off_centre(scores[batch["answers"]], batch["tiers"] != UNFILLED)
        return found.mean()


def tensors(rankings: Sequence[Ranking], starts: Sequence[int]) -> dict[str, Tensor]:
    """The rankings of a batch; `starts`: where each one's answers begin among the batch's.

    answers, tiers, grades [J, K]; weight, open_end [J]; better [J, K, K]: P(row better than column), 0 where it is not known.
    """
    longest = max(len(ranking.places) for ranking in rankings)

    def padded(rows: Iterable[Iterable[float]], fill: float) -> list[list[float]]:
        return [[*row, *[fill] * (longest - len(row))] for row in map(list, rows)]

    return {
        "answers": torch.tensor(
            padded(([start + place for place in one.places] for one, start in zip(rankings, starts, strict=True)), 0)
        ),
        "tiers": torch.tensor(padded((one.tiers for one in rankings), UNFILLED)),
        "grades": torch.tensor(padded((one.grades for one in rankings), 0.0), dtype=torch.float32),
        "weight": torch.tensor([one.weight for one in rankings], dtype=torch.float32),
        "open_end": torch.tensor([one.open_end for one in rankings]),
        "better": torch.stack([_better(one, longest) for one in rankings]),
    }


def _better(ranking: Ranking, size: int) -> Tensor:
    """[size, size]: P(row better than column): what all raters say where that is known, else 1 or 0 as this one ordered them."""
    made = torch.zeros(size, size)
    count = len(ranking.places)
    tiers = torch.tensor(ranking.tiers)
    own = (tiers[:, None] < tiers[None, :]).float()
    made[:count, :count] = torch.tensor(ranking.beats) if ranking.beats is not None else own
    return made


# Losses ---------------------------------------------------------------------------------------------------------------------


def plackett_luce(scores: Tensor, batch: dict[str, Tensor], tie: Tensor | None, largest: int) -> Tensor:
    """Nats [J] of each ranking, tier by tier. scores [J, K]; tie: τ; no tier of more than `largest` answers could be picked."""
    tiers, last = batch["tiers"], batch["tiers"].max(dim=1).values
    stages = torch.arange(int(last.max()) + 1, device=scores.device)[:, None]
    left = tiers[:, None] >= stages  # [J, stages, K]
    picked = tiers[:, None] == stages
    size = picked.sum(-1)
    closed = ~(batch["open_end"][:, None] & (stages[:, 0] == last[:, None]))
    counts = (left.sum(-1) > 1) & (size > 0) & closed
    chosen = (scores[:, None] * picked).sum(-1) / size.clamp(min=1)
    if tie is not None:
        chosen = chosen + tie * (size - 1).clamp(min=0)
    every = _log_sum_of_tiers(scores[:, None].expand(left.shape), left, tie, largest)
    return ((every - chosen) * counts).sum(-1)


def _log_sum_of_tiers(scores: Tensor, left: Tensor, tie: Tensor | None, largest: int) -> Tensor:
    """log Σ exp(mean score in S + τ (|S| − 1)) over the tiers S of up to `largest` answers that are left: [J, stages]."""
    top = scores.masked_fill(~left, -math.inf).amax(-1).nan_to_num(neginf=0.0).detach()
    below = (scores - top.unsqueeze(-1)).masked_fill(~left, 0.0)
    total = torch.zeros_like(top)
    for size in range(1, largest + 1):
        sums = _symmetric(torch.exp(below / size) * left, size)
        total = total + (sums if tie is None else sums * torch.exp(tie * (size - 1)))
    return top + total.clamp(min=torch.finfo(total.dtype).tiny).log()


def _symmetric(values: Tensor, order: int) -> Tensor:
    """The elementary symmetric polynomial of this order in the last dimension: the sum of every product of `order` values."""
    sums = [torch.ones_like(values[..., 0]), *[torch.zeros_like(values[..., 0]) for _ in range(order)]]
    for value in values.unbind(-1):
        sums = [sums[0], *[sums[size] + value * sums[size - 1] for size in range(1, order + 1)]]
    return sums[order]


def pairwise(scores: Tensor, better: Tensor) -> Tensor:
    """Nats [J]: the mean over a judgement's pairs of the cross-entropy of σ(r_a − r_b) with P(a better than b) [J, K, K].

    A judgement counts once, however many pairs it makes. scores [J, K].
    """
    nats = -logsigmoid(scores[:, :, None] - scores[:, None, :]) * better
    return nats.sum((1, 2)) / better.sum((1, 2))


def off_centre(scores: Tensor, there: Tensor) -> Tensor:
    """Mean of (r_a + r_b)² over the pairs of answers that are `there` [J, K]: [J]."""
    count, kept = there.sum(1), scores * there
    return ((count - 2) * (kept**2).sum(1) + kept.sum(1) ** 2) / (count * (count - 1) / 2)


def held_out_nats(loss: Loss, tasks: Sequence[Task], scores: Sequence[float], tie: Tensor | None) -> float:
    """Mean nats of the tasks' judgements under the scores of all their answers, laid end to end."""
    found = torch.tensor(scores)
    rankings, starts = [ranking for task in tasks for ranking in task.rankings], judgements.starts(tasks)
    total = 0.0
    for at in range(0, len(rankings), AT_ONCE):
        batch = tensors(rankings[at : at + AT_ONCE], starts[at : at + AT_ONCE])
        total += float(loss.nats(found, batch, tie.cpu() if tie is not None else None).sum())
    return total / len(rankings)


# τ, kept in the model's head so that every checkpoint has it --------------------------------------------------------------------


def learn_ties(model: Any, tie: float) -> None:
    """Gives the head of a reward model the parameter τ, to be learned with the rest. Before adapters: they keep the head whole."""
    model.score.register_parameter(TIE, torch.nn.Parameter(torch.tensor(tie)))


def tie_of(model: Any) -> Tensor | None:
    """τ of a model, wrapped or not; None where ties are not learned. With adapters, that of the copy that learns."""
    found = [value for name, value in model.named_parameters() if name.rpartition(".")[2] == TIE]
    return next((value for value in found if value.requires_grad), None)


def forget_ties(model: Any) -> float | None:
    """Takes τ out of the head: a reward model's folder holds what transformers knows and no more."""
    tie = tie_of(model)
    if tie is not None:
        delattr(model.score, TIE)
    return None if tie is None else tie.item()


def rate_of_ties(optimizer: torch.optim.Optimizer, model: Any, rate: float) -> None:
    """Gives τ a learning rate of its own: one number among millions would hardly leave its place at theirs."""
    tie = tie_of(model)
    if tie is None:
        return
    for group in optimizer.param_groups:
        group["params"] = [value for value in group["params"] if value is not tie]
    optimizer.add_param_group({"params": [tie], "lr": rate, "weight_decay": 0.0})
