"""Simple preference optimisation: the reward is the answer's mean log-probability, so it needs no reference and no length wins.

    python manage.py train simpo --project P --input model=NAME --input dataset=SNAPSHOT --set beta=2 --set gamma_ratio=0.5

The loss of a pair is −log σ(β/|y_w| log π(y_w) − β/|y_l| log π(y_l) − γ) (Meng et al. 2024, eq. 6). Soft labels and rater
weights of a snapshot with `reliability` are honoured.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from training import pairs
from training.rundir import RunDir

TITLE = "Simple preference optimisation"
INPUTS = pairs.INPUTS
OUTCOME = "checkpoint"
show = pairs.show


@dataclass
class Config(pairs.PairSchedule):
    beta: float = field(
        default=2.0,
        metadata={"help": "Scale of the reward; 2.0 to 2.5, up to 10 (Meng et al. 2024).", "min": 0.0001, "max": 1000.0},
    )
    gamma_ratio: float = field(
        default=0.5,
        metadata={
            "help": "γ/β, the lead in nats a token that the chosen answer is to have; 0.25 to 0.8 (Meng et al. 2024).",
            "unit": "nats a token",
            "min": 0.0,
            "max": 100.0,
        },
    )
    sft_coef: float = field(
        default=0.0,
        metadata={
            "help": "Weight of the mean NLL of the chosen answer's tokens; nothing else here keeps the model near where it was.",
            "min": 0.0,
            "max": 100.0,
        },
    )


def main(run: RunDir, config: Config) -> None:
    """Pairs, training, figures."""
    pairs.learn(run, config, "simpo", lambda logprobs, batch: verdict(config, logprobs, batch))


def verdict(config: Config, logprobs: Any, batch: pairs.Batch) -> pairs.Verdict:
    """The losses of a batch's pairs, and β times the mean log-probability of their answers' tokens."""
    from training import pair_losses

    def loss(better: Any, worse: Any) -> Any:
        lost = pair_losses.simpo(better, worse, config.beta, config.beta * config.gamma_ratio)
        return lost + config.sft_coef * pair_losses.nll(better, worse)

    means = logprobs / batch["answer"].sum(-1)
    chosen, rejected = means.chunk(2)
    losses = pair_losses.expected(loss, chosen, rejected, batch["probability"])
    return pairs.Verdict(losses, config.beta * chosen, config.beta * rejected)
