"""Answers with what they earned, for learning from logged rewards: one row an answer that was graded in a judgement.

{"prompt": [messages], "answer": [messages], "rewards": {aspect: value}, "ordered": true | false, "model": name, "prompt_id": id,
 "sample_id": id, "rater": pseudonym}; from a snapshot with `reliability` also "weight": the rater's

A rating (Likert, thumb, flag) is its own value. An order has no unit: where `overall` put answers in order (`ordered`), it is
standardised within the judgement (mean 0, deviation 1; 0 for answers that all tie), so that judgements can be compared.
"""

from collections.abc import Iterator
from statistics import fmean, pstdev
from typing import Any

from annotation.formats import offered, ordered, weighed

TITLE = "Answers with rewards"


def rows(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One row for each answer that this judgement graded."""
    standing = _standing(row) if row["kind"] != "rate" else {}
    for answer in row["answers"]:
        if answer["grades"]:
            overall = {"overall": standing[answer["sample_id"]]} if answer["sample_id"] in standing else {}
            yield {
                "prompt": row["prompt"],
                "answer": answer["messages"],
                "rewards": answer["grades"] | overall,
                "ordered": bool(overall),
                "model": answer["model"],
                "prompt_id": row["prompt_id"],
                "sample_id": answer["sample_id"],
                "rater": row["rater"],
                **weighed(row),
                **offered(row),
            }


def _standing(row: dict[str, Any]) -> dict[int, float]:
    """Where each ordered answer stands among them, by sample id, in deviations from their mean."""
    grades = {answer["sample_id"]: answer["grades"]["overall"] for answer in ordered(row)}
    if not grades:
        return {}
    mean, spread = fmean(grades.values()), pstdev(grades.values())
    return {sample: (grade - mean) / spread if spread else 0.0 for sample, grade in grades.items()}
