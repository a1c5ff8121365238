"""ROUGE-1, ROUGE-2 and ROUGE-L (F1) of the model's greedy answers against people's written answers: the mean over prompts.

rouge-score with a tokenizer that knows every script: lower-cased runs of letters, digits and marks; each Han, kana or Hangul
character is a word of its own (rouge-score's own tokenizer keeps a–z and 0–9 alone, and scores equal Chinese texts 0). No
stemmer: Porter's is English only. Of several references the best counts. Lin 2004.
"""

from __future__ import annotations

import re

import datasets
import evaluate
from rouge_score import rouge_scorer, tokenizers

from evals.material import Material
from evals.metrics import Measure, Rows, gettext_noop, values

MEASURES = (
    Measure("rouge1", gettext_noop("ROUGE-1"), "higher", "ratio", percent=True, counts="answers"),
    Measure("rouge2", gettext_noop("ROUGE-2"), "higher", "ratio", percent=True, counts="answers"),
    Measure("rougeL", gettext_noop("ROUGE-L"), "higher", "ratio", percent=True, counts="answers"),
)
NAMES = [measure.name for measure in MEASURES]
UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af"
WORD = re.compile(rf"[{UNSPACED}]|(?:[^\W_{UNSPACED}][\u0300-\u036f]*)+")


class UnicodeTokenizer(tokenizers.Tokenizer):
    """Words of any script, lower-cased."""

    def tokenize(self, text: str) -> list[str]:
        return WORD.findall(text.lower())


def scorer(tokenizer: tokenizers.Tokenizer | None = None) -> rouge_scorer.RougeScorer:
    """rouge-score as Crisol uses it."""
    return rouge_scorer.RougeScorer(NAMES, use_stemmer=False, tokenizer=tokenizer or UnicodeTokenizer())


def rows(material: Material) -> dict[str, Rows]:
    """A row a prompt: (F1, 1)."""
    return _rows(material.answered())


def signature() -> str:
    """How this ROUGE is computed."""
    return "rouge-score|f1|tok:unicode-words|stemmer:none|refs:best"


def _rows(answered) -> dict[str, Rows]:
    judge = scorer()
    found: dict[str, list[tuple[str, tuple[float, int]]]] = {name: [] for name in NAMES}
    for prompt, ours, theirs in answered:
        best = judge.score_multi(theirs, ours)
        for name in NAMES:
            found[name].append((prompt, (best[name].fmeasure, 1)))
    return dict(found)


class Rouge(evaluate.Metric):
    """`Rouge().compute(predictions=[text], references=[[text, …]])`; values from 0 to 1."""

    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        features = datasets.Features({"predictions": text, "references": datasets.Sequence(text)})
        return evaluate.MetricInfo(description=__doc__, citation="Lin 2004", inputs_description="texts", features=features)

    def _compute(self, predictions, references):
        answered = [("", ours, theirs) for ours, theirs in zip(predictions, references, strict=True)]
        return values(MEASURES, _rows(answered)) | {"signature": signature()}
