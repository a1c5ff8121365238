"""Group relative policy optimisation: of several answers to a prompt, those paid better than their group get likelier. No critic.

    python manage.py train grpo --project P --input model=SFT --input prompts=SNAPSHOT --set rewards=exact:1

An answer's advantage is its reward less the mean of its group, over the group's spread (Shao et al. 2024, "DeepSeekMath", §4.1).
The trainer is TRL's GRPOTrainer as it is; `training/trl_online.py` gives it our prompts, rewards and checkpoints.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from training import asking, online
from training.rundir import RunDir

TITLE = "Group relative policy optimisation"
INPUTS = online.INPUTS
OUTCOME = "checkpoint"
show = asking.show


@dataclass
class Config(online.Online):
    beta: float = online.beta_field(0.04, "added to the loss of every token (Shao et al. 2024, eq. 4)")
    loss: Literal["dapo", "grpo", "dr_grpo"] = field(
        default="dapo",
        metadata={
            "help": "What is averaged: dapo, all tokens of the step alike (Yu et al. 2025); grpo, each answer's own mean, which "
            "favours short right and long wrong answers; dr_grpo, tokens over the longest length (Liu et al. 2025).",
        },
    )
    scale: Literal["group", "batch", "none"] = field(
        default="group",
        metadata={
            "help": "Spread by which advantages are divided: of the group, of the whole rollout, or none (Liu et al. 2025).",
            "advanced": True,
        },
    )
    clip_high: float | None = field(
        default=None,
        metadata={"help": "Another upper bound of the ratio; 0.28 in Yu et al. 2025.", "min": 0.0, "max": 10.0, "advanced": True},
    )


def main(run: RunDir, config: Config) -> None:
    """TRL's trainer with this recipe's loss."""
    from trl import GRPOConfig, GRPOTrainer

    from training import trl_online

    own = {
        "loss_type": config.loss,
        "scale_rewards": config.scale,
        "epsilon_high": config.clip_high,
        "use_bias_correction_kl": True,  # else its gradient is that of KL(π_ref ‖ π)
    }
    trl_online.learn(run, config, "grpo", GRPOTrainer, GRPOConfig, own)
