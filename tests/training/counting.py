"""A real recipe without torch: counts to a number, saves on the way, obeys a stop.

manage.py train count --project P --set steps=10
"""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Literal

from training.rundir import RunDir, Stopped, rank, staged
from training.schema import Input

TITLE = "Count"
INPUTS = (
    Input("start", "checkpoint", "What to count on from.", required=False, role="reward"),
    Input("text", "corpus", "Any text.", required=False),
    Input("rows", "snapshot", "Any judgements.", required=False),
)
OUTCOME = "checkpoint"


@dataclass
class Config:
    steps: int = field(default=3, metadata={"help": "How far to count.", "min": 1, "max": 100000})
    pause: float = field(default=0.0, metadata={"help": "Wait after each step.", "unit": "seconds"})
    every: int = field(default=1, metadata={"help": "Steps from one saved checkpoint to the next."})
    trick: Literal["none", "deaf", "child", "exit", "nan", "raise"] = field(default="none", metadata={"help": "What to do wrong."})


def main(run: RunDir, config: Config) -> None:
    at = run.latest_checkpoint()
    step = json.loads((at / "state.json").read_text())["step"] if at else 0
    run.message(f"begins at {step}")
    _trick(run, config.trick)
    while step < config.steps:
        step += 1
        run.metrics(step, loss=float("nan") if config.trick == "nan" else 1 / step)
        run.progress(step, config.steps)
        if step % config.every == 0:
            _save(run, step)
        time.sleep(config.pause)
        if run.stop_requested and config.trick != "deaf":
            _save(run, step)
            raise Stopped(f"stopped at {step}")
    if rank() != 0:
        return
    with staged(run.out) as out:
        (out / "card.json").write_text(
            json.dumps({"role": "tokenizer", "recipe": "count", "step": step, "figures": {"counted": step}})
        )


def _save(run: RunDir, step: int) -> None:
    if rank() != 0:
        return
    with run.checkpoint(step) as folder:
        (folder / "state.json").write_text(json.dumps({"step": step}))


def _trick(run: RunDir, trick: str) -> None:
    if trick == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    elif trick == "child":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
        run.message(f"child {child.pid}")
    elif trick == "exit":
        print("the last words of the log", flush=True)
        os._exit(7)
    elif trick == "raise":
        raise ArithmeticError("cannot count")
