"""How near each way of learning comes to the best policy that there is, on a world whose every answer is written down.

    python -m bench.optimum [--seeds 5] [--only ppo dpo] [--workers 2] [--svg docs/optimum.svg]

Each seed plants a world (`bench/enumerable.py`): a model, a reward for every answer, preferences drawn from the Bradley–Terry of
that reward between answers that the model gave. PPO, GRPO and RLOO sample and are paid; DPO, IPO and AWR see logged answers alone.
The share of the gain in E[r] − β KL, from the model as it came in to the optimum, is summed exactly over all answers. The last line
is JSON: {"ppo": mean share, …}, with each world's and a 95 % interval (Student's t). `ipo_own` is IPO's share of what it aims at:
how often an answer beats the reference's, in place of r.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from bench import drawn, enumerable
from bench.seeds import interval
from training import train
from training.rundir import RunDir

BETA = 0.5
WORDS = 2
PAIRS = 3_000

# Long enough for a tiny model to settle; everything else as the recipes have it.
SAMPLED = {"max_new_tokens": WORDS + 1, "held_out": 0}
ONLINE = SAMPLED | {
    "max_steps": 100, "batch_size": 256, "accumulation": 1, "learning_rate": 1e-3, "schedule": "linear", "save_every": 1000,
    "beta": BETA,
}  # fmt: skip
LOGGED = {"batch_size": 64, "learning_rate": 5e-4, "schedule": "linear", "valid_every": 10_000, "save_every": 10_000, "beta": BETA}
CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "ppo": ("ppo", SAMPLED | {
        "updates": 100, "rollout_size": 256, "minibatch_size": 128, "batch_size": 256, "learning_rate": 1e-3,
        "value_learning_rate": 2e-3, "lam": 1.0, "critic_warmup": 5, "save_every": 1000, "kl_coef": BETA,
    }),
    "dpo": ("dpo", LOGGED | {"epochs": 12}),
    "ipo": ("dpo", LOGGED | {"epochs": 12, "loss": "ipo"}),
    # Weights in the unit of rewards, so that β is the price of KL here too.
    "awr": ("awr", LOGGED | {"epochs": 6, "aspect": "score", "unit": "reward", "baseline": "group"}),
    # Neither divides by the spread of a group: β would not be the price of KL.
    "grpo": ("grpo", ONLINE | {"loss": "dr_grpo", "scale": "none"}),
    "rloo": ("rloo", ONLINE),
}  # fmt: skip
PAID = {"ppo", "grpo", "rloo"}
OWN = "ipo_own"  # IPO's share of its own objective, which is not the reward's
GOAL = 0.97


def learned(world: enumerable.World, name: str, folder: Path, config: dict[str, Any] | None = None, seed: int = 0) -> Tensor:
    """Runs one recipe in a folder: log π of its policy. RuntimeError with the run's last word if it did not succeed."""
    recipe, settings = CONFIGS[name]
    inputs = {"model": world.folder / "model"}
    inputs |= {"reward": world.folder / "reward"} if recipe in PAID else {}
    inputs |= {"dataset": world.folder / "judged"} if recipe in {"dpo", "awr"} else {"prompts": world.folder / "prompts"}
    spec = {"run": 1, "recipe": recipe, "main": f"training.recipes.{recipe}", "config": settings | (config or {})}
    RunDir.create(
        folder, {**spec, "inputs": {k: str(v) for k, v in inputs.items()}, "input_names": {}, "seed": seed, "resources": {}}
    )
    if train.main([str(folder)]):
        raise RuntimeError(f"{name}: {json.loads((folder / 'events.jsonl').read_text().splitlines()[-1])['reason']}")
    return world.logs(folder / "out")


def shares(name: str, seed: int) -> dict[str, float]:
    """One recipe's share in one world; of IPO also `ipo_own`."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        world = enumerable.make(Path(folder), most=WORDS, seed=seed)
        world.judge(world.folder / "judged", PAIRS, seed)
        logs = learned(world, name, world.folder / name, seed=seed)
    own = {OWN: world.of_preferences().share(logs, BETA)} if name == "ipo" else {}
    return {name: world.share(logs, BETA), **own}


def measure(names: list[str], seeds: int, workers: int) -> dict[str, list[float]]:
    """Each recipe's shares, world by world."""
    asked = [(name, seed) for seed in range(seeds) for name in names]
    found: dict[str, list[float]] = {name: [] for name in [*names, *([OWN] if "ipo" in names else [])]}
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool, tqdm(total=len(asked)) as bar:
        for (_name, seed), told in zip(asked, pool.map(shares, *zip(*asked, strict=True)), strict=True):
            for word, value in told.items():
                found[word].append(value)
                bar.write(f"{word}, world {seed}: {value:.4f}", file=sys.stderr)
            bar.update()
    return found


def chart(found: dict[str, list[float]]) -> str:
    """A picture of all shares with their intervals; the dashed line is the optimum. Its title says who came near."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from training import charts

    called = {name: "IPO, of its own objective" if name == OWN else name.upper() for name in found}
    means = {name: statistics.fmean(values) for name, values in found.items()}
    near = [called[name] for name, mean in means.items() if mean >= GOAL and name != OWN]
    title = f"{', '.join(near) or 'None'}: at least {100 * GOAL:.0f} % of the gain that the best policy there is has"
    ends = {name: interval(values) if len(values) > 1 else (None, None) for name, values in found.items()}
    rows = [(called[name], mean, *ends[name]) for name, mean in means.items()]
    axis = "share of the best gain in E[r] − β KL; 0 is the model as it came in"
    return drawn.alone(charts.interval_chart(rows, title=title, x_label=axis, reference=1.0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="worlds")
    parser.add_argument("--only", nargs="+", choices=list(CONFIGS), default=list(CONFIGS))
    parser.add_argument("--workers", type=int, default=2, help="recipes that learn at the same time")
    parser.add_argument("--svg", type=Path, help="where to draw the shares, as in docs/optimum.svg")
    args = parser.parse_args()
    found = measure(args.only, args.seeds, args.workers)
    told: dict[str, Any] = {name: round(statistics.fmean(values), 4) for name, values in found.items()}
    if args.seeds > 1:
        told["interval"] = {name: [round(end, 4) for end in interval(values)] for name, values in found.items()}
    told["worlds"] = {name: [round(value, 4) for value in values] for name, values in found.items()}
    if args.svg:
        args.svg.write_text(chart(found), encoding="utf-8")
    print(json.dumps(told))


if __name__ == "__main__":
    main()
