"""Direct preference optimisation: the model learns to prefer what people preferred, without a reward model.

    python manage.py train dpo --project P --input model=NAME --input dataset=SNAPSHOT --set beta=0.1

The loss of a pair is −log σ(β [log π(y_w)/π_ref(y_w) − log π(y_l)/π_ref(y_l)]) (Rafailov et al. 2023, eq. 7), or one of its family
(`training/pair_losses.py`). The reference is the model as it came in. Its log-probabilities never change, so they are computed
once, before training, and it needs no memory after. Soft labels and rater weights of a snapshot with `reliability` are honoured.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from training import pairs
from training.rundir import RunDir

TITLE = "Direct preference optimisation"
INPUTS = pairs.INPUTS
OUTCOME = "checkpoint"
show = pairs.show


@dataclass
class Config(pairs.PairSchedule):
    beta: float = field(
        default=0.1,
        metadata={
            "help": "How dearly leaving the reference is paid; 0.1 to 0.5 is usual.",
            "unit": "nats⁻¹",
            "min": 0.0001,
            "max": 100,
        },
    )
    loss: Literal["sigmoid", "ipo", "hinge", "robust"] = field(
        default="sigmoid",
        metadata={
            "help": "sigmoid: Rafailov et al. 2023; ipo: a margin of 1/(2β) and no more, Azar et al. 2024; hinge: Zhao et al. "
            "2023; robust: unbiased where a share `label_smoothing` of all labels is wrong, Chowdhury et al. 2024.",
        },
    )
    label_smoothing: float = field(
        default=0.0,
        metadata={
            "help": "Share of labels taken to be wrong; with `sigmoid` it is conservative DPO (Mitchell 2023).",
            "unit": "of the pairs",
            "min": 0.0,
            "max": 0.49,
        },
    )
    sft_coef: float = field(
        default=0.0,
        metadata={
            "help": "Weight of the mean NLL of the chosen answer's tokens, which keeps it likely; 1 in Pang et al. 2024.",
            "min": 0.0,
            "max": 100.0,
        },
    )
    margin_coef: float = field(
        default=0.0,
        metadata={
            "help": "Reward by which the chosen answer must lead for each grade between the two (ODPO, Amini et al. 2024).",
            "unit": "per grade",
            "min": 0.0,
            "max": 100.0,
            "advanced": True,
        },
    )

    def check(self) -> dict[str, str]:
        """Options that contradict each other."""
        if self.loss == "ipo" and self.margin_coef:
            return {"margin_coef": "ipo aims at a margin of its own, 1/(2β): leave this at 0 or choose another loss"}
        return {}


def main(run: RunDir, config: Config) -> None:
    """Pairs, the reference's log-probabilities, training, figures."""
    pairs.learn(run, config, "dpo", lambda logprobs, batch: verdict(config, logprobs, batch), referred=True)


def verdict(config: Config, logprobs: Any, batch: pairs.Batch) -> pairs.Verdict:
    """The losses of a batch's pairs, and β log π/π_ref of their answers."""
    from training import pair_losses

    ratios = logprobs - batch["reference"]
    chosen, rejected = ratios.chunk(2)
    flipped = 0.0 if config.loss == "robust" else config.label_smoothing
    probability = pair_losses.smoothed(batch["probability"], flipped)
    losses = pair_losses.expected(pairwise(config, batch["margin"]), chosen, rejected, probability)
    if config.sft_coef:
        likely, other = (logprobs / batch["answer"].sum(-1)).chunk(2)
        losses = losses + config.sft_coef * pair_losses.expected(pair_losses.nll, likely, other, batch["probability"])
    return pairs.Verdict(losses, config.beta * chosen, config.beta * rejected)


def pairwise(config: Config, margin: Any) -> Any:
    """The chosen loss as a function of (better, worse), log π/π_ref of both [pairs]."""
    from training import pair_losses

    offset = config.margin_coef * margin
    return {
        "sigmoid": lambda better, worse: pair_losses.sigmoid(better, worse, config.beta, offset),
        "ipo": lambda better, worse: pair_losses.ipo(better, worse, config.beta),
        "hinge": lambda better, worse: pair_losses.hinge(better, worse, config.beta, offset),
        "robust": lambda better, worse: pair_losses.robust(better, worse, config.beta, config.label_smoothing, offset),
    }[config.loss]
