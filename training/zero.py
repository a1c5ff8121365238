"""DeepSpeed's ZeRO for the recipes on the Trainer: optimiser state and gradients are shared out, and at stage 3 the weights, too.

Rajbhandari et al. 2020, "ZeRO: Memory Optimizations Toward Training Trillion Parameter Models", § 5: the same steps as with whole
copies, for less memory in each process. The configuration that DeepSpeed was given lies in the run's folder.
"""

from __future__ import annotations

import json
import os
from typing import Any

from training.rundir import RunDir, rank

FILE = "deepspeed.json"
STAGES = {"zero2": 2, "zero3": 3}
# The Trainer makes "auto" of a model's width: with DeepSpeed's own sizes a small model would not be shared out at all.
OF_WIDTH = ("reduce_bucket_size", "stage3_prefetch_bucket_size", "stage3_param_persistence_threshold")


def config(run: RunDir, stage: int, cuda: bool) -> dict[str, Any]:
    """What DeepSpeed is told; "auto" is what the Trainer knows."""
    sharing = {"stage": stage, "contiguous_gradients": True, "overlap_comm": False}
    told = {
        "zero_optimization": sharing | (dict.fromkeys(OF_WIDTH, "auto") if stage == 3 else {}),
        "train_micro_batch_size_per_gpu": "auto",
        "gradient_accumulation_steps": "auto",
        "gradient_clipping": "auto",
        "bf16": {"enabled": "auto"},
    }
    if not cuda:
        os.environ.setdefault("DS_ACCELERATOR", "cpu")
    if rank() == 0:
        (run.path / FILE).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return told


def whole(weight: Any, moment: str = "") -> Any:
    """A weight, or a moment that AdamW keeps of it, from all processes, which ask together; float32 where it is trained."""
    from deepspeed import zero
    from deepspeed.utils import safe_get_full_fp32_param, safe_get_full_optimizer_state

    if moment:
        return safe_get_full_optimizer_state(weight, moment)
    if weight.requires_grad:
        return safe_get_full_fp32_param(weight)
    with zero.GatheredParameters([weight], enabled=hasattr(weight, "ds_id")):
        return weight.detach().clone()


def link(sharing: Any) -> None:
    """Lets `whole` find the moments. At stage 2 DeepSpeed does it after its first group's step, when later groups have none yet."""
    if hasattr(sharing, "single_partition_of_fp32_groups"):
        sharing._hp_optimizer_states_linked = False
        sharing._lazy_init_hp_params_optimizer_state()


def restore(engine: Any, step: int, weights: dict[Any, Any], moments: dict[Any, dict[str, Any]]) -> None:
    """Gives each process its part of whole weights (float32) and of AdamW's whole moments, by the parameter that is trained."""
    import torch
    from deepspeed.utils import safe_set_full_fp32_param, safe_set_full_optimizer_state

    sharing = engine.optimizer
    adam, stage3 = sharing.optimizer, hasattr(sharing, "fp32_partitioned_groups_flat")
    for part in sharing.fp32_partitioned_groups_flat if stage3 else sharing.single_partition_of_fp32_groups:
        count = torch.tensor(float(step), device=part.device if adam.defaults.get("fused") else "cpu")
        adam.state[part] = {"step": count, "exp_avg": torch.zeros_like(part), "exp_avg_sq": torch.zeros_like(part)}
    link(sharing)
    for parameter, whole_moments in moments.items():
        safe_set_full_fp32_param(parameter, weights[parameter].to(engine.device))
        for moment, value in whole_moments.items():
            safe_set_full_optimizer_state(parameter, value.to(engine.device), moment)
