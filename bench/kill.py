"""kill -9 of web server, supervisor, shim and trainer at random moments of the river; then everything is counted.

    python -m bench.kill [--kills 20] [--seed 0] [--full]

Walks the river of the tests (`--full`: of the demo) through the REST door while a second thread kills one process after another.
`lost` counts judgements that were acknowledged and are not there; `doubled` those of a task beyond its seats;
`stuck` runs that have not ended in success once the walk is through. All three must be 0.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import psutil

from bench.servers import free_port
from demo import plan as full_plan
from demo.river import River
from demo.site import Site
from tests import tiny_plan

VICTIMS = {
    "web": "gunicorn",
    "supervisor": "manage.py supervise",
    "shim": "training.engines.shim",
    "trainer": "training.train",
}


def victims(home: Path) -> dict[str, list[psutil.Process]]:
    """The processes of this site that may be killed, by what they are."""
    found: dict[str, list[psutil.Process]] = {name: [] for name in VICTIMS}
    for process in psutil.process_iter():
        try:
            if process.environ().get("CRISOL_HOME") != str(home):
                continue
            words = " ".join(process.cmdline())
        except psutil.Error:
            continue
        for name, mark in VICTIMS.items():
            if mark in words:
                found[name].append(process)
    return found


class Killer(threading.Thread):
    """Kills one random process after another, each kind as often as the others, until told to stop or done."""

    def __init__(self, home: Path, kills: int, seed: int):
        super().__init__(daemon=True)
        self.home, self.left, self.rng = home, kills, random.Random(seed)
        self.killed: Counter[str] = Counter()
        self.over = threading.Event()

    def run(self) -> None:
        while self.left and not self.over.wait(self.rng.uniform(2, 6)):
            alive = {name: processes for name, processes in victims(self.home).items() if processes}
            if not alive:
                continue
            name = min(alive, key=lambda kind: (self.killed[kind], self.rng.random()))
            try:
                self.rng.choice(alive[name]).kill()
            except psutil.NoSuchProcess:
                continue
            self.killed[name] += 1
            self.left -= 1
            print(f"  kill -9 {name} ({sum(self.killed.values())})", flush=True)


def count(river: River) -> dict[str, int]:
    """What is there after the walk, against what was acknowledged during it."""
    judgements = river.lead.every(f"projects/{river.project}/judgements/")
    there = Counter(judgement["id"] for judgement in judgements)
    made = Counter(judgement["task"] for judgement in judgements)
    tasks = river.lead.every(f"projects/{river.project}/tasks/")
    runs = [river.lead.get(f"runs/{run['id']}/") for run in river.lead.every(f"projects/{river.project}/runs/")]
    return {
        "acknowledged": len(river.receipts),
        "lost": sum(receipt["id"] not in there for receipt in river.receipts),
        "doubled": sum(max(0, made[task["id"]] - task["seats"]) for task in tasks),
        "runs": len(runs),
        "attempts": sum(run["attempt"] for run in runs),
        "stuck": sum(run["state"] != "succeeded" for run in runs),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--full", action="store_true", help="walk the demo's own plan, about three times as long")
    args = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="crisol-kill-") as folder:
        site = Site(Path(folder), free_port())
        with site.served():
            river = River(site, full_plan if args.full else tiny_plan, resources={"retries": args.kills})
            killer = Killer(site.home, args.kills, args.seed)
            river.settle()
            killer.start()
            river.flow()
            killer.over.set()
            killer.join()
            river.progress.close()
            figures = count(river)
    figures["seconds"] = round(time.monotonic() - began)
    print(json.dumps({"kills": sum(killer.killed.values()), **killer.killed, **figures}))


if __name__ == "__main__":
    main()
