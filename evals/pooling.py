"""From the summed statistics of rows to a score. numpy only, so that pages can compare two models without their libraries.

Every measure of Crisol is a function of sums over rows: so one bootstrap serves all, a corpus is weighted by its tokens, and two
models are compared on the same resampled rows. Each function takes (..., columns) and gives (...).
"""

from __future__ import annotations

import numpy as np

ORDERS = 4  # of BLEU's n-grams
BETA = 2  # of chrF: recall weighs twice as much as precision


def ratio(sums: np.ndarray) -> np.ndarray:
    """Columns: numerator, denominator."""
    return sums[..., 0] / np.maximum(sums[..., 1], 1e-300)


def exp_ratio(sums: np.ndarray) -> np.ndarray:
    """Columns: negative log-likelihood in nats, tokens. Perplexity."""
    return np.exp(ratio(sums))


def bleu(sums: np.ndarray) -> np.ndarray:
    """Columns: hypothesis length, reference length, 4 × matches, 4 × totals. sacrebleu's corpus score with smoothing `exp`."""
    ours, theirs = sums[..., 0], sums[..., 1]
    matches, totals = sums[..., 2 : 2 + ORDERS], sums[..., 2 + ORDERS :]
    logs, halvings = np.zeros_like(ours), np.ones_like(ours)
    with np.errstate(divide="ignore", invalid="ignore"):
        for order in range(ORDERS):
            match, total = matches[..., order], totals[..., order]
            # An order without a match counts as 1/2, 1/4 … of one: Chen & Cherry 2014, smoothing 3.
            halvings = np.where(match == 0, halvings * 2, halvings)
            logs = logs + np.log(np.where(match == 0, 1 / halvings, match) / total)
        brevity = np.where(ours < theirs, np.exp(1 - theirs / ours), 1.0)
    scored = (matches.sum(axis=-1) > 0) & (totals.min(axis=-1) > 0)
    return np.where(scored, 100 * brevity * np.exp(np.where(scored, logs, 0) / ORDERS), 0.0)


def chrf(sums: np.ndarray) -> np.ndarray:
    """Columns: hypothesis n-grams, reference n-grams, matches, for each order. sacrebleu's chrF2; Popović 2015."""
    ours, theirs, matches = sums[..., 0::3], sums[..., 1::3], sums[..., 2::3]
    there = (ours > 0) & (theirs > 0)
    count = np.maximum(there.sum(axis=-1), 1)
    precision = np.where(there, matches / np.maximum(ours, 1), 0).sum(axis=-1) / count
    recall = np.where(there, matches / np.maximum(theirs, 1), 0).sum(axis=-1) / count
    return 100 * (1 + BETA**2) * precision * recall / np.maximum(BETA**2 * precision + recall, 1e-300)


POOLS = {"ratio": ratio, "exp_ratio": exp_ratio, "bleu": bleu, "chrf": chrf}
