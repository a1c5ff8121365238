"""Simulated raters: they rank and compare answers by `world.utility` seen through Plackett–Luce noise.

Their names begin with `sim-`, by which Crisol labels whatever they say (`annotation/simulated.py`).

Adding independent Gumbel noise of scale `noise` to every utility and sorting draws a ranking from the Plackett–Luce model with
weights exp(utility / noise) (Luce 1959; Plackett 1975; the noise form is Yellott 1977). Between two answers this is
Bradley–Terry: a rater prefers the better one with probability 1 / (1 + exp(-difference / noise)), so with noise 0.3 a gap of
0.5 is seen right 84 % of the time and the gap of a courtesy (1.0) 97 %.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from demo import world

NOISE = 0.3  # scale of the Gumbel noise, in units of utility
TIE = 0.25  # answers whose noisy utilities are nearer than this share a tier
CLEARLY, MUCH = 1.0, 2.0  # differences of noisy utilities from which one answer is called clearly, and much, better
UNACCEPTABLE = 1.5  # below this noisy utility an answer is unacceptable: wrong, and in the wrong language or no sentence


@dataclass(frozen=True)
class Rater:
    """A program in a person's place: `noise` in what it judges, `skill` (probability of a right fact) in what it writes."""

    name: str
    noise: float
    skill: float


RATERS = (
    Rater("sim-ana", noise=0.2, skill=0.98),
    Rater("sim-ben", noise=0.3, skill=0.96),
    Rater("sim-carla", noise=0.3, skill=0.94),
    Rater("sim-diego", noise=0.45, skill=0.9),
)


def rank(question: str, answers: Mapping[int, str], rng: random.Random, noise: float = NOISE) -> dict[str, Any]:
    """A `rank` judgement of `answers` (sample id -> text): {"tiers": [[id, …], …], "unacceptable": [id, …]}, best first.

    Answers with the same text look the same: they share one draw of noise, hence a tier.
    """
    seen = _seen(question, answers, rng, noise)
    order = sorted(answers, key=lambda sample: -seen[answers[sample]])
    tiers: list[list[int]] = []
    last = math.inf
    for sample in order:
        worth = seen[answers[sample]]
        if worth < UNACCEPTABLE:
            break
        if last - worth < TIE:
            tiers[-1].append(sample)
        else:
            tiers.append([sample])
        last = worth
    return {"tiers": tiers, "unacceptable": order[sum(map(len, tiers)) :]}


def compare(question: str, answers: Mapping[int, str], rng: random.Random, noise: float = NOISE) -> dict[str, Any]:
    """A `compare` judgement of two answers (sample id -> text): {"preferred": id or None, "strength": 1 to 3, "both_bad": …}."""
    seen = _seen(question, answers, rng, noise)
    worse, better = sorted(answers, key=lambda sample: seen[answers[sample]])
    both_bad = seen[answers[better]] < UNACCEPTABLE
    difference = seen[answers[better]] - seen[answers[worse]]
    if difference < TIE:
        return {"preferred": None, "both_bad": both_bad}
    return {"preferred": better, "strength": 1 + (difference >= CLEARLY) + (difference >= MUCH), "both_bad": both_bad}


def _seen(question: str, answers: Mapping[int, str], rng: random.Random, noise: float) -> dict[str, float]:
    """What each text seems worth to this rater this time."""
    return {text: world.utility(question, text) + noise * _gumbel(rng) for text in dict.fromkeys(answers.values())}


def _gumbel(rng: random.Random) -> float:
    """A draw of the standard Gumbel distribution, shifted to mean 0."""
    euler = 0.5772156649015329
    return -math.log(-math.log(rng.random() or 1e-300)) - euler
