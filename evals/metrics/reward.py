"""The mean reward that a reward model gives to the model's own answers to the prompts of the dataset's split.

On the reward model's own scale, unclipped: it compares models under one reward model, and says nothing between two reward models.
A policy trained against the same reward model may please it more than it pleases people: read it beside their votes.
"""

from __future__ import annotations

import datasets
import evaluate

from evals.material import Material
from evals.metrics import Measure, Rows, gettext_noop, values

MEASURES = (Measure("reward", gettext_noop("Mean reward"), "higher", "ratio", counts="answers"),)


def rows(material: Material) -> dict[str, Rows]:
    """A row a prompt: (reward, 1)."""
    return {"reward": [(name, (reward, 1)) for name, reward in material.reward_all().items()]}


class Reward(evaluate.Metric):
    """`Reward().compute(predictions=[rewards])`."""

    def _info(self) -> evaluate.MetricInfo:
        features = datasets.Features({"predictions": datasets.Value("float64")})
        return evaluate.MetricInfo(
            description=__doc__, citation="Ouyang et al. 2022", inputs_description="rewards", features=features
        )

    def _compute(self, predictions):
        return values(MEASURES, {"reward": [("", (reward, 1)) for reward in predictions]})
