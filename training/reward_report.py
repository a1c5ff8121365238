"""How well a reward model orders answers as held-out people did, and how far that can be trusted. numpy only; no Django, no torch.

Every figure is a share of pairs {"value", "low", "high", "pairs"}; its 95 % interval takes the pairs of a prompt as going together
(`annotation/stats.py`). The model's own: `accuracy`. Beside it what knows less: `longer`, always the longer answer; `first`, always
the one shown first. And what knows more: `people`, how often another rater of the same answers puts two of them as the first did,
half for a tie.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Any

import numpy as np

from annotation.stats import cluster_interval
from training.judgements import Ranking, Task

BINS = 10
MOST_SLICES = 30  # of one kind: the largest

Figure = dict[str, float]
Report = dict[str, Any]


@dataclass(frozen=True)
class Pair:
    """Two answers of which a judgement put one above the other; each number is the better one's less the other's.

    `lead`: of scores; `longer`: of tokens; `later`: of the places at which they were shown, None where these are not known;
    `grade`: of tiers or strength.
    """

    prompt: Any
    language: str
    rater: str
    lead: float
    longer: int
    later: int | None
    grade: float


def pairs(tasks: Sequence[Task], scores: Sequence[float]) -> list[Pair]:
    """Every strictly ordered pair of every judgement, under the scores of all answers laid end to end."""
    found, start = [], 0
    for task in tasks:
        own = scores[start : start + len(task.answers)]
        found += [_pair(task, ranking, own, *sides) for ranking in task.rankings for sides in _ordered(ranking.tiers)]
        start += len(task.answers)
    return found


def _ordered(tiers: Sequence[float]) -> Iterator[tuple[int, int]]:
    return ((better, worse) for better, worse in permutations(range(len(tiers)), 2) if tiers[better] < tiers[worse])


def _pair(task: Task, ranking: Ranking, scores: Sequence[float], better: int, worse: int) -> Pair:
    one, other = ranking.places[better], ranking.places[worse]
    return Pair(
        prompt=task.prompt_id,
        language=task.language,
        rater=ranking.rater,
        lead=scores[one] - scores[other],
        longer=len(task.answers[one]) - len(task.answers[other]),
        later=ranking.shown[better] - ranking.shown[worse] if ranking.shown else None,
        grade=ranking.grades[better] - ranking.grades[worse],
    )


# The report -----------------------------------------------------------------------------------------------------------------


def headline(tasks: Sequence[Task], scores: Sequence[float]) -> Figure:
    """The curve of held-out accuracy with its interval; empty where no pair is held out."""
    found = _figure([(pair.prompt, _right(pair.lead)) for pair in pairs(tasks, scores)])
    if found is None:
        return {}
    return {"accuracy": found["value"], "accuracy_low": found["low"], "accuracy_high": found["high"], "pairs": found["pairs"]}


def report(tasks: Sequence[Task], scores: Sequence[float]) -> Report:
    """`accuracy`, `longer`, `first`, `people` (None where nothing is known), `calibration_error`, `bins` and `slices`."""
    found = pairs(tasks, scores)
    bins = reliability(found)
    shown = [(pair.prompt, _right(-pair.later)) for pair in found if pair.later is not None]
    return {
        "accuracy": _figure([(pair.prompt, _right(pair.lead)) for pair in found]),
        "longer": _figure([(pair.prompt, _right(pair.longer)) for pair in found]),
        "first": _figure(shown),
        "people": _figure(list(_between_raters(tasks))),
        "calibration_error": calibration_error(bins),
        "bins": bins,
        "slices": [*_slices(found), *_by_aspect(tasks, scores)],
    }


def numbers(report: Report) -> dict[str, float]:
    """The report in numbers for a run's page and a checkpoint's card; empty where no pair is held out."""
    shares = {f"{name}_accuracy": report[name]["value"] for name in ("longer", "first", "people") if report[name]}
    return {"calibration_error": report["calibration_error"], **shares} if report["bins"] else {}


def scale(scores: Sequence[float]) -> dict[str, float]:
    """Mean and standard deviation of the training answers' scores: PPO and disagreement take them as the unit of reward."""
    return {"mean": float(np.mean(scores)), "std": float(np.std(scores)) or 1.0}


def _right(lead: float) -> float:
    """1 where the better answer has more, a half where both have the same (as `evals/metrics/reward_accuracy.py` counts)."""
    return 1.0 if lead > 0 else 0.5 if lead == 0 else 0.0


def _figure(found: Sequence[tuple[Any, float]]) -> Figure | None:
    """The mean of (prompt, right) with its interval; None of nothing."""
    if not found:
        return None
    prompts, right = zip(*found, strict=True)
    low, high = cluster_interval(right, prompts)
    return {"value": float(np.mean(right)), "low": low, "high": high, "pairs": len(right)}


# Calibration ----------------------------------------------------------------------------------------------------------------


def reliability(found: Sequence[Pair]) -> list[Figure]:
    """In ten bins from 0.5 to 1: the mean chance that the model gives its own order (`predicted`), and how often it is right.

    That chance is σ of the difference of the two scores, which is what training fits. Empty bins are left out.
    """
    if not found:
        return []
    sure = 1 / (1 + np.exp(-np.abs([pair.lead for pair in found])))
    which = np.minimum(((sure - 0.5) * 2 * BINS).astype(int), BINS - 1)
    made = []
    for number in np.unique(which):
        inside = np.flatnonzero(which == number).tolist()
        figure = _figure([(found[at].prompt, _right(found[at].lead)) for at in inside])
        made.append({"predicted": float(sure[inside].mean()), **(figure or {})})
    return made


def calibration_error(bins: Sequence[Figure]) -> float:
    """Expected calibration error: the mean distance of predicted and observed, each bin by its pairs. Guo et al. 2017, eq. 3."""
    total = sum(each["pairs"] for each in bins)
    return sum(each["pairs"] * abs(each["predicted"] - each["value"]) for each in bins) / total if total else 0.0


# People among themselves ----------------------------------------------------------------------------------------------------


def _between_raters(tasks: Sequence[Task]) -> Iterator[tuple[Any, float]]:
    """(prompt, how far the second agrees) for each two judgements of a task by two raters and each pair that the first ordered."""
    for task in tasks:
        for one, other in permutations(task.rankings, 2):
            if one.rater != other.rater:
                yield from ((task.prompt_id, share) for share in _agreed(one, other))


def _agreed(one: Ranking, other: Ranking) -> Iterator[float]:
    """For each pair that `one` ordered and `other` saw: 1 where they agree, a half for a tie."""
    where = {place: index for index, place in enumerate(other.places)}
    lowest = max(other.tiers)
    for better, worse in _ordered(one.tiers):
        if one.places[better] not in where or one.places[worse] not in where:
            continue
        above, below = (other.tiers[where[one.places[side]]] for side in (better, worse))
        if not (other.open_end and above == below == lowest):
            yield _right(below - above)


# Slices ---------------------------------------------------------------------------------------------------------------------

# What pairs are sorted by. `length` and `strength` have names that pages know; the others are of the data.
KINDS: dict[str, Callable[[Pair], str]] = {
    "length": lambda pair: "longer" if pair.longer > 0 else "shorter" if pair.longer < 0 else "equal",
    "strength": lambda pair: str(min(3, max(1, round(pair.grade)))),
    "language": lambda pair: pair.language,
    "rater": lambda pair: pair.rater,
}


def _slices(found: Sequence[Pair]) -> Iterator[Report]:
    """The accuracy in each part of the pairs; of each kind the largest parts, those with most pairs first."""
    for kind, name_of in KINDS.items():
        parts: dict[str, list[tuple[Any, float]]] = defaultdict(list)
        for pair in found:
            parts[name_of(pair)].append((pair.prompt, _right(pair.lead)))
        yield from _named(kind, parts)


def _by_aspect(tasks: Sequence[Task], scores: Sequence[float]) -> Iterator[Report]:
    """How often the score goes with each other aspect that raters graded, over the pairs that differ in it."""
    parts: dict[str, list[tuple[Any, float]]] = defaultdict(list)
    start = 0
    for task in tasks:
        for ranking in task.rankings:
            own = [scores[start + place] for place in ranking.places]
            for aspect, values in ranking.aspects.items():
                parts[aspect] += [(task.prompt_id, right) for right in _alike(values, own)]
        start += len(task.answers)
    yield from _named("aspect", parts)


def _alike(values: Sequence[float | None], scores: Sequence[float]) -> Iterator[float]:
    """For each two answers whose values differ: 1 where the scores differ alike."""
    graded = [(value, score) for value, score in zip(values, scores, strict=True) if value is not None]
    return (_right((a[0] - b[0]) * (a[1] - b[1])) for a, b in combinations(graded, 2) if a[0] != b[0])


def _named(kind: str, parts: dict[str, list[tuple[Any, float]]]) -> Iterator[Report]:
    largest = sorted((name for name in parts if parts[name]), key=lambda name: (-len(parts[name]), name))[:MOST_SLICES]
    return ({"by": kind, "name": name, **(_figure(parts[name]) or {})} for name in largest)
