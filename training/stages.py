"""A run in several stages: each has a folder of its own inside the run's, and is taken up where it was when the run was stopped."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from training import processes
from training.rundir import RunDir, rank, write_whole


class Stage(RunDir):
    """The `place`-th of `of` stages of a run: its checkpoints and its `out/` lie in `name/`, its events are the whole run's.

    `inputs` replace the run's own. Its random numbers are its own, too. Metrics are told with `prefix` before their names, at
    steps counted from `first_step` on, so that the curves of stages follow one another.
    """

    def __init__(
        self,
        run: RunDir,
        name: str,
        *,
        place: int,
        of: int,
        inputs: dict[str, Path] | None = None,
        prefix: str = "",
        first_step: int = 0,
    ):
        self.whole, self.name, self.place, self.of, self.prefix, self.first_step = run, name, place, of, prefix, first_step
        self.path, self.attempt = run.path / name, run.attempt
        replaced = {key: str(path) for key, path in (inputs or {}).items()}
        seed = zlib.crc32(f"{run.seed}/{name}".encode())
        self.spec = {**run.spec, "inputs": {**run.spec["inputs"], **replaced}, "seed": seed}
        self.path.mkdir(parents=True, exist_ok=True)

    def event(self, kind: str, **data: Any) -> None:
        """Told by the whole run, which counts progress in stages."""
        if kind == "metrics":
            data = {"step": self.first_step + data.pop("step")} | {f"{self.prefix}{name}": value for name, value in data.items()}
        if kind == "progress":
            data = {"done": round(self.place - 1 + data["done"] / data["total"], 3), "total": self.of, "unit": "stages"}
        if kind == "checkpoint":
            data |= {"step": self.first_step + data["step"], "path": f"{self.name}/{data['path']}"}
        self.whole.event(kind, **data)

    @property
    def stop_requested(self) -> bool:
        return self.whole.stop_requested


def once(run: RunDir, name: str, make: Callable[[], Any]) -> Any:
    """What `make` returns (as JSON knows it), made by rank 0 once in the run's life and kept as NAME.json; every rank reads it."""
    path = run.path / f"{name}.json"
    if rank() == 0 and not path.exists():
        write_whole(path, json.dumps(make()))
    processes.barrier()
    return json.loads(path.read_text(encoding="utf-8"))
