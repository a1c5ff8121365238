"""Whole rankings, for k-wise losses and for agreement: one row a judgement that ordered two or more answers.

{"prompt": [messages], "answers": [[messages], …], "tiers": [0 is best, equal is a tie, …], "acceptable": [true | false | null, …],
 "grades": [how much better than the lowest: tiers, or the strength of a comparison, …], "aspects": {aspect: [value | null, …]},
 "rater": pseudonym, "prompt_id": id, "task_id": id, "sample_ids": [id, …], "language": code}

Also "places", the place at which each answer was shown, from 0, where it is known; "tools" where some were offered; and from a
snapshot with `reliability` "weight", the rater's, and "beats": [[P(this answer is truly better than that one), …], …].
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
        "grades": [answer["grades"]["overall"] - levels[-1] for answer in answers],
        "aspects": _aspects(answers),
        "rater": row["rater"],
        "prompt_id": row["prompt_id"],
        "task_id": row["task_id"],
        "sample_ids": [answer["sample_id"] for answer in answers],
        "language": row["language"],
        **_places(row, answers),
        **weighed(row),
        **_beats(answers),
        **offered(row),
    }


def _acceptable(grades: dict[str, float]) -> bool | None:
    return grades["acceptable"] > 0 if "acceptable" in grades else None


def _aspects(answers: list[dict[str, Any]]) -> dict[str, list[float | None]]:
    names = sorted({aspect for answer in answers for aspect in answer["grades"]} - {"overall", "acceptable"})
    return {name: [answer["grades"].get(name) for answer in answers] for name in names}


def _places(row: dict[str, Any], answers: list[dict[str, Any]]) -> dict[str, list[int]]:
    shown = row.get("order") or []
    known = all(answer["sample_id"] in shown for answer in answers)
    return {"places": [shown.index(answer["sample_id"]) for answer in answers]} if known else {}


def _beats(answers: list[dict[str, Any]]) -> dict[str, list[list[float]]]:
    """A row an answer, 0 on the diagonal; absent where the chances of some answer are not known (a person wrote it there)."""
    ids = [str(answer["sample_id"]) for answer in answers]
    chances = [{**answer.get("beats", {}), mine: 0.0} for mine, answer in zip(ids, answers, strict=True)]
    known = all(other in row for row in chances for other in ids)
    return {"beats": [[row[other] for other in ids] for row in chances]} if known else {}
