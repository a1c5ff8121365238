"""What GRPO and RLOO share before a model is loaded: their inputs, and the options that mean the same in both. No torch, no TRL."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from training import audit, rewards
from training.schedule import SHARED, WholeWeights
from training.schema import Input

INPUTS = (
    Input("model", "checkpoint", "The fine-tuned model that learns, and its own reference.", role="causal-lm"),
    Input(
        "reward",
        "checkpoint",
        "The reward model that `rewards` calls model; it must share the model's tokenizer.",
        required=False,
        role="reward",
    ),
    Input("prompts", "snapshot", "The snapshot whose training prompts are answered; its held-out ones measure the gain."),
    audit.GOLD,
)


def advanced(default: Any, help: str, unit: str = "", least: float = 0.0, most: float | None = None) -> Any:
    """A field that is rarely changed."""
    return field(default=default, metadata={"help": help, "unit": unit, "min": least, "max": most, "advanced": True})


def beta_field(default: float, where: str) -> Any:
    """The price of leaving the reference; `where` says what it is paid in."""
    words = f"Price of leaving the reference, {where}; 0 keeps no reference in memory: KL and audits are not had, except with LoRA."
    return field(default=default, metadata={"help": words, "unit": "nats⁻¹", "min": 0.0, "max": 100.0})


@dataclass
class Online(WholeWeights):
    """A group of answers to each prompt, and what they are paid. GRPO and RLOO inherit it.

    A rollout is what is generated at once: batch size × accumulation × processes answers, `group_size` to each of its prompts.
    A step learns from all of them.
    """

    rewards: str = field(
        default="model:1",
        metadata={
            "help": f"What is paid for, with weights, as in “exact:1 length:0.1”: {', '.join([rewards.MODEL, *rewards.SHELF])}. "
            "model is the input reward; the others are rules that read each prompt's metadata.",
        },
    )
    epochs: float = field(
        default=1.0,
        metadata={"help": "Passes over the training prompts; unused when `max_steps` is given.", "unit": "epochs", "min": 0.001},
    )
    group_size: int = field(
        default=8, metadata={"help": "Answers to one prompt: each is compared with the others.", "unit": "answers", "min": 2}
    )
    batch_size: int = field(
        default=8, metadata={"help": "Answers that one process learns from at once.", "unit": "answers", "min": 1}
    )
    accumulation: int = field(
        default=8,
        metadata={
            "help": "Batches of one step, generated together: answers a step = batch size × accumulation × processes.",
            "unit": "batches",
            "min": 1,
        },
    )
    learning_rate: float = field(
        default=1e-6,
        metadata={
            "help": "Peak of the learning rate: 1e-6 for a large model (Shao et al. 2024), 1e-5 with LoRA, 1e-3 for one of 1M.",
            "min": 0.0,
            "max": 1.0,
        },
    )
    beta: float = beta_field(0.04, "paid on every answer")
    max_new_tokens: int = field(
        default=256, metadata={"help": "Answers are cut here, and a cut answer earns `no_end`.", "unit": "tokens", "min": 1}
    )
    temperature: float = field(
        default=1.0,
        metadata={"help": "Of sampling and of every log-probability alike; 1.0 learns what is served.", "min": 0.01, "max": 5.0},
    )
    lora_rank: int = field(
        default=0,
        metadata={
            "help": "Rank of LoRA adapters on every linear layer (Hu et al. 2022), merged at the end; 0 trains all weights.",
            "min": 0,
            "max": 1024,
        },
    )
    iterations: int = field(
        default=1,
        metadata={
            "help": "Steps on each rollout; above 1 the clipped ratio matters (μ; Shao et al. 2024).",
            "unit": "steps",
            "min": 1,
            "max": 64,
            "advanced": True,
        },
    )
    clip: float = advanced(0.2, "How far a probability ratio may move and still be pushed (ε; Schulman et al. 2017).", most=10.0)
    no_end: float = field(
        default=-1.0,
        metadata={"help": "Reward of an answer that does not end by itself; its score is ignored.", "advanced": True},
    )
    reward_clip: float = advanced(10.0, "Normalised scores of the reward model are kept within plus and minus this.", "spreads")
    held_out: int = field(
        default=128,
        metadata={
            "help": "Validation and test prompts answered to measure the gain; all of them if fewer.",
            "unit": "prompts",
            "min": 0,
        },
    )
    log_every: int = field(default=1, metadata=SHARED["log_every"].metadata)
    valid_every: int = field(default=50, metadata=SHARED["valid_every"].metadata)
    save_every: int = field(default=50, metadata=SHARED["save_every"].metadata)
    audit_at: str = audit.at_field()
    audit_prompts: int = audit.prompts_field()

    def steps(self, rows: int, processes: int) -> int:
        """Optimizer steps of the whole run over so many training prompts: whole rollouts."""
        if self.max_steps is not None:
            return self.max_steps
        return max(1, math.ceil(rows * self.epochs / self.prompts_a_rollout(processes))) * self.iterations

    def prompts_a_rollout(self, processes: int) -> int:
        """Prompts that are answered at once."""
        return self.batch_size * self.accumulation * processes // self.group_size

    def check(self) -> dict[str, str]:
        """What is wrong with fields whose values depend on each other."""
        errors = {**rewards.errors(self.rewards), **audit.errors(self)}
        if (answers := self.batch_size * self.accumulation) % self.group_size:
            errors["group_size"] = f"must divide the answers of a step: batch_size × accumulation is {answers}"
        if self.parallel != "ddp":
            errors["parallel"] = "must be ddp: answers are sampled from whole weights, which zero2 has not been tried with"
        for name in ("save_every", "max_steps"):
            if (getattr(self, name) or 0) % self.iterations:
                errors[name] = f"must be a multiple of iterations ({self.iterations}): only between rollouts can a run be resumed"
        return errors
