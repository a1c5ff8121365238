"""BLEU of the model's greedy answers against people's written answers: sacrebleu's corpus score, with its signature.

Tokenizer 13a, mixed case, smoothing `exp`, 4-grams, as many references as people wrote. Papineni et al. 2002; Post 2018.
"""

from __future__ import annotations

import datasets
import evaluate
from sacrebleu.metrics import BLEU

from evals.material import Material
from evals.metrics import Measure, Rows, gettext_noop, values

MEASURES = (Measure("bleu", gettext_noop("BLEU"), "higher", "bleu", counts="answers"),)


def rows(material: Material) -> dict[str, Rows]:
    """A row a prompt: lengths, matches and totals of 1- to 4-grams."""
    return {"bleu": [(name, statistics(ours, theirs)) for name, ours, theirs in material.answered()]}


def signature() -> str:
    """How this BLEU is computed, in sacrebleu's short form."""
    metric = BLEU()
    metric.corpus_score(["a"], [["a"]])
    return str(metric.get_signature())


def statistics(hypothesis: str, references: list[str]) -> list[int]:
    """Hypothesis length, length of the reference nearest to it, matches of 4 orders, totals of 4 orders."""
    score = BLEU(effective_order=True).sentence_score(hypothesis, references)
    return [score.sys_len, score.ref_len, *score.counts, *score.totals]


class Bleu(evaluate.Metric):
    """`Bleu().compute(predictions=[text], references=[[text, …]])`."""

    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        features = datasets.Features({"predictions": text, "references": datasets.Sequence(text)})
        return evaluate.MetricInfo(
            description=__doc__, citation="Papineni et al. 2002", inputs_description="texts", features=features
        )

    def _compute(self, predictions, references):
        pairs = zip(predictions, references, strict=True)
        return values(MEASURES, {"bleu": [("", statistics(ours, theirs)) for ours, theirs in pairs]}) | {"signature": signature()}
