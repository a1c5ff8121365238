"""Is a step the same step however it is cut? One batch of eight rows, eight of one, two processes in each way; full and LoRA.

    python -m bench.equivalence [--recipes dpo kto] [--steps 6]

Every recipe that learns from people learns the same steps in each way: from judgements on rows that weigh differently, over an
epoch's end that is not a whole step; from its own answers for what a reward model pays, at least two rollouts of them. ppo and
best_of_n draw every answer, or every batch of them, from a seed of its own; TRL does not, so grpo and rloo start through
`bench.seeded`, which makes it. pretrain and sft also share weights out (ZeRO-3, FSDP2), and one process goes on from the checkpoint
that two have made halfway: "→ 1".

The last line is JSON: for each recipe the largest relative difference of any loss, gradient norm, reward, KL or held-out figure
from those of one batch of eight rows in one process, by way and by curve. Of grpo and rloo it also tells, and counts for nothing,
curves that TRL makes of each batch's mean.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from annotation import frozen
from training.rundir import RunDir

RANK = 4
NEAR_ZERO = 0.01  # of a curve's largest value: smaller ones, which may be rounding alone, are compared by this much
# Rows a step are eight in every way: batch size × accumulation × processes.
WAYS: dict[str, dict[str, Any]] = {
    "1 × 8": {"batch_size": 8, "accumulation": 1},
    "8 × 1": {"batch_size": 1, "accumulation": 8},
    "ddp": {"batch_size": 2, "accumulation": 2},
    "zero2": {"batch_size": 2, "accumulation": 2, "parallel": "zero2"},
}
WITHOUT_ZERO = {way: cut for way, cut in WAYS.items() if way != "zero2"}
SHARED_OUT = {way: {"batch_size": 2, "accumulation": 2, "parallel": way} for way in ("zero3", "fsdp2")}
PROCESSES = dict.fromkeys(("ddp", "zero2", *SHARED_OUT), 2)


@dataclass(frozen=True)
class Kind:
    """Recipes that are measured alike: what they are given, which curves must be the same, and which TRL tells batch by batch."""

    inputs: tuple[str, ...]
    config: dict[str, Any]
    curves: tuple[str, ...]
    ways: dict[str, dict[str, Any]]
    loose: tuple[str, ...] = ()
    ranks: tuple[int, ...] = (0, RANK)  # of adapters
    taken_up: bool = False  # by one process, from what two have saved
    length: str = "max_steps"
    module: str = "training.train"


RHYTHM = {"log_every": 1, "valid_every": 3, "learning_rate": 1e-3}
ANSWERING = {"rewards": "model:1", "max_new_tokens": 16}
ASKED = ("model", "reward", "prompts")
JUDGED = Kind(
    inputs=("model", "dataset"),
    config={**RHYTHM, "max_length": 64},
    curves=("loss", "gradient_norm", "valid_loss"),
    ways=WAYS,
)
BEST = Kind(
    inputs=ASKED,
    config={**RHYTHM, **ANSWERING, "max_length": 64, "answers": 4, "rounds": 2},
    curves=(
        *(f"round_{number}_{name}" for number in (1, 2) for name in ("loss", "gradient_norm")),
        *("reward_drawn", "reward_kept", "valid_reward", "valid_kl"),
    ),
    ways=WAYS,
)
# Two steps on each rollout: in the second the ratio to what the answers were drawn with is no longer 1.
ONLINE = Kind(
    inputs=ASKED,
    config={**RHYTHM, **ANSWERING, "group_size": 4, "iterations": 2, "save_every": 100},
    curves=("loss", "gradient_norm", "reward", "reward_std", "length", "valid_reward", "valid_kl"),
    loose=("entropy", "kl_per_token", "clip_fraction"),
    ways=WITHOUT_ZERO,
    module="bench.seeded",
)
PPO = Kind(
    inputs=ASKED,
    config={
        **ANSWERING,
        "rollout_size": 16,
        "minibatch_size": 8,
        "epochs": 2,
        "critic_warmup": 1,
        "learning_rate": 1e-3,
        "value_learning_rate": 1e-3,
        "valid_every": 3,
    },
    curves=("policy_loss", "gradient_norm", "value_loss", "value_gradient_norm", "reward", "kl", "valid_reward", "valid_kl"),
    # It cuts a step of its own accord: as many answers at once as fit in memory.
    ways={"1 × 8": {"batch_size": 8}, "8 × 1": {"batch_size": 1}, "ddp": {"batch_size": 4}},
    length="updates",
)
TEXT = Kind(
    inputs=("model", "corpus"),
    config={**RHYTHM, "block_size": 16, "held_out": 0.2},
    curves=("loss", "gradient_norm", "valid_loss"),
    ways=WAYS | SHARED_OUT,
    ranks=(0,),
    taken_up=True,
)
WRITTEN = replace(JUDGED, inputs=("model", "written"), ways=WAYS | SHARED_OUT, taken_up=True)
KINDS = {
    "pretrain": TEXT,
    "sft": WRITTEN,
    **dict.fromkeys(("reward", "dpo", "kto", "orpo", "simpo", "awr"), JUDGED),
    "best_of_n": BEST,
    "grpo": ONLINE,
    "rloo": ONLINE,
    "ppo": PPO,
}

Row = dict[str, Any]


def judgements(folder: Path, words: list[str], train: int = 11, valid: int = 2, seed: int = 2) -> Path:
    """A snapshot of rankings by raters who weigh between a tenth and two, with soft labels, three or four answers each.

    Its prompts ask for three words at most.
    """
    dice = random.Random(seed)
    splits = ["train"] * train + ["validation"] * valid
    rows = [judgement(number, split, words, dice) for number, split in enumerate(splits)]
    frozen.write(folder, [prompt(row) for row in rows], rows)
    return folder


def demonstrations(folder: Path, words: list[str]) -> Path:
    """The same questions, each with an answer that a rater has written."""
    dice = random.Random(3)
    rows = [judgement(number, "train" if number < 21 else "validation", words, dice) for number in range(24)]
    for row in rows:
        written = {**answer(row["task_id"], 0, words, dice), "written": True}
        row |= {"kind": "write", "answers": [written]}
    frozen.write(folder, [prompt(row) for row in rows], rows)
    return folder


def corpus(path: Path, words: list[str]) -> Path:
    """Sixty documents of three to thirty words."""
    dice = random.Random(4)
    path.write_text("\n\n".join(" ".join(dice.choices(words, k=dice.randint(3, 30))) for _ in range(60)), encoding="utf-8")
    return path


def prompt(judged: Row) -> Row:
    """What was asked in a judgement."""
    about = {name: judged[name] for name in ("prompt_id", "language", "source", "licence", "split", "tools")}
    return {**about, "messages": judged["prompt"], "metadata": {"max_words": 3}}


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
    """One run; its events. RuntimeError where it did not succeed."""
    spec = {"run": 1, "recipe": recipe, "main": f"training.recipes.{recipe}", "config": config, "input_names": {}, "seed": 7}
    places = {"dataset" if name == "written" else name: str(inputs[name]) for name in KINDS[recipe].inputs}
    RunDir.create(folder, {**spec, "inputs": places, "resources": {"processes": processes}})
    return attempted(folder, recipe, processes)


def alone(folder: Path, recipe: str, steps: int) -> list[Row]:
    """What one process tells that goes on from the checkpoint halfway of a run that others have made."""
    shutil.rmtree(folder / "out")
    shutil.rmtree(folder / "checkpoints" / f"step-{steps}")
    spec = json.loads((folder / "run.json").read_text())
    changed = {"config": spec["config"] | WAYS["1 × 8"] | {"parallel": "ddp"}, "resources": {"processes": 1}}
    (folder / "run.json").write_text(json.dumps(spec | changed))
    return [event for event in attempted(folder, recipe, 1, number=2) if event["attempt"] == 2]


def attempted(folder: Path, recipe: str, processes: int, number: int = 1) -> list[Row]:
    """An attempt in processes of its own; all events of its run."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"] if processes > 1 else []
    command = [sys.executable, *torchrun, "-m", KINDS[recipe].module, str(folder), "--attempt", str(number)]
    log = folder.with_suffix(".log")
    with open(log, "wb") as file:
        subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=file, stderr=file, check=False)
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    if events[-1].get("state") != "succeeded":
        raise RuntimeError(f"{folder.name}: {events[-1]}; see {log}")
    return events


def curve(events: list[Row], name: str) -> list[float]:
    return [event[name] for event in events if event["kind"] == "metrics" and name in event]


def curve_apart(mine: list[float], theirs: list[float]) -> float:
    """The largest difference of two points, relative to the second's size or, where it is near zero, to the curve's."""
    if not theirs or len(mine) != len(theirs):
        return math.inf
    least = max(NEAR_ZERO * max(abs(value) for value in theirs), sys.float_info.min)
    return max(abs(a - b) / max(abs(b), least) for a, b in zip(mine, theirs, strict=True))


def differences(recipe: str, inputs: dict[str, Path], folder: Path, steps: int) -> Iterator[tuple[str, dict[str, float]]]:
    """(way, each curve's difference from one batch in one process), with all weights and, where there are, with adapters."""
    kind = KINDS[recipe]
    for rank in kind.ranks:
        wanted: list[Row] = []
        for way, cut in kind.ways.items():
            where = folder / f"{recipe}-{way.replace(' ', '')}-{rank}"
            config = {**kind.config, **cut, kind.length: steps} | ({"lora_rank": rank} if rank else {})
            if kind.taken_up:
                config["save_every"] = steps // 2
            events = learn(where, recipe, inputs, config, PROCESSES.get(way, 1))
            wanted = wanted or events
            if events is not wanted:
                apart = {name: curve_apart(curve(events, name), curve(wanted, name)) for name in (*kind.curves, *kind.loose)}
                yield f"{way}{' lora' if rank else ''}", apart
            if kind.taken_up and way in PROCESSES:
                later = alone(where, recipe, steps)
                ends = {name: curve(wanted, name)[-len(curve(later, name)) :] for name in kind.curves}
                yield f"{way} → 1{' lora' if rank else ''}", {name: curve_apart(curve(later, name), ends[name]) for name in ends}


def summary(recipe: str, found: dict[str, dict[str, float]]) -> dict[str, Any]:
    """What is told of a recipe's ways; curves that TRL tells batch by batch are told, and count for nothing else."""
    curves = KINDS[recipe].curves
    by_way = {way: max(apart[name] for name in curves) for way, apart in found.items()}
    names = next(iter(found.values()))
    by_curve = {name: max(apart[name] for apart in found.values()) for name in names}
    return {"largest": rounded(max(by_way.values())), "by_way": each_rounded(by_way), "by_curve": each_rounded(by_curve)}


def each_rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: rounded(value) for name, value in values.items()}


def rounded(value: float) -> float:
    return float(f"{value:.2g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("--steps", type=int, default=6, help="optimizer steps (ppo: updates) of each run, an even number")
    args = parser.parse_args()
    from bench import worlds

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        worlds.plant(folder, worlds.SHAPES["0.1M"], prompts=8, prompt_words=(2, 4), end=0.1, seed=1)
        words = [f"w{number}" for number in range(worlds.SHAPES["0.1M"].words)]
        dataset = judgements(folder / "judgements", words)
        inputs = {"model": folder / "model", "reward": folder / "reward", "dataset": dataset, "prompts": dataset}
        inputs |= {"written": demonstrations(folder / "written", words), "corpus": corpus(folder / "corpus.txt", words)}
        found: dict[str, dict[str, Any]] = {}
        for recipe in args.recipes:
            ways: dict[str, dict[str, float]] = {}
            for way, apart in differences(recipe, inputs, folder, args.steps):
                ways[way] = apart
                print(f"{recipe:9} {way:12} {max(apart[name] for name in KINDS[recipe].curves):.1e}", file=sys.stderr, flush=True)
            found[recipe] = summary(recipe, ways)
    print(json.dumps({"largest_relative_difference": max(one["largest"] for one in found.values()), "recipes": found}))


if __name__ == "__main__":
    main()
