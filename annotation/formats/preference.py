"""Pairs for reward models and DPO: every answer that was put strictly above another. Ties make no pair.

{"prompt": [messages], "chosen": [messages], "rejected": [messages], "margin": difference of the two grades}

From a snapshot with `reliability` also "probability": P(chosen is truly better), below a half where others outweigh this rater,
and "weight": the rater's.
"""

from collections.abc import Iterator
from itertools import permutations
from typing import Any

from annotation.formats import offered, ordered, weighed

TITLE = "Preference pairs"


def rows(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every strictly ordered pair of one judgement; k answers in k tiers make k(k-1)/2 (InstructGPT, §3.5)."""
    for better, worse in permutations(ordered(row), 2):
        margin = better["grades"]["overall"] - worse["grades"]["overall"]
        if margin > 0:
            yield {
                "prompt": row["prompt"],
                "chosen": better["messages"],
                "rejected": worse["messages"],
                "margin": margin,
                **_soft(better, worse),
                **weighed(row),
                **offered(row),
            }


def _soft(better: dict[str, Any], worse: dict[str, Any]) -> dict[str, float]:
    return {"probability": better["beats"][str(worse["sample_id"])]} if "beats" in better else {}
