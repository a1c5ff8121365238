"""Reward models on a planted utility: near the best that can be known, k-wise against pairs, with and without raters' weights.

    python -m bench.reward [--seeds 5] [--only kwise …] [--workers 2]

Answers are words, each of a known worth; synthetic raters rank them (`bench/reward_world.py`). Every model is trained by the recipe
itself, from a snapshot, on a random Llama of 0.1M parameters.

The last line is JSON. `bayes`: accuracy on held-out judgements beside that of the true utility on the same pairs. `kwise`: accuracy
on pairs in their true order, learned from the same judgements as whole rankings and as their ordered pairs. `weights`: the same
with a third of the raters random: every judgement alike, times its rater's weight, and as soft labels (all from
`annotation/soft.py`, which is told nothing of who is random). `linear`: both again with a reward linear in words and a third of the
judgements, where nothing but the loss decides. Differences are by seed, with a 95 % t interval.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Collection
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from bench import reward_linear, worlds
from bench.reward_world import WORDS, Plan, difference, make_snapshot
from training.recipes import reward
from training.rundir import RunDir

PARTS = ("kwise", "weights", "bayes", "linear")
CONFIG = {"batch_size": 16, "learning_rate": 2e-3, "max_length": 64, "valid_every": 10_000, "save_every": 10_000, "epochs": 6.0}

Row = dict[str, Any]


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


def questions(seeds: int, parts: Collection[str]) -> list[tuple[str, str, Plan, Row]]:
    """(measurement, arm, snapshot, config) of every model to train."""
    numbers, asked = range(1, seeds + 1), []
    for seed in numbers:
        plan = Plan(seed=seed, tasks=300, answers=6, noise=0.7, tie=0.6, held_out=800)
        asked += [("kwise", loss, plan, {"loss": loss}) for loss in ("plackett_luce", "bradley_terry")]
    for seed in numbers:
        plan = Plan(seed=seed, tasks=300, overlap=3, blind=1 / 3)
        asked += [("weights", "plain", plan, {"weighted": False}), ("weights", "weighted", plan, {})]
        asked += [("weights", "soft", plan, {"loss": "soft"})]
    asked += [("bayes", "plackett_luce", Plan(seed=0, tasks=4000, held_out=1500, true=False), {})]
    return [question for question in asked if question[0] in parts]


def summary(asked: list[tuple[str, str, Plan, Row]], found: list[Row]) -> Row:
    """The figures of every part that was asked for and trains networks."""
    arms: dict[tuple[str, str], list[float]] = {}
    for (measurement, arm, _plan, _config), figures in zip(asked, found, strict=True):
        arms.setdefault((measurement, arm), []).append(figures["accuracy"])
    made = {"bayes": beside_bayes(found[-1])} if ("bayes", "plackett_luce") in arms else {}
    for measurement, first, others in (("kwise", "plackett_luce", ["bradley_terry"]), ("weights", "weighted", ["plain", "soft"])):
        if (measurement, first) in arms:
            means = {arm: round(statistics.fmean(arms[measurement, arm]), 4) for arm in (first, *others)}
            versus = {f"{first}_over_{arm}": difference(arms[measurement, first], arms[measurement, arm]) for arm in others}
            made[measurement] = {**means, **versus}
    return made


def beside_bayes(figures: Row) -> Row:
    """A model's accuracy and that of the true utility."""
    return {
        "accuracy": round(figures["accuracy"], 4),
        "bayes": round(figures["bayes"], 4),
        "points_below": round(100 * (figures["bayes"] - figures["accuracy"]), 2),
        "pairs": figures["pairs"],
        "calibration_error": round(figures["calibration_error"], 4),
    }


def linear(seeds: int) -> Row:
    """What the losses alone make of the same kind of judgements."""
    few = [Plan(seed=seed, tasks=100) for seed in range(1, seeds + 1)]
    many = [Plan(seed=seed, tasks=100, overlap=3, blind=1 / 3) for seed in range(1, seeds + 1)]
    whole, pairs = ([reward_linear.accuracy(plan, name) for plan in few] for name in ("plackett_luce", "bradley_terry"))
    weighted, plain = ([reward_linear.accuracy(plan, "plackett_luce", weighted=known) for plan in many] for known in (True, False))
    return {"plackett_luce_over_bradley_terry": difference(whole, pairs), "weighted_over_plain": difference(weighted, plain)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="of each comparison")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    began, asked = time.monotonic(), questions(args.seeds, args.only)
    found: list[Row] = []
    with ProcessPoolExecutor(args.workers, mp_context=get_context("spawn")) as pool:
        plans, configs = [plan for *_names, plan, _config in asked], [config for *_names, config in asked]
        for (measurement, arm, plan, _config), figures in zip(asked, pool.map(trained, plans, configs), strict=True):
            print(f"{measurement:8} {arm:14} seed {plan.seed}  accuracy {figures['accuracy']:.4f}", flush=True)
            found.append(figures)
    told = summary(asked, found) | ({"linear": linear(args.seeds)} if "linear" in args.only else {})
    print(json.dumps({**told, "seeds": args.seeds, "seconds": round(time.monotonic() - began)}))


if __name__ == "__main__":
    main()
