"""The rankings of a snapshot as tokens: the answers of a task once, with everything that raters said of them. No Django, no torch.

One task is one row of a reward model's batch, whoever and however many judged it: its answers pass through the model together and
once (Ouyang et al. 2022, § 3.5, where comparisons of the same answers in other batches were learned by heart).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from annotation.formats import ranking
from training import snapshot_rows, text
from training.rundir import RunDir
from training.snapshot_rows import NOBODY, Onlooker


@dataclass(frozen=True)
class Ranking:
    """One judgement of a task. `places`: which of the task's answers it ordered; `tiers`: 0 the best, equal is a tie.

    `grades`: how far above the lowest each answer is; `beats[a][b]`: P(a is better than b) by all raters together, where known;
    `open_end`: the answers of the lowest tier are below the others, but nobody said that they are equal (they are unacceptable);
    `shown`: the place at which the rater saw each answer, where known; `aspects`: values of other aspects than the order.
    """

    places: tuple[int, ...]
    tiers: tuple[int, ...]
    grades: tuple[float, ...]
    rater: str = ""
    weight: float = 1.0
    beats: tuple[tuple[float, ...], ...] | None = None
    open_end: bool = False
    shown: tuple[int, ...] | None = None
    aspects: dict[str, list[float | None]] = field(default_factory=dict)

    @property
    def ordered(self) -> bool:
        """Some answer is above another."""
        return len(set(self.tiers)) > 1

    def stages(self) -> list[tuple[int, int]]:
        """(answers left, answers picked) each time that a tier was picked among two answers or more."""
        sizes, left, found = Counter(self.tiers), len(self.tiers), []
        for tier in sorted(sizes):
            if left > 1 and not (self.open_end and tier == max(sizes)):
                found.append((left, sizes[tier]))
            left -= sizes[tier]
        return found


@dataclass
class Task:
    """Answers to one prompt, each a whole chat as tokens, and the rankings of them."""

    prompt_id: Any
    language: str
    answers: list[list[int]] = field(default_factory=list)
    rankings: list[Ranking] = field(default_factory=list)


def starts(tasks: Sequence[Task]) -> list[int]:
    """Where the answers of each ranking begin, were the answers of all tasks laid end to end."""
    found, at = [], 0
    for task in tasks:
        found += [at] * len(task.rankings)
        at += len(task.answers)
    return found


# From a snapshot ------------------------------------------------------------------------------------------------------------


Prepare = Callable[[Ranking], Ranking | None]


def read(run: RunDir, tokenizer: Any, splits: Sequence[str], longest: int, prepared: Prepare) -> list[Task]:
    """The tasks of some splits, their rankings as `prepared` makes them.

    A message says how many it made None of, because they say nothing, and how many are too long.
    """
    tasks: dict[Any, Task] = {}
    places: dict[Any, dict[Any, int]] = {}
    silent = left_out = 0
    for split in splits:
        for ranked, chats in rankings(run, tokenizer, split):
            found = prepared(_ranking(ranked))
            encoded = [chat.input_ids for chat in chats]
            if found is None:
                silent += 1
            elif max(map(len, encoded)) > longest:
                left_out += 1
            else:
                task = tasks.setdefault(ranked["task_id"], Task(ranked["prompt_id"], ranked["language"]))
                _add(task, places.setdefault(ranked["task_id"], {}), found, ranked["sample_ids"], encoded)
    count = sum(len(task.rankings) for task in tasks.values())
    run.message(
        f"{' and '.join(splits)}: {count} rankings of {len(tasks)} tasks; "
        f"{silent} left out because they say nothing, {left_out} longer than {longest} tokens"
    )
    return list(tasks.values())


def rankings(
    run: RunDir, tokenizer: Any, split: str, onlooker: Onlooker = NOBODY
) -> Iterator[tuple[dict[str, Any], list[text.Encoded]]]:
    """The rankings of a split, as they stand in the format `ranking`, and the whole chat of each of their answers as tokens."""

    def items(judgement: dict[str, Any]) -> Iterator[tuple[dict[str, Any], list[text.Encoded]]]:
        for ranked in ranking.rows(judgement):
            yield ranked, [text.encode_chat(tokenizer, chat, ranked.get("tools")) for chat in _chats(ranked)]

    return snapshot_rows.each(run, split, items, onlooker)


def _chats(ranked: dict[str, Any]) -> list[list[dict[str, Any]]]:
    return [[*ranked["prompt"], *answer] for answer in ranked["answers"]]


def _ranking(ranked: dict[str, Any]) -> Ranking:
    """A row of the format `ranking`, its answers numbered as they stand in it."""
    tiers = tuple(ranked["tiers"])
    lowest = [fit for tier, fit in zip(tiers, ranked["acceptable"], strict=True) if tier == max(tiers)]
    return Ranking(
        places=tuple(range(len(tiers))),
        tiers=tiers,
        grades=tuple(ranked["grades"]),
        rater=ranked["rater"],
        weight=ranked.get("weight", 1.0),
        beats=tuple(map(tuple, ranked["beats"])) if "beats" in ranked else None,
        open_end=all(fit is False for fit in lowest),
        shown=tuple(ranked["places"]) if "places" in ranked else None,
        aspects=ranked["aspects"],
    )


def _add(task: Task, known: dict[Any, int], found: Ranking, samples: list[Any], encoded: list[list[int]]) -> None:
    """Puts a ranking into its task, and those of its answers that the task does not hold yet."""
    for sample, ids in zip(samples, encoded, strict=True):
        if sample not in known:
            known[sample] = len(task.answers)
            task.answers.append(ids)
    task.rankings.append(replace(found, places=tuple(known[sample] for sample in samples)))


# Ties -----------------------------------------------------------------------------------------------------------------------


def largest_tier(rankings: Iterable[Ranking]) -> int:
    """How many answers share the fullest tier: Turner et al. 2020, "Modelling rankings in R: the PlackettLuce package", § 2.1."""
    return max((picked for ranking in rankings for _left, picked in ranking.stages()), default=1)


def tie_of_equals(rankings: Iterable[Ranking]) -> float:
    """The τ at which answers of equal scores would tie as often as these do: where learning starts, for it knows no scores yet."""
    stages = Counter(stage for ranking in rankings for stage in ranking.stages())
    largest = max(picked for _left, picked in stages)
    seen = sum((picked - 1) * count for (_left, picked), count in stages.items())
    low, high = -10.0, 10.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        expected = sum(count * _mean_extra(left, min(left, largest), middle) for (left, _picked), count in stages.items())
        low, high = (middle, high) if expected < seen else (low, middle)
    return low


def _mean_extra(left: int, largest: int, tie: float) -> float:
    """E[|S| − 1] of the tier S that is picked among so many answers of equal scores."""
    chances = [math.comb(left, size) * math.exp(tie * (size - 1)) for size in range(1, largest + 1)]
    return sum(extra * chance for extra, chance in enumerate(chances)) / sum(chances)
