"""Pairs for reward models and DPO: every answer that was put strictly above another. Ties make no pair.

{"prompt": [messages], "chosen": [messages], "rejected": [messages], "margin": difference of the two grades}
"""

from collections.abc import Iterator
from itertools import permutations
from typing import Any

from annotation.formats import offered, ordered

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
                **offered(row),
            }
