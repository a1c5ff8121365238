"""Simulated raters, labelled so wherever they appear: they rank answers by `world.utility` seen through Plackett–Luce noise.

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
UNACCEPTABLE = 1.5  # below this noisy utility an answer is unacceptable: wrong, and in the wrong language or no sentence


@dataclass(frozen=True)
class Rater:
    """A simulated person: `noise` in their rankings, `skill` (probability of a right fact) in what they write."""

    name: str
    noise: float
    skill: float
    label: str = "simulated"


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
    seen = {text: world.utility(question, text) + noise * _gumbel(rng) for text in dict.fromkeys(answers.values())}
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


def _gumbel(rng: random.Random) -> float:
    """A draw of the standard Gumbel distribution, shifted to mean 0."""
    euler = 0.5772156649015329
    return -math.log(-math.log(rng.random() or 1e-300)) - euler
