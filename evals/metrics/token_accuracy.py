"""How often the model's most likely next token is the one that a person wrote, over the tokens of written answers (end included).

Teacher-forced: every token is predicted from the person's own words before it.
"""

from __future__ import annotations

import datasets
import evaluate

from evals.material import Material
from evals.metrics import Measure, NotMeasured, Rows, gettext_noop, values

MEASURES = (
    Measure("token_accuracy", gettext_noop("Token accuracy"), "higher", "ratio", percent=True, counts="tokens"),
)  # fmt: skip


def rows(material: Material) -> dict[str, Rows]:
    """A row a prompt: (tokens foreseen, tokens)."""
    if not material.asked:
        raise NotMeasured("give a dataset with written answers in this split")
    scores = material.answer_scores()
    return {"token_accuracy": [(name, (correct, tokens)) for name, _nll, tokens, correct, _size in scores]}


class TokenAccuracy(evaluate.Metric):
    """`TokenAccuracy().compute(predictions=[[token ids]], references=[[token ids]])`; equal lengths row by row."""

    def _info(self) -> evaluate.MetricInfo:
        ids = datasets.Sequence(datasets.Value("int64"))
        features = datasets.Features({"predictions": ids, "references": ids})
        return evaluate.MetricInfo(description=__doc__, citation="", inputs_description="token ids", features=features)

    def _compute(self, predictions, references):
        pairs = zip(predictions, references, strict=True)
        counted = [("", (sum(a == b for a, b in zip(ours, theirs, strict=True)), len(theirs))) for ours, theirs in pairs]
        return values(MEASURES, {"token_accuracy": counted})
