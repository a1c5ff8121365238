"""Odds-ratio preference optimisation: fine-tuning and preferring in one, without a reference.

    python manage.py train orpo --project P --input model=NAME --input dataset=SNAPSHOT --set odds_coef=0.1

The loss of a pair is the mean NLL of the chosen answer's tokens + λ · −log σ(log odds(y_w)/odds(y_l)), where odds(y) = P/(1 − P)
and P is the geometric mean of the answer's token probabilities (Hong et al. 2024, eq. 6 and 7). Soft labels and rater weights of a
snapshot with `reliability` are honoured.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from training import pairs
from training.rundir import RunDir

TITLE = "Odds-ratio preference optimisation"
INPUTS = pairs.INPUTS
OUTCOME = "checkpoint"
show = pairs.show


@dataclass
class Config(pairs.PairSchedule):
    learning_rate: float = field(
        default=8e-6,
        metadata={
            "help": "Peak of the learning rate: 5e-6 to 8e-6 for a large model (Hong et al. 2024, C), 1e-3 for one of 1M.",
            "min": 0.0,
            "max": 1.0,
        },
    )
    odds_coef: float = field(
        default=0.1,
        metadata={
            "help": "λ, the weight of the odds ratio beside the NLL; 0.1 to 0.25 (Hong et al. 2024).",
            "min": 0.0,
            "max": 100.0,
        },
    )


def main(run: RunDir, config: Config) -> None:
    """Pairs, training, figures."""
    pairs.learn(run, config, "orpo", lambda logprobs, batch: verdict(config, logprobs, batch))


def verdict(config: Config, logprobs: Any, batch: pairs.Batch) -> pairs.Verdict:
    """The losses of a batch's pairs, and the log odds of their answers."""
    from training import pair_losses

    def loss(better: Any, worse: Any) -> Any:
        return pair_losses.nll(better, worse) + config.odds_coef * pair_losses.odds_ratio(better, worse)

    means = logprobs / batch["answer"].sum(-1)
    chosen, rejected = means.chunk(2)
    losses = pair_losses.expected(loss, chosen, rejected, batch["probability"])
    return pairs.Verdict(losses, *pair_losses.log_odds(means).chunk(2))
