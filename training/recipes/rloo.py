"""REINFORCE leave-one-out: each answer is compared with the mean of the other answers to its prompt. No critic, no clipping needed.

    python manage.py train rloo --project P --input model=SFT --input reward=RM --input prompts=SNAPSHOT

The reward of an answer is its score less β times its KL to the reference; its baseline is the mean reward of the rest of its group
(Ahmadian et al. 2024, "Back to Basics", §3). The trainer is TRL's RLOOTrainer as it is; `training/trl_online.py` gives it our
prompts, rewards and checkpoints.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from training import asking, online
from training.rundir import RunDir

TITLE = "REINFORCE leave-one-out"
INPUTS = online.INPUTS
OUTCOME = "checkpoint"
show = asking.show


@dataclass
class Config(online.Online):
    beta: float = online.beta_field(0.05, "subtracted from the reward of every answer (Ahmadian et al. 2024)")
    whiten: bool = field(
        default=False,
        metadata={"help": "Whether the advantages of a rollout are brought to mean 0 and spread 1.", "advanced": True},
    )


def main(run: RunDir, config: Config) -> None:
    """TRL's trainer with this recipe's baseline."""
    from trl import RLOOConfig, RLOOTrainer

    from training import trl_online

    trl_online.learn(run, config, "rloo", RLOOTrainer, RLOOConfig, {"normalize_advantages": config.whiten})
