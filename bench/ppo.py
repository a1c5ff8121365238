"""PPO beside TRL 1.12's, the last with PPO: the same work, measured in one run.

    python -m bench.ppo [--size 30M] [--rounds 2] [--updates 3] [--trl-venv PATH]

Speed: both start from the same random Llama (planted by `bench/worlds.py` so that answers end after `1 / --end` tokens on average),
the same prompts, and learn with the same rollout, minibatches, epochs, precision and threads, in alternating rounds of processes of
their own. The first update of each process is not counted. Learning: a planted reward model, many updates of a small model, the
reward when either first reaches the same KL. TRL gets an environment of its own, made where it is missing.

The last line is JSON: `speedup` (samples a second, Crisol's by TRL's), `peak_memory_ratio` (TRL's by Crisol's; of the process, on
CUDA of the card), `reward_at_equal_kl`, and each side's figures; `train_tflops` is what `bench/flops.py` counts, in a second of
learning.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from bench import flops, worlds
from bench.servers import ROOT
from bench.shapes import Shape
from training import text
from training.recipes import ppo
from training.rundir import RunDir

CACHE = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "crisol" / "trl-1.12.0"
SIDES = ("crisol", "trl")
FIGURES = "figures.jsonl"
NO_END = -1.0
STAGES = ("generate_s", "score_s", "train_s", "cpu_s")
MEMORY = ("peak_mb", "reserved_mb")

Row = dict[str, Any]


def trl_python(folder: Path) -> Path:
    """The interpreter of an environment with TRL 1.12.0 and this one's torch, made if it is not there."""
    python = folder / "bin" / "python"
    if not (folder / "whole").exists():
        from importlib.metadata import version

        venv.create(folder, with_pip=True, clear=True)
        wanted = ["trl==1.12.0", f"torch=={version('torch').partition('+')[0]}", f"transformers=={version('transformers')}"]
        subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
        (folder / "whole").touch()
    return python


# One side at work -----------------------------------------------------------------------------------------------------------


def settings(args: argparse.Namespace, updates: int, rate: float, seed: int) -> dict[str, Row]:
    """The same work in both sides' words."""
    shared = {"learning_rate": rate, "temperature": 1.0, "kl_coef": args.kl_coef, "gamma": 1.0, "lam": 0.95}
    crisol = {
        **shared,
        "updates": updates,
        "rollout_size": args.rollout,
        "minibatch_size": args.minibatch,
        "epochs": args.epochs,
        "batch_size": args.minibatch,
        "max_new_tokens": args.max_new_tokens,
        "value_learning_rate": rate,
        "critic_warmup": 0,
        "no_end": NO_END,
        "approx_kl_stop": 1e9,  # TRL never ends an update early
        **dict.fromkeys(("kl_cap", "entropy_floor", "length_drift", "eos_floor", "clip_ceiling")),  # no guard ends a run
        "held_out": 0,
        "save_every": updates,
    }
    trl = {
        **shared,
        "total_episodes": updates * args.rollout,
        # As one batch: TRL's accumulation would make one step an epoch out of all its minibatches.
        "per_device_train_batch_size": args.rollout,
        "gradient_accumulation_steps": 1,
        "num_mini_batches": args.rollout // args.minibatch,
        "num_ppo_epochs": args.epochs,
        "local_rollout_forward_batch_size": args.rollout,
        "response_length": args.max_new_tokens,
        "stop_token": "eos",
        "missing_eos_penalty": -NO_END,
        "num_sample_generations": 0,
        "lr_scheduler_type": "linear",
        "adam_epsilon": 1e-5,
        "gradient_checkpointing": False,
        "save_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
        "seed": seed,
    }
    return {"crisol": crisol, "trl": trl}


def run_crisol(folder: Path, world: Path, config: Row, seed: int) -> list[Row]:
    """The figures of each update."""
    inputs = {name: str(world / name) for name in ("model", "reward", "prompts")}
    spec = {"run": 1, "recipe": "ppo", "main": ppo.__name__, "config": config, "inputs": inputs, "input_names": {}}
    RunDir.create(folder, {**spec, "seed": seed, "resources": {}})
    return watched([sys.executable, "-m", "bench.ppo_stages", str(folder), str(folder / FIGURES)], folder)


def run_trl(folder: Path, world: Path, config: Row, seed: int, python: Path) -> list[Row]:
    """The same of TRL."""
    folder.mkdir()
    work = {
        "config": {**config, "output_dir": str(folder / "out")},
        "model": str(world / "model"),
        "reward": str(world / "reward"),
        "prompts": prompts_of(world),
        "no_end": NO_END,
        "figures": str(folder / FIGURES),
    }
    (folder / "work.json").write_text(json.dumps(work))
    return watched([str(python), str(ROOT / "bench" / "trl_ppo.py"), str(folder / "work.json")], folder)


def prompts_of(world: Path) -> list[list[int]]:
    """The prompts as the tokens that Crisol starts from."""
    from annotation import frozen

    tokenizer = text.load_tokenizer(world / "model")
    return [text.encode_prompt(tokenizer, row["messages"]) for row in frozen.read_prompts(world / "prompts")]


def watched(command: list[str], folder: Path) -> list[Row]:
    """Runs a process to its end, on a CPU with two threads. Its figures; `peak_mb` is its own where it tells of no card's.

    RuntimeError if it fails.
    """
    env = {
        **os.environ,
        **({} if torch.cuda.is_available() else {"OMP_NUM_THREADS": "2"}),
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=said, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{said.read()[-3000:]}")
    own = {"peak_mb": usage.ru_maxrss / 1024}
    return [own | json.loads(line) for line in (folder / FIGURES).read_text().splitlines()]


# Speed ----------------------------------------------------------------------------------------------------------------------


def speed(args: argparse.Namespace, folder: Path, python: Path, bar: Any) -> Row:
    """Both sides in alternating rounds on one world."""
    world = folder / "world"
    shape = worlds.SHAPES[args.size]
    worlds.plant(world, shape, prompts=256, prompt_words=tuple(args.prompt_words), end=args.end, seed=0)
    rows: dict[str, list[Row]] = {side: [] for side in SIDES}
    for number in range(args.rounds):
        config = settings(args, args.updates, args.learning_rate, number)
        for side in SIDES:
            bar.set_description(f"speed, {side}")
            rows[side] += at_work(side, folder / f"{side}-{number}", world, config[side], number, python)[1:]
            bar.update()
    return {side: cost(rows[side], shape, args.rollout, args.epochs) for side in SIDES}


def at_work(side: str, folder: Path, world: Path, config: Row, seed: int, python: Path) -> list[Row]:
    return run_crisol(folder, world, config, seed) if side == "crisol" else run_trl(folder, world, config, seed, python)


def cost(rows: list[Row], shape: Shape, rollout: int, epochs: int) -> Row:
    """Medians over updates, of memory the most. Tokens are those of answers, ends included."""
    seconds = statistics.median(row["seconds"] for row in rows)
    tokens = statistics.fmean(row["tokens"] for row in rows)
    stages = {stage: round(statistics.median(row[stage] for row in rows), 2) for stage in STAGES}
    return {
        "seconds_per_update": round(seconds, 2),
        "samples_per_s": round(rollout / seconds, 2),
        "tokens_per_s": round(tokens / seconds, 1),
        "mean_tokens": round(tokens / rollout, 1),
        "train_tflops": round(statistics.median(work(row, shape, epochs) / row["train_s"] for row in rows) / 1e12, 4),
        **{name: round(max(row[name] for row in rows)) for name in MEMORY if name in rows[0]},
        **stages,
    }


def work(row: Row, shape: Shape, epochs: int) -> float:
    """Operations that an update could not do without."""
    return flops.update(shape, tokens=row["context"], squares=row["context_squared"], answer_tokens=row["tokens"], epochs=epochs)


# Learning -------------------------------------------------------------------------------------------------------------------


def learning(args: argparse.Namespace, folder: Path, python: Path, bar: Any) -> list[Row]:
    """Both sides on a planted reward, one pair of curves a seed."""
    found = []
    for seed in range(1, args.seeds + 1):
        world = folder / f"small-{seed}"
        worlds.plant(world, worlds.SHAPES["0.1M"], prompts=256, prompt_words=(4, 8), end=0.08, seed=seed)
        small = argparse.Namespace(**{**vars(args), "rollout": 64, "minibatch": 16, "max_new_tokens": 32})
        config = settings(small, args.learning_updates, args.small_learning_rate, seed)
        curves = {}
        for side in SIDES:
            bar.set_description(f"learning, {side}")
            curves[side] = at_work(side, folder / f"small-{side}-{seed}", world, config[side], seed, python)
            bar.update()
        found.append(at_equal_kl(curves))
    return found


def at_equal_kl(curves: dict[str, list[Row]], memory: float = 0.8) -> Row:
    """The smoothed reward of each side when it first was as far from its start as the side that stayed nearer ever was."""
    smooth = {side: smoothed(rows, memory) for side, rows in curves.items()}
    reach = min(max(kl for kl, _ in points) for points in smooth.values())
    at = {side: next(reward for kl, reward in points if kl >= reach) for side, points in smooth.items()}
    return {"kl": reach, **at, "last": {side: {"kl": points[-1][0], "reward": points[-1][1]} for side, points in smooth.items()}}


def smoothed(rows: list[Row], memory: float) -> list[tuple[float, float]]:
    """(KL, reward) after each update, both as exponential means."""
    kl, reward = rows[0]["kl"], rows[0]["reward"]
    points = []
    for row in rows:
        kl, reward = memory * kl + (1 - memory) * row["kl"], memory * reward + (1 - memory) * row["reward"]
        points.append((kl, reward))
    return points


def options(about: str | None) -> argparse.ArgumentParser:
    """The options, of a bench that tells this of itself."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--size", choices=list(worlds.SHAPES), default="30M", help="parameters of the model whose speed is measured"
    )
    parser.add_argument("--rounds", type=int, default=2, help="processes of each side, in turn")
    parser.add_argument("--updates", type=int, default=3, help="updates of each process; the first is not counted")
    parser.add_argument("--rollout", type=int, default=32, help="answers of an update")
    parser.add_argument("--minibatch", type=int, default=8, help="answers of a step")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--prompt-words", type=int, nargs=2, default=(16, 64), help="shortest and longest prompt")
    parser.add_argument("--max-new-tokens", type=int, default=96)
    parser.add_argument("--end", type=float, default=0.02, help="chance that a next token ends the answer")
    parser.add_argument("--learning-rate", type=float, default=3e-6)
    parser.add_argument("--kl-coef", type=float, default=0.05)
    parser.add_argument("--seeds", type=int, default=3, help="pairs of curves of the part on learning; 0 leaves it out")
    parser.add_argument("--learning-updates", type=int, default=60)
    parser.add_argument("--small-learning-rate", type=float, default=3e-4)
    parser.add_argument("--trl-venv", type=Path, default=CACHE, help="where TRL's environment is, or is made")
    return parser


def compared(args: argparse.Namespace) -> Row:
    """All that is measured with these options, ratios first."""
    python = trl_python(args.trl_venv)
    with tempfile.TemporaryDirectory() as folder, tqdm(total=2 * (args.rounds + args.seeds)) as bar:
        costs = speed(args, Path(folder), python, bar) if args.rounds else {}
        curves = learning(args, Path(folder), python, bar)
    return summary(args.size, costs, curves)


def summary(size: str, costs: dict[str, Row], curves: list[Row]) -> Row:
    """All figures, ratios first."""
    told: Row = {"size": size}
    if costs:
        ours, theirs = (costs[side] for side in SIDES)
        told["speedup"] = round(ours["samples_per_s"] / theirs["samples_per_s"], 2)
        told["peak_memory_ratio"] = round(theirs["peak_mb"] / ours["peak_mb"], 2)
    if curves:
        told["reward_at_equal_kl"] = {name: round(statistics.fmean(row[name] for row in curves), 3) for name in ("kl", *SIDES)}
        told["by_seed"] = curves
    return {**told, **costs}


if __name__ == "__main__":
    print(json.dumps(compared(options(__doc__).parse_args())))
