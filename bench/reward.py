"""Reward models on a planted utility: near the best that can be known, k-wise against pairs, with and without raters' weights.

    python -m bench.reward [--seeds 5] [--workers 2]

Answers are words, each of a known worth; a task's prompt says nothing. Synthetic raters, labelled so in every row, add Gumbel noise
to the true utilities, put answers whose noisy utilities are near into one tier, and order the tiers: not the model of the loss,
which is Davidson–Luce. Every model is trained by the recipe itself, from a snapshot, on a random Llama of 0.1M parameters.

The last line is JSON. `bayes`: accuracy on held-out judgements beside that of the true utility on the same pairs. `kwise`: accuracy
on pairs in their true order, learned from the same judgements as whole rankings and as their ordered pairs. `weights`: the same
with a third of the raters random: every judgement alike, times its rater's weight, and as soft labels (all from
`annotation/soft.py`, which is told nothing of who is random). Differences are by seed, with a 95 % t interval.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from annotation import frozen
from annotation.quality.orderings import Ordering
from annotation.soft import soft_labels
from bench import worlds
from training.recipes import reward
from training.rundir import RunDir

WORDS = [f"w{number}" for number in range(40)]
LENGTHS = (4, 10)  # words an answer
T95 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}  # by number of seeds
CONFIG = {"batch_size": 16, "learning_rate": 2e-3, "max_length": 64, "valid_every": 10_000, "save_every": 10_000, "epochs": 6.0}

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


# The world ------------------------------------------------------------------------------------------------------------------


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


# One model ------------------------------------------------------------------------------------------------------------------


def make_base(folder: Path, seed: int) -> None:
    """A random Llama and its tokenizer of words."""
    from transformers import LlamaForCausalLM

    tokenizer = worlds.word_tokenizer(WORDS)
    torch.manual_seed(seed)
    LlamaForCausalLM(worlds.llama_config(worlds.SHAPES["0.1M"], tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def trained(plan: Plan, config: Row) -> Row:
    """The figures of a reward model that the recipe trains, with `bayes`, the true utility's accuracy."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_base(folder / "base", plan.seed)
        bayes = make_snapshot(folder / "rows", plan)
        spec = {"recipe": "reward", "seed": plan.seed, "inputs": {"model": str(folder / "base"), "dataset": str(folder / "rows")}}
        run = RunDir.create(folder / "run", spec)
        reward.main(run, reward.Config(**{**CONFIG, **config}))
        return json.loads((run.out / "card.json").read_text())["figures"] | {"bayes": bayes}


# What is asked --------------------------------------------------------------------------------------------------------------


def questions(seeds: int) -> list[tuple[str, str, Plan, Row]]:
    """(measurement, arm, snapshot, config) of every model to train."""
    numbers, asked = range(1, seeds + 1), []
    for seed in numbers:
        plan = Plan(seed=seed, tasks=300, answers=6, noise=0.7, tie=0.6, held_out=800)
        asked += [("kwise", loss, plan, {"loss": loss}) for loss in ("plackett_luce", "bradley_terry")]
    for seed in numbers:
        plan = Plan(seed=seed, tasks=300, overlap=3, blind=1 / 3)
        asked += [("weights", "plain", plan, {"weighted": False}), ("weights", "weighted", plan, {})]
        asked += [("weights", "soft", plan, {"loss": "soft"})]
    return [*asked, ("bayes", "plackett_luce", Plan(seed=0, tasks=4000, held_out=1500, true=False), {})]


def difference(ours: list[float], theirs: list[float]) -> Row:
    """Ours less theirs, seed by seed: mean and 95 % t interval, in points."""
    points = [100 * (one - other) for one, other in zip(ours, theirs, strict=True)]
    half = T95[len(points)] * statistics.stdev(points) / math.sqrt(len(points))
    mean, wins = statistics.fmean(points), sum(point > 0 for point in points)
    return {"points": round(mean, 2), "low": round(mean - half, 2), "high": round(mean + half, 2), "wins": wins}


def summary(asked: list[tuple[str, str, Plan, Row]], found: list[Row]) -> Row:
    """The last line."""
    arms: dict[tuple[str, str], list[float]] = {}
    for (measurement, arm, _plan, _config), figures in zip(asked, found, strict=True):
        arms.setdefault((measurement, arm), []).append(figures["accuracy"])
    best = found[-1]
    made: Row = {
        "bayes": {
            "accuracy": round(best["accuracy"], 4),
            "bayes": round(best["bayes"], 4),
            "points_below": round(100 * (best["bayes"] - best["accuracy"]), 2),
            "pairs": best["pairs"],
            "calibration_error": round(best["calibration_error"], 4),
        }
    }
    for measurement, first, others in (("kwise", "plackett_luce", ["bradley_terry"]), ("weights", "weighted", ["plain", "soft"])):
        means = {arm: round(statistics.fmean(arms[measurement, arm]), 4) for arm in (first, *others)}
        versus = {f"{first}_over_{arm}": difference(arms[measurement, first], arms[measurement, arm]) for arm in others}
        made[measurement] = {**means, **versus}
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, choices=sorted(T95))
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    began, asked = time.monotonic(), questions(args.seeds)
    found: list[Row] = []
    with ProcessPoolExecutor(args.workers, mp_context=get_context("spawn")) as pool:
        plans, configs = [plan for *_names, plan, _config in asked], [config for *_names, config in asked]
        for (measurement, arm, plan, _config), figures in zip(asked, pool.map(trained, plans, configs), strict=True):
            print(f"{measurement:8} {arm:14} seed {plan.seed}  accuracy {figures['accuracy']:.4f}", flush=True)
            found.append(figures)
    print(json.dumps({**summary(asked, found), "seeds": args.seeds, "seconds": round(time.monotonic() - began)}))


if __name__ == "__main__":
    main()
