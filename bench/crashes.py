"""kill -9 of a trainer at random instants of its life, and at each thing that it puts on the disk; then it is tried again.

    python -m bench.crashes [--kills 100] [--recipes pretrain sft …] [--each pretrain sft ppo]

Every recipe that saves on its way learns a few steps on a small world, once in peace. `--kills` attempts, spread over the recipes,
are killed at instants drawn from the whole length of an attempt. Of the recipes after `--each`, attempts are killed at every single
write (half of it done), fsync, rename, mkdir and removal in the run's folder, by Python, torch and safetensors alike
(`bench/crash_points.c`; needs a C compiler). The next attempt must end well, in the same weights bit for bit, and each loss that
either attempt told must be the one told in peace.

The last line is JSON: `kills` and `points` made, and of both together `unloadable` (the next attempt did not end well) and
`different` (other weights or losses). Both must be 0; where they are not, the folders stay and are named.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import itertools
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from annotation import frozen
from bench import crash_points, equivalence
from training.rundir import RunDir

TIMELESS = ("loss", "valid_loss", "policy_loss", "value_loss", "gradient_norm", "value_gradient_norm", "reward", "kl")
SMALL = {"max_steps": 4, "save_every": 2, "valid_every": 2, "log_every": 1, "batch_size": 4, "learning_rate": 1e-3}
ONLINE = {**equivalence.ONLINE.config, "max_steps": 4, "save_every": 2, "batch_size": 4}
PPO = {**equivalence.PPO.config, "updates": 3, "save_every": 1, "valid_every": 2}
# The least that still saves twice and validates. Inputs are those of `bench/equivalence.py`'s world.
CONFIGS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "pretrain": (("model", "corpus"), {**SMALL, "block_size": 32}),
    **dict.fromkeys(("sft", "reward", "dpo", "kto", "orpo", "simpo", "awr"), (("model", "dataset"), {**SMALL, "max_length": 64})),
    "ppo": (equivalence.ASKED, {**PPO, "rollout_size": 8, "minibatch_size": 4, "batch_size": 4}),
    "grpo": (equivalence.ASKED, ONLINE),
    "rloo": (equivalence.ASKED, ONLINE),
}
EACH = ("pretrain", "sft", "ppo")

Left = tuple[str, frozenset[tuple[int, str, float]]]  # digest of the weights made, and (step, name, value) of every loss told


@dataclass
class World:
    """Runs of one recipe, each in a folder of its own; what one left behind that nobody killed."""

    folder: Path
    create: Callable[[Path], None]
    numbers: Iterator[int] = field(default_factory=itertools.count)
    wrong: Counter[str] = field(default_factory=Counter)
    kept: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        crash_points.warm(self.new())
        peaceful, began = self.new(), time.monotonic()
        crash_points.whole(peaceful, 1)
        self.seconds, self.wanted = time.monotonic() - began, left_behind(peaceful)
        if self.wanted is None:
            raise RuntimeError(f"the run that nobody killed did not succeed: see {peaceful}")

    def new(self) -> Path:
        """The folder of a new run."""
        run = self.folder / f"run-{next(self.numbers)}"
        self.create(run)
        return run

    def points(self) -> int:
        """How many calls of an attempt put something on the disk."""
        return crash_points.calls(self.new(), 1)

    def survives(self, died: Callable[..., bool]) -> bool:
        """Whether a new run died as told; what its next attempt made of that is counted."""
        run = self.new()
        if not died(run, 1):
            return False
        crash_points.whole(run, 2)
        found = left_behind(run)
        wrong = "unloadable" if found is None else "different" if found != self.wanted else ""
        if wrong:
            self.wrong[wrong] += 1
            self.kept.append(str(run))
        else:
            shutil.rmtree(run)
        return True


def left_behind(run: Path) -> Left | None:
    """What all attempts of a run together left; None unless the last succeeded."""
    events = list(whole_lines(run / "events.jsonl"))
    if [event["state"] for event in events if event["kind"] == "end"][-1:] != ["succeeded"]:
        return None
    points = (event for event in events if event["kind"] == "metrics")
    told = {(point["step"], name, point[name]) for point in points for name in TIMELESS if name in point}
    made = hashlib.sha256()
    for weights in sorted((run / "out").rglob("*.safetensors")):
        made.update(weights.read_bytes())
    return made.hexdigest(), frozenset(told)


def whole_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The events of a file, without a line that a kill cut."""
    for line in path.read_text().splitlines():
        with contextlib.suppress(ValueError):
            yield json.loads(line)


def worlds(folder: Path, recipes: list[str]) -> dict[str, World]:
    """A world for each recipe, on the inputs of `bench/equivalence.py`."""
    from bench import worlds as planted

    shape = planted.SHAPES["0.1M"]
    planted.plant(folder, shape, prompts=8, prompt_words=(2, 4), end=0.1, seed=1)
    words = [f"w{number}" for number in range(shape.words)]
    judged = judgements(folder / "judgements", words)
    corpus, dice = folder / "corpus.txt", random.Random(0)
    corpus.write_text("\n\n".join(" ".join(dice.choices(words, k=12)) for _ in range(100)))
    inputs = {"model": folder / "model", "reward": folder / "reward", "dataset": judged, "prompts": judged, "corpus": corpus}
    return {recipe: World(folder / recipe, creator(recipe, inputs)) for recipe in recipes}


def judgements(folder: Path, words: list[str]) -> Path:
    """A snapshot in which every prompt was ranked, and answered by a rater."""
    dice, splits = random.Random(2), ["train"] * 11 + ["validation"] * 2
    ranked = [equivalence.judgement(number, split, words, dice) for number, split in enumerate(splits)]
    rows = [*ranked, *map(written, ranked)]
    frozen.write(folder, [equivalence.prompt(row) for row in ranked], rows)
    return folder


def written(ranked: dict[str, Any]) -> dict[str, Any]:
    """The best of a ranking's answers as one that its rater wrote."""
    numbers = {name: 100 + ranked[name] for name in ("judgement_id", "task_id")}
    answer = {
        **ranked["answers"][0],
        "sample_id": 1000 + ranked["task_id"],
        "author": "r1",
        "written": True,
        "grades": {},
        "beats": {},
    }
    return {**ranked, **numbers, "kind": "write", "answers": [answer]}


def creator(recipe: str, inputs: dict[str, Path]) -> Callable[[Path], None]:
    """Makes the folder of a run of this recipe."""
    names, config = CONFIGS[recipe]
    spec = {"run": 1, "recipe": recipe, "main": f"training.recipes.{recipe}", "config": config, "input_names": {}, "seed": 7}
    places = {name: str(inputs[name]) for name in names}

    def create(run: Path) -> None:
        RunDir.create(run, {**spec, "inputs": places, "resources": {}})

    return create


def at_random(found: dict[str, World], kills: int, dice: random.Random) -> int:
    """So many kills, recipe after recipe; how many there were."""
    made = 0
    with tqdm(total=kills, desc="random instants") as bar:
        for world in itertools.cycle(found.values()):
            if made == kills:
                return made
            if world.survives(partial(crash_points.dies_after, seconds=dice.uniform(0, world.seconds))):
                made += 1
                bar.update()
    return made


def at_each_call(world: World, name: str) -> int:
    """A kill at every call; how many there were."""
    made = 0
    for call in tqdm(range(1, world.points() + 1), desc=f"each call of {name}"):
        made += world.survives(partial(crash_points.dies_at, call=call))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100, help="at random instants, spread over the recipes")
    parser.add_argument("--recipes", nargs="+", choices=CONFIGS, default=list(CONFIGS), help="killed at random instants")
    parser.add_argument("--each", nargs="*", choices=CONFIGS, default=list(EACH), help="killed at every call, too")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="crisol-crashes-"))
    if crash_points.PRELOAD not in os.environ:
        again = [sys.executable, "-m", "bench.crashes", *sys.argv[1:]]
        os.execve(sys.executable, again, {**crash_points.preloaded(folder / "points.so"), "OMP_NUM_THREADS": "1"})
    found = worlds(folder, sorted({*args.recipes, *args.each}, key=list(CONFIGS).index))
    kills = at_random({name: found[name] for name in args.recipes}, args.kills, random.Random(args.seed))
    points = {name: at_each_call(found[name], name) for name in args.each}
    wrong: Counter[str] = sum((world.wrong for world in found.values()), Counter())
    kept = [run for world in found.values() for run in world.kept]
    told = {"kills": kills, "points": points, "unloadable": wrong["unloadable"], "different": wrong["different"], "kept": kept}
    print(json.dumps(told))
    if not kept:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
