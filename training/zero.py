"""DeepSpeed's ZeRO-2 for the recipes on the Trainer: optimiser state and gradients are shared out between the processes.

Rajbhandari et al. 2020, "ZeRO: Memory Optimizations Toward Training Trillion Parameter Models", § 5: the same steps as with whole
copies, for less memory in each process. The configuration that DeepSpeed was given lies in the run's folder.
"""

from __future__ import annotations

import json
import os
from typing import Any

from training import processes
from training.rundir import RunDir, rank

FILE = "deepspeed.json"
STAGE = 2
CONFIG: dict[str, Any] = {
    "zero_optimization": {"stage": STAGE, "contiguous_gradients": True, "overlap_comm": False},
    "train_micro_batch_size_per_gpu": "auto",
    "gradient_accumulation_steps": "auto",
    "gradient_clipping": "auto",
    "bf16": {"enabled": "auto"},
}


def config(run: RunDir, cuda: bool) -> dict[str, Any]:
    """What DeepSpeed is told; "auto" is what the Trainer knows. ValueError in a single process, which has nobody to share with."""
    if processes.count() == 1:
        raise ValueError("parallel zero2 shares the optimiser's state between processes: start with --processes 2 or more, or ddp")
    if not cuda:
        os.environ.setdefault("DS_ACCELERATOR", "cpu")
    if rank() == 0:
        (run.path / FILE).write_text(json.dumps(CONFIG, indent=2) + "\n", encoding="utf-8")
    return CONFIG


def assert_shared(wrapped: Any, wanted: str) -> None:
    """RuntimeError where several processes do not share the model as was asked: libraries that quietly do otherwise waste days."""
    stage = getattr(wrapped, "zero_optimization_stage", int)()
    found = {STAGE: "zero2", 0: "ddp" if type(wrapped).__name__ == "DistributedDataParallel" else ""}.get(stage)
    if processes.count() > 1 and found != wanted:
        raise RuntimeError(f"{wanted} was asked for, but the model is a {type(wrapped).__name__} (ZeRO stage {stage})")
