"""Perplexity of a text or of people's answers under a language model, and its bits per byte.

exp of the mean negative log-likelihood **per token of the whole corpus**: averaging the perplexities of texts lets one odd short
text outweigh a book. Each document begins with the tokenizer's BOS, which is given and never predicted; a tokenizer without one
leaves each document's first token unscored. The end token is not part of a document; it is part of an answer. A document longer
than the window is read in windows that move by `stride`; each token is scored once, with at least window − stride tokens before it.

Perplexities compare only between models of one tokenizer; bits per byte compare between any two.
"""

from __future__ import annotations

import math

import datasets
import evaluate
import numpy as np

from evals.material import Material
from evals.metrics import Measure, NotMeasured, Rows, gettext_noop, values
from evals.scoring import reach, score, windows

MEASURES = (
    Measure("perplexity", gettext_noop("Perplexity"), "lower", "exp_ratio", counts="tokens"),
    Measure("bits_per_byte", gettext_noop("Bits per byte"), "lower", "ratio", unit="bit/B", counts="bytes"),
)


def rows(material: Material) -> dict[str, Rows]:
    """Of the corpus where one was given, else of people's answers."""
    if material.documents:
        found = document_rows(material.model, material.tokenizer, material.documents, **material.reading)
    elif material.asked:
        found = material.answer_scores()
    else:
        raise NotMeasured("give a corpus, or a dataset with written answers in this split")
    return _measured(found)


def document_rows(model, tokenizer, documents, *, window=0, stride=0, batch_size=8, side="right", look=None):
    """(id, nll in nats, tokens, correct, bytes) of every document; window 0: what the model can read, stride 0: half a window."""
    length = window or reach(model)
    cut = [windows(tokenizer, document, length, stride or max(1, length // 2)) for document in documents]
    flat = score(model, [part for parts in cut for part in parts], tokenizer.pad_token_id, batch_size, side, look)
    owner = np.repeat(np.arange(len(cut)), [len(parts) for parts in cut])
    sums = np.stack([np.bincount(owner, weights=column, minlength=len(cut)) for column in flat.T], axis=1)
    return [(f"document-{index}", *sums[index], len(text.encode())) for index, text in enumerate(documents) if sums[index, 1] > 0]


def _measured(found) -> dict[str, Rows]:
    return {
        "perplexity": [(name, (nll, tokens)) for name, nll, tokens, _correct, _size in found],
        "bits_per_byte": [(name, (nll / math.log(2), size)) for name, nll, _tokens, _correct, size in found],
    }


class Perplexity(evaluate.Metric):
    """`Perplexity().compute(predictions=texts, model=model, tokenizer=tokenizer, window=0, stride=0, batch_size=8)`."""

    def _info(self) -> evaluate.MetricInfo:
        features = datasets.Features({"predictions": datasets.Value("string")})
        return evaluate.MetricInfo(
            description=__doc__, citation="Jelinek et al. 1977", inputs_description="texts", features=features
        )

    def _compute(self, predictions, model, tokenizer, **reading):
        return values(MEASURES, _measured(document_rows(model, tokenizer, predictions, **reading)))
