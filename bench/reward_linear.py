"""The world of `bench/reward.py` with a reward that is linear in words: what the losses alone make of judgements.

The search is convex and ends at its one optimum: no seed of weights, no order of batches, no early or late stop stands between a
loss and what it learns.
"""

from __future__ import annotations

import functools

import torch

from annotation.soft import soft_labels
from bench.reward_world import WORDS, Plan, rows
from training import choice, judgements
from training.judgements import Ranking

PRIOR = 1e-3


def features(words: list[str]) -> torch.Tensor:
    """How often each word is said, the first once more."""
    return torch.bincount(torch.tensor([WORDS.index(word) for word in [words[0], *words]]), minlength=len(WORDS)).double()


@functools.cache
def world(plan: Plan) -> tuple[list[Ranking], torch.Tensor, list[int], torch.Tensor, torch.Tensor, torch.Tensor]:
    """Rankings to learn, features and starts of their answers; held out [tasks, answers]: features, true utilities, grades."""
    made = list(rows(plan))
    overlapping = [ordering for row, ordering, _utilities in made if row["split"] == "train" and plan.overlap > 1]
    weights = soft_labels(overlapping).weights
    rankings, seen, starts, held_out = [], [], [], []
    for row, ordering, utilities in made:
        read = torch.stack([features(answer["messages"][0]["content"].split()) for answer in row["answers"]])
        if row["split"] == "test":
            held_out.append((read, torch.tensor(utilities), torch.tensor(ordering.values)))
            continue
        levels = sorted(set(ordering.values), reverse=True)
        tiers = tuple(levels.index(value) for value in ordering.values)
        weight = weights.get(ordering.rater, 1.0)
        rankings.append(Ranking(tuple(range(plan.answers)), tiers, ordering.values, weight=weight))
        starts.append(len(seen) * plan.answers)
        seen.append(read)
    return rankings, torch.cat(seen), starts, *(torch.stack(part) for part in zip(*held_out, strict=True))


def accuracy(plan: Plan, name: str, *, weighted: bool = False) -> float:
    """Of a linear reward, on the held-out pairs that somebody ordered."""
    rankings, read, starts, held_out, _utilities, grades = world(plan)
    kept = [place for place, ranking in enumerate(rankings) if name == "plackett_luce" or ranking.ordered]
    batch = choice.tensors([rankings[place] for place in kept], [starts[place] for place in kept])
    batch["weight"] = batch["weight"] if weighted else torch.ones(len(kept))
    loss = choice.Loss(name, judgements.largest_tier(rankings) if name == "plackett_luce" else 1)
    worth, tie = torch.zeros(len(WORDS), dtype=torch.double, requires_grad=True), torch.zeros((), requires_grad=True)
    search = torch.optim.LBFGS([worth, tie], max_iter=40, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        search.zero_grad()
        found = loss(read @ worth, batch, tie if loss.largest > 1 else None) + PRIOR * (worth**2).sum()
        found.backward()
        return found

    search.step(closure)
    return ordered_alike(held_out @ worth.detach(), grades)


def ordered_alike(scores: torch.Tensor, grades: torch.Tensor) -> float:
    """The share of pairs with different grades whose scores differ alike: both [tasks, answers]."""
    above = grades[:, :, None] > grades[:, None, :]
    return (scores[:, :, None] > scores[:, None, :])[above].double().mean().item()
