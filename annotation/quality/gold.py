"""How right a judgement is against a known answer: the share of what the known answer says that the judgement says too.

In the aspect `overall` the known answer says which of two samples is better: one point for each pair that it orders strictly. Every
other aspect gives a point for each sample; a Likert value may be one step off. That a sample is acceptable goes without saying, so
only samples that either of the two calls unacceptable count there.
"""

from __future__ import annotations

from itertools import combinations

Grades = dict[int, dict[str, float]]  # sample id → aspect → value
TOLERANCE = 1.0


def rightness(judged: Grades, known: Grades) -> float | None:
    """0 (all wrong) to 1 (all right); None where the known answer says nothing that can be compared."""
    points = [*_pairs(judged, known), *_aspects(judged, known)]
    return sum(points) / len(points) if points else None


def _pairs(judged: Grades, known: Grades) -> list[bool]:
    ordered = {pk: grades["overall"] for pk, grades in known.items() if "overall" in grades}
    return [
        _sign(ordered, one, other) == _sign({pk: grades.get("overall", 0.0) for pk, grades in judged.items()}, one, other)
        for one, other in combinations(sorted(ordered), 2)
        if ordered[one] != ordered[other]
    ]


def _sign(values: dict[int, float], one: int, other: int) -> int:
    difference = values.get(one, 0.0) - values.get(other, 0.0)
    return (difference > 0) - (difference < 0)


def _aspects(judged: Grades, known: Grades) -> list[bool]:
    return [
        _close(judged.get(pk, {}).get(aspect), value)
        for pk, grades in known.items()
        for aspect, value in grades.items()
        if aspect != "overall" and not (aspect == "acceptable" and value and judged.get(pk, {}).get(aspect, 1.0))
    ]


def _close(mine: float | None, value: float) -> bool:
    """A thumb or a flag (0 or 1) must be equal: there one step is the whole scale."""
    if mine is None:
        return False
    return mine == value if value in (0, 1) and mine in (0, 1) else abs(mine - value) <= TOLERANCE
