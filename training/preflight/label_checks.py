"""What is wrong with what people said: pairs, thumbs, rankings, rewards."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from training.preflight.look import TRAIN, Finding, Look, Messages, Seen, found

FEWEST = 30  # comparisons below which a bias may be chance
BIASED = 0.8
BALANCED = (0.25, 4.0)


def identical(look: Look) -> Iterator[Finding]:
    """Answers that are better than themselves."""
    rows = [row for row in look.rows if row.kind in ("pair", "ranking")]
    yield from found("identical", (row for row in rows if better_than_itself(row)), len(rows))


def better_than_itself(seen: Seen) -> bool:
    tiers = defaultdict(set)
    for answer, tier in zip(seen.said, seen.row.get("tiers") or (0, 1), strict=True):
        tiers[said(answer).strip()].add(tier)
    return any(len(found) > 1 for found in tiers.values())


def said(answer: Messages) -> str:
    """An answer as one text."""
    calls = [json.dumps(turn["tool_calls"], sort_keys=True) for turn in answer if turn.get("tool_calls")]
    return "\n".join([*(str(turn.get("content") or "") for turn in answer), *calls])


def contradiction(look: Look) -> Iterator[Finding]:
    """Pairs that the same rater ordered both ways."""
    rows = [row for row in look.of(TRAIN) if row.kind == "pair"]
    orders = {order(row): row for row in rows}
    both = [row for row in rows if order(row)[0] != order(row)[1] and turned(order(row)) in orders]
    yield from found("contradiction", both, len(rows))


def order(seen: Seen) -> tuple[str, str, str, str]:
    better, worse = map(said, seen.said)
    return better, worse, json.dumps(seen.asked, sort_keys=True), str(seen.source.get("rater"))


def turned(one: tuple[str, str, str, str]) -> tuple[str, str, str, str]:
    return one[1], one[0], one[2], one[3]


def length_bias(look: Look) -> Iterator[Finding]:
    """Comparisons that length alone would win or lose."""
    rows = look.of(TRAIN)
    wins, count = among_pairs(rows)
    if not count:
        wins, count = among_labels(rows)
    share = wins / max(1, count)
    if count:
        look.figures["longer_is_better"] = share
    if count >= FEWEST and share >= BIASED:
        yield Finding("length_bias", figures={"share": 100 * share, "of": count})


def among_pairs(rows: list[Seen]) -> tuple[int, int]:
    """(pairs whose better answer is the longer one, pairs of different lengths)."""
    wins = count = 0
    for row in rows:
        if row.kind in ("pair", "ranking") and (ends := best_and_worst(row)):
            wins += ends[0] > ends[1]
            count += ends[0] != ends[1]
    return wins, count


def best_and_worst(seen: Seen) -> tuple[int, int] | None:
    """Lengths of the best and the worst answer, None where all tie."""
    tiers = seen.row.get("tiers") or [0, 1]
    if len(set(tiers)) < 2:
        return None
    return len(seen.tokens[tiers.index(min(tiers))].ids), len(seen.tokens[tiers.index(max(tiers))].ids)


def among_labels(rows: list[Seen]) -> tuple[int, int]:
    """(acceptable answers longer than an unacceptable one, of so many such pairs); every one with every one."""
    good = [row.tokens[0].taught for row in rows if row.kind == "rated" and row.row["label"]]
    bad = sorted(row.tokens[0].taught for row in rows if row.kind == "rated" and not row.row["label"])
    return sum(bisect_left(bad, length) for length in good), len(good) * len(bad)


def labels(look: Look) -> Iterator[Finding]:
    """Thumbs up and thumbs down must both be there, and neither drown the other."""
    rows = [row for row in look.learned if row.kind == "rated"]
    up = sum(row.row["label"] for row in rows)
    if not rows:
        return
    if up in (0, len(rows)):
        yield Finding("one_label", figures={"of": len(rows), "label": "acceptable" if up else "not acceptable"})
        return
    ratio = look.config.desirable_weight * up / max(look.config.undesirable_weight * (len(rows) - up), 1e-12)
    look.figures["acceptable_to_one"] = ratio
    if not BALANCED[0] <= ratio <= BALANCED[1]:
        yield Finding("imbalance", figures={"ratio": ratio})


def other_prompts(look: Look) -> Iterator[Finding]:
    """KTO needs answers to other prompts."""
    rows = [row for row in look.learned if row.kind == "rated"]
    if len(rows) > 1 and all(mine.asked == theirs.asked for mine, theirs in pairwise(rows)):
        yield Finding("one_prompt", figures={"of": len(rows)})


def ties(look: Look) -> Iterator[Finding]:
    """Somebody must have put something above something."""
    rows = [row for row in look.of(TRAIN) if row.kind == "ranking"]
    if rows and all(len(set(row.row["tiers"])) < 2 for row in rows):
        yield Finding("only_ties", figures={"of": len(rows)})


def weightless(look: Look) -> Iterator[Finding]:
    """Rows whose rater weighs nothing."""
    rows = look.of(TRAIN)
    yield from found("weightless", (row for row in rows if row.row.get("weight", 1.0) <= 0), len(rows))


def rewards(look: Look) -> Iterator[Finding]:
    """Logged answers must earn different things."""
    rows: list[Any] = [row.row["reward"] for row in look.learned if row.kind == "logged" and row.row["reward"] is not None]
    if len(rows) > 1 and len(set(rows)) == 1:
        yield Finding("one_reward", figures={"of": len(rows)})


CHECKS = (identical, contradiction, length_bias, labels, other_prompts, ties, weightless, rewards)
