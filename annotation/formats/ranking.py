"""Whole rankings, for k-wise losses and for agreement: one row a judgement that ordered two or more answers.

{"prompt": [messages], "answers": [[messages], …], "tiers": [0 is best, equal is a tie, …], "acceptable": [true | false | null, …],
 "rater": pseudonym, "prompt_id": id}; from a snapshot with `reliability` also "weight": the rater's
"""

from collections.abc import Iterator
from typing import Any

from annotation.formats import offered, ordered, weighed

TITLE = "Rankings"


def rows(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One ranking, or nothing when fewer than two answers were ordered. `acceptable` is null where nobody was asked."""
    answers = ordered(row)
    if len(answers) < 2:
        return
    levels = sorted({answer["grades"]["overall"] for answer in answers}, reverse=True)
    yield {
        "prompt": row["prompt"],
        "answers": [answer["messages"] for answer in answers],
        "tiers": [levels.index(answer["grades"]["overall"]) for answer in answers],
        "acceptable": [_acceptable(answer["grades"]) for answer in answers],
        "rater": row["rater"],
        "prompt_id": row["prompt_id"],
        **weighed(row),
        **offered(row),
    }


def _acceptable(grades: dict[str, float]) -> bool | None:
    return grades["acceptable"] > 0 if "acceptable" in grades else None
