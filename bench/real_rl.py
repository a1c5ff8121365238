"""Learning from a rule on real text: GSM8K's lessons, a model from scratch, PPO paid for sums that are right.

    python -m bench.real_rl [--data ../shared/data] [--seeds 3] [--updates 50] [--home FOLDER]

A tokenizer and a base of about a million parameters learn from GSM8K's training lessons and tinyshakespeare; SFT on the short
lessons; then PPO with the reward `calculations` (training/rewards/calculations.py), once a seed, all from the one SFT. A fifth of
the short lessons is never seen, in no stage: on those, `sample` draws answers of the model before and after, as PPO does, and the
rule is asked again. What the rule does not ask is counted too: whether answers are right (`exact`), whether the numbers of a
sum are those of its question, how long answers are. The last line is JSON; before it, answers to the same questions, old and new.
With --home a run that was cut short goes on where it was.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from annotation import frozen
from bench import real_data
from bench.seeds import interval
from bench.servers import ROOT
from training import rewards
from training.rewards import Answer
from training.rewards.calculations import ANNOTATION
from training.rundir import RunDir

GSM8K = "instr_gsm8k_train.jsonl.gz"
LONGEST_QUESTION, LONGEST_SOLUTION = 220, 200  # characters: a model this small keeps no longer thread
RULES = rewards.parse("calculations:1 exact:1")
SHOWN = 4
TEMPERATURE = 0.5  # at 1 so small a model has one sum in fifty right, and PPO learns from those that are
STAGES = {
    "tokenizer": {"vocab_size": 1024},
    "pretrain": {
        "size": "1M",
        "block_size": 192,
        "max_steps": 350,
        "batch_size": 10,
        "learning_rate": 3e-3,
        "valid_tokens": 10_000,
    },
    "sft": {"epochs": 4, "batch_size": 16, "learning_rate": 2e-3, "max_length": 192, "valid_every": 200},
    "ppo": {
        "rewards": "calculations:1",
        "rollout_size": 64,
        "minibatch_size": 32,
        "batch_size": 32,
        "max_new_tokens": 96,
        "temperature": TEMPERATURE,
        "learning_rate": 3e-4,
        "value_learning_rate": 1e-3,
        "kl_coef": 0.02,
        "critic_warmup": 3,
        "length_drift": None,  # what is measured here is where the rule leads, also where a guard would stop it
        "held_out": 64,
        "valid_every": 20,
        "save_every": 20,
    },
    "sample": {"split": "test", "per_prompt": 2, "temperature": TEMPERATURE, "max_new_tokens": 96, "batch_size": 64},
}

Row = dict[str, Any]


# Data -----------------------------------------------------------------------------------------------------------------------


def lessons(data: Path) -> tuple[list[Row], list[Row]]:
    """(short lessons as rows of a snapshot's prompts, with their solutions; all lessons), a fifth of the short ones held out."""
    rows = real_data.rows(data / GSM8K)
    short = [row for row in rows if len(row["question"]) <= LONGEST_QUESTION and len(row["answer"]) <= LONGEST_SOLUTION]
    prompts = [
        {
            "prompt_id": number,
            "messages": [{"role": "user", "content": row["question"]}],
            "tools": [],
            "language": "en",
            "source": "GSM8K",
            "licence": "MIT",
            "metadata": {"answer": row["answer"], "extract": "####"},
            "split": frozen.prompt_split(hashlib.sha256(row["question"].encode()).hexdigest(), test=0.2, validation=0.0),
        }
        for number, row in enumerate(short)
    ]
    return prompts, rows


def prepare(data: Path, home: Path) -> list[Row]:
    """A corpus and a snapshot in `home`; the prompts that were held out."""
    prompts, rows = lessons(data)
    held_out = {row["messages"][0]["content"] for row in prompts if row["split"] == "test"}
    read = [f"{row['question']}\n{row['answer']}" for row in rows if row["question"] not in held_out]
    plays = real_data.scenes(real_data.text(data / real_data.SHAKESPEARE), 8)
    (home / "corpus.txt").write_text("\n\n".join([*read, *plays]), encoding="utf-8")
    frozen.write(home / "snapshot", prompts, map(demonstration, prompts))
    return [row for row in prompts if row["split"] == "test"]


def demonstration(prompt: Row) -> Row:
    """A lesson's solution as a judgement of the kind `write`."""
    made = {name: prompt[name] for name in ("prompt_id", "tools", "language", "source", "licence", "split")}
    solution = [{"role": "assistant", "content": prompt["metadata"]["answer"]}]
    answer = {"sample_id": prompt["prompt_id"], "messages": solution, "model": "", "author": "gsm8k", "written": True, "grades": {}}
    about = {"task_id": prompt["prompt_id"], "judgement_id": prompt["prompt_id"], "kind": "write", "rater": "gsm8k"}
    return {**made, **about, "prompt": prompt["messages"], "guidelines": None, "seconds": None, "answers": [answer]}


# Runs -----------------------------------------------------------------------------------------------------------------------


def run(home: Path, name: str, recipe: str, inputs: dict[str, Path], seed: int = 0, **more: Any) -> Path:
    """The `out/` of a run, which is done unless it was. RuntimeError with the reason where it fails."""
    folder = home / name
    given = {key: str(path) for key, path in inputs.items()}
    spec = {"run": 1, "recipe": recipe, "main": f"training.recipes.{recipe}", "inputs": given, "input_names": {}, "resources": {}}
    made = RunDir.create(folder, {**spec, "config": STAGES[recipe] | more, "seed": seed})
    if not made.out.exists():
        with open(folder / "log.txt", "ab") as log:
            subprocess.run([sys.executable, "-m", "training.train", str(folder)], cwd=ROOT, stdout=log, stderr=log, check=False)
    if not made.out.exists():
        raise RuntimeError(f"{name}: {events(folder)[-1].get('reason')}; its log is {folder / 'log.txt'}")
    return made.out


def events(folder: Path) -> list[Row]:
    """What a run said."""
    return [json.loads(line) for line in (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()]


def card(folder: Path) -> Row:
    """The figures that a run's weights carry."""
    return dict(json.loads((folder / "out" / "card.json").read_text(encoding="utf-8"))["figures"])


def seconds(folder: Path) -> float:
    """How long a run's attempts took, pauses between them left out."""
    told = events(folder)
    starts, ends = ([event["at"] for event in told if event["kind"] == kind] for kind in ("start", "end"))
    return round(sum(end - start for start, end in zip(starts, ends, strict=False)), 1)


# Figures --------------------------------------------------------------------------------------------------------------------


def answers(out: Path, prompts: Sequence[Row]) -> list[Answer]:
    """The sampled answers to the held-out prompts."""
    asked = {row["prompt_id"]: row for row in prompts}
    lines = [json.loads(line) for line in (out / "samples.jsonl").read_text(encoding="utf-8").splitlines()]
    return [
        Answer(prompt["messages"], line["messages"][0]["content"], prompt["metadata"], line["sampling"]["finish"] == "stop")
        for line in lines
        for prompt in [asked[line["prompt_id"]]]
    ]


def figures(found: Sequence[Answer]) -> Row:
    """What the rule says of answers on average, and what it does not ask."""
    values = rewards.parts(RULES, found)
    sums = [one for answer in found for one in ANNOTATION.findall(answer.text)]
    return {
        "calculations": round(statistics.fmean(values["calculations"]), 4),
        "exact": round(statistics.fmean(values["exact"]), 4),
        "grounded": round(statistics.fmean(map(grounded, found)), 4),
        "sums": round(len(sums) / len(found), 2),
        "different_sums": round(len(set(sums)) / max(len(sums), 1), 4),
        "words": round(statistics.fmean(len(answer.text.split()) for answer in found), 1),
        "ended": round(statistics.fmean(answer.ended for answer in found), 4),
    }


def grounded(answer: Answer) -> float:
    """Share of an answer's sums whose every number is in the question or came out of an earlier sum."""
    known = set(numerals(answer.prompt[-1]["content"]))
    kept = []
    for annotation in ANNOTATION.findall(answer.text):
        left, _, result = annotation.rpartition("=")
        kept.append(known.issuperset(numerals(left)))
        known |= set(numerals(result))
    return sum(kept) / len(kept) if kept else 0.0


def numerals(text: str) -> Iterator[str]:
    """The numbers spelled in a text."""
    return (found[0] for found in re.finditer(r"\d+(?:\.\d+)?", text))


def page(before: Sequence[Answer], after: Sequence[Answer], count: int) -> str:
    """The first answers to the same questions, before and after, as indented text: nothing in it is Markdown."""
    said: list[str] = []
    for old, new in list(zip(before[::2], after[::2], strict=True))[:count]:
        for name, text in (("Question", old.prompt[-1]["content"]), ("Before", old.text), ("After", new.text)):
            lines = (text if text.strip() else "(nothing)").splitlines()
            said += [f"**{name}**", "", *(f"    {line}" for line in lines), ""]
    return "\n".join(said)


def learn(home: Path, data: Path, seeds: int, updates: int) -> tuple[Row, str]:
    """All stages; figures and samples."""
    held_out = prepare(data, home)
    corpus, snapshot = home / "corpus.txt", home / "snapshot"
    with tqdm(total=4 + 2 * seeds, desc="runs") as bar:
        tokenizer = run(home, "tokenizer", "tokenizer", {"corpus": corpus})
        bar.update()
        base = run(home, "pretrain", "pretrain", {"corpus": corpus, "tokenizer": tokenizer})
        bar.update()
        sft = run(home, "sft", "sft", {"model": base, "dataset": snapshot})
        bar.update()
        before = answers(run(home, "before", "sample", {"model": sft, "prompts": snapshot}), held_out)
        bar.update()
        after = []
        for seed in range(1, seeds + 1):
            policy = run(home, f"ppo-{seed}", "ppo", {"model": sft, "prompts": snapshot}, seed, updates=updates)
            bar.update()
            after.append(answers(run(home, f"after-{seed}", "sample", {"model": policy, "prompts": snapshot}), held_out))
            bar.update()
    told, start = [figures(found) for found in after], figures(before)
    gains = [one["calculations"] - start["calculations"] for one in told]
    return {
        "held_out_prompts": len(held_out),
        "updates": updates,
        "before": start,
        "after": told,
        "gain": round(statistics.fmean(gains), 4),
        "gain_95": [round(end, 4) for end in interval(gains)],
        "kl": [round(card(home / f"ppo-{seed}")["kl"], 2) for seed in range(1, seeds + 1)],
        "seconds": {name: seconds(home / name) for name in ("pretrain", "sft", *(f"ppo-{s}" for s in range(1, seeds + 1)))},
    }, page(before, after[0], SHOWN)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the folder with the published files")
    parser.add_argument("--seeds", type=int, default=3, help="runs of PPO, all from one SFT")
    parser.add_argument("--updates", type=int, default=50, help="updates of each")
    parser.add_argument("--home", type=Path, help="where the runs are kept; a temporary folder if not given")
    args = parser.parse_args()
    if missing := [name for name in (GSM8K, real_data.SHAKESPEARE) if not (args.data / name).exists()]:
        print(f"Skipped: {args.data} lacks {', '.join(missing)}. Name their folder with --data.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="crisol-rl-") as folder:
        home = args.home or Path(folder)
        home.mkdir(parents=True, exist_ok=True)
        told, samples = learn(home, args.data, args.seeds, args.updates)
    print(samples)
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
