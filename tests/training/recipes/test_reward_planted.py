"""On planted utilities whole rankings teach more than their pairs, and reliable raters more than all raters alike.

The small version of `bench/reward.py`: its world and synthetic raters, and a reward linear in words, so that the search is convex.
"""

from __future__ import annotations

import functools
import statistics

import pytest
import torch

from annotation.soft import soft_labels
from bench.reward import WORDS, Plan, rows
from training import choice, judgements
from training.judgements import Ranking

pytestmark = pytest.mark.heavy

PRIOR = 1e-3
SEEDS = range(1, 9)


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


def surely_more(ours: list[float], theirs: list[float]) -> bool:
    """The 95 % t interval of the differences, seed by seed, lies above 0."""
    differences = [one - other for one, other in zip(ours, theirs, strict=True)]
    half = 2.365 * statistics.stdev(differences) / len(differences) ** 0.5
    return statistics.fmean(differences) - half > 0


def test_whole_rankings_with_ties_teach_more_than_their_pairs() -> None:
    plans = [Plan(seed=seed, tasks=100, held_out=300) for seed in SEEDS]
    whole, pairs = ([accuracy(plan, name) for plan in plans] for name in ("plackett_luce", "bradley_terry"))
    assert surely_more(whole, pairs)


def test_weights_help_when_a_third_of_the_raters_are_random() -> None:
    plans = [Plan(seed=seed, tasks=100, overlap=3, blind=1 / 3, held_out=300) for seed in SEEDS]
    weighted, plain = ([accuracy(plan, "plackett_luce", weighted=known) for plan in plans] for known in (True, False))
    assert surely_more(weighted, plain)


def test_with_enough_judgements_it_foresees_people_as_well_as_the_true_utility_does() -> None:
    plan = Plan(seed=0, tasks=1000, held_out=500, true=False)
    utilities, grades = world(plan)[-2:]
    assert accuracy(plan, "plackett_luce") > ordered_alike(utilities, grades) - 0.01
