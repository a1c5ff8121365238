"""How near each way of learning comes to the best policy that there is, on a world whose every answer is written down.

    python -m bench.optimum [--seeds 5] [--only ppo dpo] [--svg docs/optimum.svg]

Each seed plants a world (`bench/enumerable.py`): a model, a reward for every answer, preferences drawn from the Bradley–Terry of
that reward between answers that the model gave. PPO, GRPO and RLOO sample and are paid; DPO, IPO and AWR see logged answers alone.
The share of the gain in E[r] − β KL, from the model as it came in to the optimum, is summed exactly over all answers. The last line
is JSON: {"ppo": mean share, …}, with each world's and a 95 % interval (Student's t). `ipo_own` is IPO's share of what it aims at:
how often an answer beats the reference's, in place of r.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from torch import Tensor
from tqdm import tqdm

from bench import drawn, enumerable
from training import train
from training.rundir import RunDir

BETA = 0.5
WORDS = 2
PAIRS = 3_000
T = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}  # Student's t, 97.5 %, n - 1

# Long enough for a tiny model to settle; everything else as the recipes have it.
SAMPLED = {"max_new_tokens": WORDS + 1, "held_out": 0}
ONLINE = SAMPLED | {
    "max_steps": 100, "batch_size": 256, "accumulation": 1, "learning_rate": 2e-3, "schedule": "linear", "save_every": 1000,
    "beta": BETA,
}  # fmt: skip
LOGGED = {"batch_size": 64, "learning_rate": 2e-3, "schedule": "linear", "valid_every": 10_000, "save_every": 10_000, "beta": BETA}
CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "ppo": ("ppo", SAMPLED | {
        "updates": 100, "rollout_size": 256, "minibatch_size": 128, "batch_size": 256, "learning_rate": 2e-3,
        "value_learning_rate": 2e-3, "critic_warmup": 5, "save_every": 1000, "kl_coef": BETA,
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


def measure(names: list[str], seeds: int, folder: Path) -> dict[str, list[float]]:
    """Each recipe's share in each world."""
    found: dict[str, list[float]] = {name: [] for name in [*names, *([OWN] if "ipo" in names else [])]}
    with tqdm(total=seeds * len(names)) as bar:
        for seed in range(seeds):
            world = enumerable.make(folder / str(seed), most=WORDS, seed=seed)
            world.judge(world.folder / "judged", PAIRS, seed)
            for name in names:
                bar.set_description(f"{name}, world {seed}")
                logs = learned(world, name, world.folder / name, seed=seed)
                found[name].append(world.share(logs, BETA))
                if name == "ipo":
                    found[OWN].append(world.of_preferences().share(logs, BETA))
                bar.write(f"{name}, world {seed}: {found[name][-1]:.4f}", file=sys.stderr)
                bar.update()
    return found


def interval(values: list[float]) -> tuple[float, float] | None:
    """95 % of the mean over worlds; None for one world."""
    if len(values) < 2:
        return None
    half = T.get(len(values), 1.96) * statistics.stdev(values) / math.sqrt(len(values))
    return statistics.fmean(values) - half, statistics.fmean(values) + half


def chart(shares: dict[str, list[float]]) -> str:
    """A picture of all shares with their intervals; the dashed line is the optimum. Its title says who came near."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from training import charts

    called = {name: "IPO, of its own objective" if name == OWN else name.upper() for name in shares}
    means = {name: statistics.fmean(values) for name, values in shares.items()}
    near = [called[name] for name, mean in means.items() if mean >= GOAL and name != OWN]
    title = f"{', '.join(near) or 'None'}: at least {100 * GOAL:.0f} % of the gain that the best policy there is has"
    ends = {name: interval(values) or (None, None) for name, values in shares.items()}
    rows = [(called[name], mean, *ends[name]) for name, mean in means.items()]
    axis = "share of the best gain in E[r] − β KL; 0 is the model as it came in"
    return drawn.alone(charts.interval_chart(rows, title=title, x_label=axis, reference=1.0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="worlds")
    parser.add_argument("--only", nargs="+", choices=list(CONFIGS), default=list(CONFIGS))
    parser.add_argument("--svg", type=Path, help="where to draw the shares, as in docs/optimum.svg")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shares = measure(args.only, args.seeds, Path(folder))
    told: dict[str, Any] = {name: round(statistics.fmean(values), 4) for name, values in shares.items()}
    told["interval"] = {name: [round(end, 4) for end in found] for name, values in shares.items() if (found := interval(values))}
    told["worlds"] = {name: [round(value, 4) for value in values] for name, values in shares.items()}
    if args.svg:
        args.svg.write_text(chart(shares), encoding="utf-8")
    print(json.dumps(told))


if __name__ == "__main__":
    main()
