"""A run killed at each single thing that its trainer puts on the disk ends, tried again, as one that nobody killed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench import crash_points

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")

WALK = """
import json, sys
from pathlib import Path
from bench import crash_points
from training.rundir import RunDir

home = Path(sys.argv[1])

def run(name):
    spec = {"run": 1, "recipe": "count", "main": "tests.training.counting", "config": {"steps": 4, "every": 2}}
    RunDir.create(home / name, {**spec, "inputs": {}, "input_names": {}, "seed": 0, "resources": {}})
    return home / name

told = {"calls": crash_points.calls(run("whole"), 1), "died": 0}
for call in range(1, told["calls"] + 1):
    folder = run(f"at-{call}")
    told["died"] += crash_points.dies_at(folder, 1, call)
    crash_points.whole(folder, 2)
print(json.dumps(told))
"""


def test_a_kill_at_each_call_costs_a_run_nothing(tmp_path: Path):
    home = tmp_path / "runs"
    home.mkdir()
    environment = crash_points.preloaded(tmp_path / "points.so")
    done = subprocess.run([sys.executable, "-c", WALK, str(home)], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["calls"] == told["died"] > 20
    cards = {(folder / "out" / "card.json").read_text() for folder in home.glob("*/") if folder.is_dir()}
    assert cards == {(home / "whole" / "out" / "card.json").read_text()}
    for folder in home.glob("at-*/"):
        ends = [line for line in (folder / "events.jsonl").read_text().splitlines() if '"end"' in line]
        assert json.loads(ends[-1])["state"] == "succeeded"
