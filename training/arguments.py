"""A Schedule in the words of transformers' Trainer."""

from __future__ import annotations

import math
from typing import Any

import torch

from training import fsdp, processes, zero
from training.rundir import RunDir
from training.schedule import Schedule


def trainer_arguments(run: RunDir, config: Schedule, rows: int) -> dict[str, Any]:
    """TrainingArguments of a run over so many training rows: no hub, no reports, no hidden NaN, bf16 on CUDA.

    ValueError where a single process was to share a model, which has nobody to share it with.
    """
    processes.check(run)
    if config.parallel != "ddp" and processes.count() == 1:
        raise ValueError(f"parallel {config.parallel} shares a model between processes: start with --processes 2 or more, or ddp")
    length = config.steps(rows, processes.count())
    cuda = torch.cuda.is_available()
    return {
        "output_dir": str(run.path / "checkpoints"),
        "seed": run.seed,
        "data_seed": run.seed,
        "max_steps": length,
        "per_device_train_batch_size": config.batch_size,
        "gradient_accumulation_steps": config.accumulation,
        "learning_rate": config.learning_rate,
        **course(config, length),
        "weight_decay": config.weight_decay,
        "adam_beta2": config.adam_beta2,
        "max_grad_norm": config.max_grad_norm,
        "logging_steps": config.log_every,
        "logging_first_step": True,
        "logging_nan_inf_filter": False,
        "save_strategy": "steps",
        "save_steps": config.save_every,
        "eval_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
        "remove_unused_columns": False,
        "bf16": cuda,
        "use_cpu": not cuda,
        "dataloader_pin_memory": cuda,
        "ddp_find_unused_parameters": False,
        "ddp_backend": None if cuda or processes.count() == 1 else "gloo",
        "deepspeed": zero.config(run, zero.STAGES[config.parallel], cuda) if config.parallel in zero.STAGES else None,
        **(fsdp.arguments() if config.parallel == "fsdp2" else {}),
    }


def course(config: Schedule, length: int) -> dict[str, Any]:
    """How the learning rate goes over so many steps: warm-up, then the schedule down to its last share of the peak."""
    rise, last = math.ceil(config.warmup * length), config.last_rate
    fall = min(math.ceil(config.decay * length), length - rise)
    names: dict[str, tuple[str, dict[str, Any]]] = {
        "cosine": ("cosine_with_min_lr", {"min_lr_rate": last}),
        "linear": ("polynomial", {"lr_end": last * config.learning_rate, "power": 1.0}),
        "constant": ("constant_with_warmup", {}),
        "wsd": ("warmup_stable_decay", {"num_decay_steps": fall, "min_lr_ratio": last, "decay_type": "1-sqrt"}),
    }
    name, how = names[config.schedule]
    if not last and config.schedule in ("cosine", "linear"):
        name, how = config.schedule, {}
    return {"lr_scheduler_type": name, "lr_scheduler_kwargs": how, "warmup_steps": rise}
