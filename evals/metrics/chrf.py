"""chrF of the model's greedy answers against people's written answers: F2 over character n-grams, sacrebleu's corpus score.

Needs no words, so it serves languages that write none. Popović 2015.
"""

from __future__ import annotations

import datasets
import evaluate
from sacrebleu.metrics import CHRF

from evals.material import Material
from evals.metrics import Measure, Rows, gettext_noop, values

MEASURES = (Measure("chrf", gettext_noop("chrF"), "higher", "chrf", counts="answers"),)


def rows(material: Material) -> dict[str, Rows]:
    """A row a prompt: n-grams of the answer, of its best reference, and matches, for 6 orders."""
    return {"chrf": [(name, statistics(ours, theirs)) for name, ours, theirs in material.answered()]}


def signature() -> str:
    """How this chrF is computed, in sacrebleu's short form."""
    metric = CHRF()
    metric.corpus_score(["a"], [["a"]])
    return str(metric.get_signature())


def statistics(hypothesis: str, references: list[str]) -> list[int]:
    """What sacrebleu sums over a corpus; of several references the one that scores best."""
    # Not public in sacrebleu, but what its own significance tests resample.
    return CHRF()._extract_corpus_statistics([hypothesis], [[reference] for reference in references])[0]


class ChrF(evaluate.Metric):
    """`ChrF().compute(predictions=[text], references=[[text, …]])`."""

    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        features = datasets.Features({"predictions": text, "references": datasets.Sequence(text)})
        return evaluate.MetricInfo(description=__doc__, citation="Popović 2015", inputs_description="texts", features=features)

    def _compute(self, predictions, references):
        pairs = zip(predictions, references, strict=True)
        return values(MEASURES, {"chrf": [("", statistics(ours, theirs)) for ours, theirs in pairs]}) | {"signature": signature()}
