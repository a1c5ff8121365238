"""Rankings by raters whose reliability is known, drawn from the model by walking its tiers one by one (an oracle apart)."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from annotation.quality.orderings import Ordering


def ranking(random: np.random.Generator, utilities: np.ndarray, beta: float, tau: float) -> tuple[float, ...]:
    """The value (tiers below) that a rater gives to each answer."""
    left, tiers = list(range(len(utilities))), []
    while left:
        sets = [members for size in range(1, len(left) + 1) for members in combinations(left, size)]
        scores = np.array([beta * utilities[list(members)].mean() + tau * (len(members) - 1) for members in sets])
        chances = np.exp(scores - scores.max())
        tier = sets[random.choice(len(sets), p=chances / chances.sum())]
        tiers.append(tier)
        left = [answer for answer in left if answer not in tier]
    below = {answer: float(len(tiers) - 1 - number) for number, tier in enumerate(tiers) for answer in tier}
    return tuple(below[answer] for answer in range(len(utilities)))


def project(
    seed: int, betas: list[float], *, tasks: int, answers: int, overlap: int, tau: float = -1.0
) -> tuple[list[Ordering], np.ndarray]:
    """Orderings of `tasks` tasks, each by `overlap` of the raters 0, 1, … at random; and the true utilities (tasks × answers).

    Answer a of task t is sample t · answers + a.
    """
    random = np.random.default_rng(seed)
    utilities = random.normal(size=(tasks, answers))
    orderings = []
    for task in range(tasks):
        samples = tuple(range(task * answers, (task + 1) * answers))
        for rater in random.choice(len(betas), size=overlap, replace=False):
            values = ranking(random, utilities[task], betas[rater], tau)
            orderings.append(Ordering(task, int(rater), samples, values))
    return orderings, utilities
