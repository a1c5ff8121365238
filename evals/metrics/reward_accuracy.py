"""How often a reward model scores the answer that people preferred above the other one, over every strictly ordered pair.

Equal scores count half. Pairs come from the rankings of the dataset's split (`annotation/formats/preference.py`); those of one
prompt are one row, so that the interval does not take ten pairs of one prompt for ten prompts. Pairs longer than the model reads
are left out.
"""

from __future__ import annotations

from collections import defaultdict

import datasets
import evaluate

from evals.material import Material
from evals.metrics import Measure, NotMeasured, Rows, gettext_noop, values

MEASURES = (
    Measure("reward_accuracy", gettext_noop("Reward accuracy"), "higher", "ratio", percent=True, counts="pairs"),
)  # fmt: skip


def rows(material: Material) -> dict[str, Rows]:
    """A row a prompt: (pairs ordered as people do, pairs)."""
    if not material.is_reward:
        raise NotMeasured("the checkpoint is not a reward model")
    if not material.pairs:
        raise NotMeasured("give a dataset with rankings in this split")
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0])
    for prompt_id, chosen, rejected in material.pair_scores():
        sums[prompt_id][0] += right(chosen, rejected)
        sums[prompt_id][1] += 1
    return {"reward_accuracy": list(sums.items())}


def right(chosen: float, rejected: float) -> float:
    """1 where the preferred answer scores higher, a half where both score the same."""
    return 1.0 if chosen > rejected else 0.5 if chosen == rejected else 0.0


class RewardAccuracy(evaluate.Metric):
    """`RewardAccuracy().compute(predictions=[rewards of chosen], references=[rewards of rejected])`."""

    def _info(self) -> evaluate.MetricInfo:
        number = datasets.Value("float64")
        features = datasets.Features({"predictions": number, "references": number})
        return evaluate.MetricInfo(description=__doc__, citation="", inputs_description="rewards", features=features)

    def _compute(self, predictions, references):
        pairs = zip(predictions, references, strict=True)
        return values(MEASURES, {"reward_accuracy": [("", (right(*pair), 1)) for pair in pairs]})
