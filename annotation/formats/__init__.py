"""Export shapes: each file turns one row of a snapshot (`annotation/frozen.py`) into the rows that a trainer expects.

`rows(row) -> Iterator[dict]`. No Django. Messages are in OpenAI's shape; a row carries `tools` only where some were offered.
"""

from typing import Any


def offered(row: dict[str, Any]) -> dict[str, Any]:
    """The tools column of a row made from this snapshot row: absent when none were offered."""
    return {"tools": row["tools"]} if row["tools"] else {}


def weighed(row: dict[str, Any]) -> dict[str, Any]:
    """The weight of the rater's word: absent unless the snapshot was taken with `reliability`."""
    return {"weight": row["weight"]} if "weight" in row else {}


def ordered(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The answers that this judgement put in order (aspect `overall`), as they stand in the row."""
    return [answer for answer in row["answers"] if "overall" in answer["grades"]]
