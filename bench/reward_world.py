"""A world in which the true worth of an answer is known, and synthetic raters of it, labelled so in every row.

They add Gumbel noise to the true utilities, put answers whose noisy utilities are near into one tier, and order the tiers: not the
model of the losses, which is Davidson–Luce.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotation import frozen
from annotation.quality.orderings import Ordering
from annotation.soft import soft_labels
from bench.seeds import interval

WORDS = [f"w{number}" for number in range(40)]
LENGTHS = (4, 10)  # words an answer

Row = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """A snapshot to make: tasks of `answers` answers each, each judged by `overlap` of the raters, a share of them `blind`.

    `held_out` tasks are judged by one rater of the same kind, or, where `true`, in their true order.
    """

    seed: int
    tasks: int
    answers: int = 4
    overlap: int = 1
    raters: int = 12
    blind: float = 0.0
    noise: float = 0.5
    tie: float = 0.4
    held_out: int = 400
    true: bool = True


def worth(seed: int) -> dict[str, float]:
    """What each word is worth."""
    dice = random.Random(f"worth {seed}")
    return {word: dice.gauss(0, 1) for word in WORDS}


def utility(words: list[str], values: dict[str, float]) -> float:
    """The sum of the words' worth over √7 (1 apart on average), the first word counted twice: order matters, too."""
    return (sum(values[word] for word in words) + values[words[0]]) / math.sqrt(7)


def judged(utilities: list[float], plan: Plan, dice: random.Random, *, blind: bool) -> list[float]:
    """The tier that a synthetic rater gives each answer, counted from below."""
    noisy = [(0.0 if blind else value) - plan.noise * math.log(-math.log(dice.random())) for value in utilities]
    order = sorted(range(len(noisy)), key=noisy.__getitem__)
    grades, below = [0.0] * len(noisy), 0
    for before, place in zip([order[0], *order], order, strict=False):
        below += noisy[place] - noisy[before] >= plan.tie
        grades[place] = float(below)
    return grades


def in_order(utilities: list[float]) -> list[float]:
    return [float(sum(other < value for other in utilities)) for value in utilities]


def rows(plan: Plan) -> Iterator[tuple[Row, Ordering, list[float]]]:
    """Each judgement as a snapshot has it, as an ordering, and the true utilities of its answers."""
    dice, values = random.Random(plan.seed), worth(plan.seed)
    for task in range(plan.tasks + plan.held_out):
        training = task < plan.tasks
        answers = [[dice.choice(WORDS) for _ in range(dice.randint(*LENGTHS))] for _ in range(plan.answers)]
        utilities = [utility(words, values) for words in answers]
        for rater in dice.sample(range(plan.raters), plan.overlap if training else 1):
            noisy = judged(utilities, plan, dice, blind=rater < plan.blind * plan.raters)
            grades = noisy if training or not plan.true else in_order(utilities)
            row = snapshot_row(task, rater, "train" if training else "test", answers, grades)
            samples = tuple(answer["sample_id"] for answer in row["answers"])
            yield row, Ordering(task, rater, samples, tuple(grades)), utilities


def snapshot_row(task: int, rater: int, split: str, answers: list[list[str]], grades: list[float]) -> Row:
    return {
        "judgement_id": task * 100 + rater,
        "task_id": task,
        "kind": "rank",
        "prompt_id": task,
        "prompt": [{"role": "user", "content": WORDS[0]}],
        "tools": [],
        "language": "en",
        "source": "synthetic",
        "licence": "CC0-1.0",
        "split": split,
        "rater": f"synthetic-{rater}",
        "guidelines": None,
        "seconds": None,
        "answers": [
            {
                "sample_id": task * 10 + place,
                "messages": [{"role": "assistant", "content": " ".join(words)}],
                "model": "synthetic",
                "author": None,
                "written": False,
                "grades": {"overall": grade},
            }
            for place, (words, grade) in enumerate(zip(answers, grades, strict=True))
        ],
    }


def make_snapshot(folder: Path, plan: Plan) -> float:
    """Writes the snapshot, with soft labels of the training judgements; the true utility's accuracy on the held-out pairs."""
    made = list(rows(plan))
    soft = soft_labels([ordering for row, ordering, _utilities in made if row["split"] == "train"])
    frozen.write(folder, [], (soft.added(row, ordering.rater) for row, ordering, _utilities in made))
    right = [
        float(utilities[one] > utilities[other])
        for row, ordering, utilities in made
        if row["split"] == "test"
        for one, above in enumerate(ordering.values)
        for other, below in enumerate(ordering.values)
        if above > below
    ]
    return statistics.fmean(right)


def difference(ours: list[float], theirs: list[float]) -> Row:
    """Ours less theirs, seed by seed: mean and 95 % t interval, in points."""
    points = [100 * (one - other) for one, other in zip(ours, theirs, strict=True)]
    (low, high), wins = interval(points), sum(point > 0 for point in points)
    return {"points": round(statistics.fmean(points), 2), "low": round(low, 2), "high": round(high, 2), "wins": wins}
