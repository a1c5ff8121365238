"""Is a step the same step however it is cut? One batch of eight rows, eight of one, two processes (DDP, ZeRO-2); full and LoRA.

    python -m bench.equivalence [--recipes dpo kto] [--steps 6]

Every recipe on the Trainer that learns from judgements learns the same steps in four ways, on rows that weigh differently, over an
epoch's end that is not a whole step. The last line is JSON: for each recipe the largest relative difference of any loss, gradient
norm or held-out loss from those of one batch of eight rows in one process.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from annotation import frozen
from training.rundir import RunDir

RECIPES = ("reward", "dpo", "kto", "orpo", "simpo", "awr")
CURVES = ("loss", "gradient_norm", "valid_loss")
RANK = 4
# Rows a step are eight in every way: batch size × accumulation × processes.
WAYS: dict[str, dict[str, Any]] = {
    "1 × 8": {"batch_size": 8, "accumulation": 1},
    "8 × 1": {"batch_size": 1, "accumulation": 8},
    "ddp": {"batch_size": 2, "accumulation": 2},
    "zero2": {"batch_size": 2, "accumulation": 2, "parallel": "zero2"},
}
PROCESSES = {"ddp": 2, "zero2": 2}

Row = dict[str, Any]


def judgements(folder: Path, words: list[str], train: int = 11, valid: int = 2, seed: int = 2) -> Path:
    """A snapshot of rankings by raters who weigh between a tenth and two, with soft labels, three or four answers each."""
    dice = random.Random(seed)
    splits = ["train"] * train + ["validation"] * valid
    frozen.write(folder, [], [judgement(number, split, words, dice) for number, split in enumerate(splits)])
    return folder


def judgement(number: int, split: str, words: list[str], dice: random.Random) -> Row:
    """One of its rows; the last answer is unacceptable."""
    answers = [answer(number * 10 + tier, tier, words, dice) for tier in range(dice.choice((3, 4)))]
    for better in answers:
        others = [other for other in answers if other["sample_id"] > better["sample_id"]]
        for other in others:
            better["beats"][str(other["sample_id"])] = dice.uniform(0.4, 1.0)
            other["beats"][str(better["sample_id"])] = 1 - better["beats"][str(other["sample_id"])]
    answers[-1]["grades"]["acceptable"] = 0.0
    asked = [{"role": "user", "content": " ".join(dice.sample(words, 3))}]
    numbers = {"judgement_id": number, "task_id": number, "prompt_id": number}
    about = {"language": "en", "source": "bench", "licence": "CC0-1.0", "split": split, "tools": []}
    judged = {"kind": "rank", "rater": "r1", "guidelines": None, "seconds": 3.0, "weight": dice.uniform(0.1, 2.0)}
    return {**numbers, **about, **judged, "prompt": asked, "answers": answers}


def answer(sample: int, tier: int, words: list[str], dice: random.Random) -> Row:
    said = [{"role": "assistant", "content": " ".join(dice.choices(words, k=dice.randint(1, 6)))}]
    grades = {"overall": 9.0 - tier, "acceptable": 1.0}
    return {"sample_id": sample, "messages": said, "model": "", "author": None, "written": False, "grades": grades, "beats": {}}


# Runs -----------------------------------------------------------------------------------------------------------------------


def learn(folder: Path, recipe: str, inputs: dict[str, Path], config: Row, processes: int) -> list[Row]:
    """One run in processes of its own; its events. RuntimeError where it did not succeed."""
    spec = {"run": 1, "recipe": recipe, "main": f"training.recipes.{recipe}", "config": config, "input_names": {}, "seed": 7}
    places = {name: str(path) for name, path in inputs.items()}
    RunDir.create(folder, {**spec, "inputs": places, "resources": {"processes": processes}})
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"] if processes > 1 else []
    command = [sys.executable, *torchrun, "-m", "training.train", str(folder)]
    log = folder.with_suffix(".log")
    with open(log, "wb") as file:
        subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=file, stderr=file, check=False)
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    if events[-1].get("state") != "succeeded":
        raise RuntimeError(f"{recipe} {config}: {events[-1]}; see {log}")
    return events


def curves(events: list[Row]) -> dict[str, list[float]]:
    return {name: [event[name] for event in events if event["kind"] == "metrics" and name in event] for name in CURVES}


def apart(found: list[Row], wanted: list[Row]) -> float:
    """The largest relative difference between the same points of the same curves; infinite where some are missing."""
    mine, theirs = curves(found), curves(wanted)
    if any(len(mine[name]) != len(theirs[name]) or not theirs[name] for name in CURVES):
        return math.inf
    return max(abs(a - b) / abs(b) for name in CURVES for a, b in zip(mine[name], theirs[name], strict=True))


def differences(recipe: str, inputs: dict[str, Path], folder: Path, steps: int) -> Iterator[tuple[str, float]]:
    """(way, difference from one batch in one process), with all weights and with adapters."""
    rhythm = {"max_length": 64, "max_steps": steps, "log_every": 1, "valid_every": 3, "learning_rate": 1e-3}
    for rank in (0, RANK):
        wanted: list[Row] = []
        for way, cut in WAYS.items():
            where = folder / f"{recipe}-{way.replace(' ', '')}-{rank}"
            events = learn(where, recipe, inputs, {**rhythm, **cut, "lora_rank": rank}, PROCESSES.get(way, 1))
            wanted = wanted or events
            if events is not wanted:
                yield f"{way}{' lora' if rank else ''}", apart(events, wanted)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="+", default=RECIPES, choices=RECIPES)
    parser.add_argument("--steps", type=int, default=6, help="optimizer steps of each run; an epoch of pairs has about 6")
    args = parser.parse_args()
    from bench import worlds

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        worlds.plant(folder, worlds.SHAPES["0.1M"], prompts=8, prompt_words=(2, 4), end=0.1, seed=1)
        dataset = judgements(folder / "judgements", [f"w{number}" for number in range(worlds.SHAPES["0.1M"].words)])
        inputs = {"model": folder / "model", "dataset": dataset}
        found: dict[str, dict[str, float]] = {}
        for recipe in args.recipes:
            found[recipe] = {}
            for way, difference in differences(recipe, inputs, folder, args.steps):
                found[recipe][way] = float(f"{difference:.2g}")
                print(f"{recipe:8} {way:12} {difference:.1e}", file=sys.stderr, flush=True)
    worst = {recipe: max(ways.values()) for recipe, ways in found.items()}
    print(json.dumps({"largest_relative_difference": worst, "by_way": found}))


if __name__ == "__main__":
    main()
