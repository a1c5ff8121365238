"""The part of a Config that every recipe on the Trainer shares: how long, how big a step, how often to look and to save."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal


@dataclass
class Schedule:
    """Batches, learning rate and rhythm. Recipes inherit it and set their own defaults."""

    epochs: float = field(
        default=3.0,
        metadata={"help": "Passes over the training rows; unused when `max_steps` is given.", "unit": "epochs", "min": 0.001},
    )
    max_steps: int | None = field(
        default=None,
        metadata={"help": "Optimizer steps; overrides `epochs`.", "unit": "steps", "min": 1},
    )
    batch_size: int = field(
        default=8,
        metadata={"help": "Rows that one process holds in memory at once.", "unit": "rows", "min": 1},
    )
    accumulation: int = field(
        default=1,
        metadata={
            "help": "Batches whose gradients are summed before a step: rows a step = batch size × accumulation × processes.",
            "unit": "batches",
            "min": 1,
        },
    )
    learning_rate: float = field(default=1e-5, metadata={"help": "Peak of the learning rate.", "min": 0.0, "max": 1.0})
    schedule: Literal["cosine", "linear", "constant", "wsd"] = field(
        default="cosine",
        metadata={
            "help": "How the learning rate falls after warm-up; cosine: Loshchilov & Hutter 2017; wsd stays at the peak and falls "
            "at the end (Hu et al. 2024, § 4) by 1 − √ of the way (Hägele et al. 2024).",
            "advanced": True,
        },
    )
    decay: float = field(
        default=0.2,
        metadata={
            "help": "Share of the steps in which a wsd schedule falls.",
            "unit": "of the steps",
            "min": 0.0,
            "max": 1.0,
            "advanced": True,
        },
    )
    last_rate: float = field(
        default=0.0,
        metadata={
            "help": "Share of the peak at which the learning rate ends; 0.1 is usual in pretraining (Hoffmann et al. 2022).",
            "unit": "of the peak",
            "min": 0.0,
            "max": 0.99,
            "advanced": True,
        },
    )
    warmup: float = field(
        default=0.03,
        metadata={
            "help": "Share of the steps in which the learning rate rises from 0.",
            "unit": "of the steps",
            "min": 0,
            "max": 1,
        },
    )
    weight_decay: float = field(
        default=0.0,
        metadata={"help": "AdamW's decoupled decay; Loshchilov & Hutter 2019.", "min": 0.0, "max": 1.0, "advanced": True},
    )
    adam_beta2: float = field(
        default=0.999,
        metadata={
            "help": "Memory of AdamW's second moment; 0.95 is usual in pretraining.",
            "min": 0.0,
            "max": 0.99999,
            "advanced": True,
        },
    )
    max_grad_norm: float = field(
        default=1.0, metadata={"help": "Longer gradients are cut to this length.", "min": 0.0, "advanced": True}
    )
    parallel: Literal["ddp", "zero2", "zero3", "fsdp2"] = field(
        default="ddp",
        metadata={
            "help": "How several processes share the work: ddp, each with a whole copy; zero2, optimiser and gradients shared out "
            "by DeepSpeed (Rajbhandari et al. 2020); zero3, the weights, too; fsdp2, all three, by torch (Zhao et al. 2023).",
            "advanced": True,
        },
    )
    log_every: int = field(
        default=10, metadata={"help": "Steps between two points of a curve.", "unit": "steps", "min": 1, "advanced": True}
    )
    valid_every: int = field(
        default=100,
        metadata={
            "help": "Steps between two looks at the held-out rows (also at the start and the end).",
            "unit": "steps",
            "min": 1,
        },
    )
    save_every: int = field(
        default=100,
        metadata={"help": "Steps between two checkpoints; a kill costs at most this many.", "unit": "steps", "min": 1},
    )

    @property
    def shares_weights(self) -> bool:
        """Whether a process holds only its part of the weights, which then are whole only where all processes ask."""
        return self.parallel in ("zero3", "fsdp2")

    def steps(self, rows: int, processes: int) -> int:
        """Optimizer steps of the whole run over so many training rows."""
        if self.max_steps is not None:
            return self.max_steps
        batches = math.ceil(rows / (self.batch_size * processes))
        return max(1, math.ceil(math.ceil(batches / self.accumulation) * self.epochs))


@dataclass
class WholeWeights(Schedule):
    """Of recipes that read weights outside of the model's own forward pass: in each process they must be whole."""

    parallel: Literal["ddp", "zero2"] = field(
        default="ddp",
        metadata={
            "help": "How several processes share the work: ddp, each with a whole copy; zero2, optimiser and gradients shared out "
            "by DeepSpeed (Rajbhandari et al. 2020).",
            "advanced": True,
        },
    )


# For recipes that keep a field's meaning and change its default.
SHARED = Schedule.__dataclass_fields__
