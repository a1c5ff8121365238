"""What a measuring run left in its folder, read for a page: figures, the rows under them, answers. numpy only."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from annotation import stats
from evals.pooling import POOLS

# How a report orders measures; others follow by name of their run.
ORDER = (
    "perplexity", "bits_per_byte", "token_accuracy", "bleu", "chrf", "rouge1", "rouge2", "rougeL", "reward", "reward_accuracy",
)  # fmt: skip

Table = tuple[tuple[str, ...], np.ndarray]  # ids of rows; their statistics


@lru_cache(maxsize=128)
def read_scores(out: Path) -> dict[str, Any]:
    """`scores.json`: a run's `out/` is written once, so it is read once."""
    return json.loads((out / "scores.json").read_text(encoding="utf-8"))


@lru_cache(maxsize=32)
def read_rows(out: Path) -> dict[str, Table]:
    """`rows.jsonl` as one table a measure."""
    found: dict[str, tuple[list[str], list[list[float]]]] = {}
    with open(out / "rows.jsonl", encoding="utf-8") as file:
        for row in map(json.loads, file):
            ids, table = found.setdefault(row["measure"], ([], []))
            ids.append(row["id"])
            table.append(row["stats"])
    return {measure: (tuple(ids), np.array(table, dtype=float)) for measure, (ids, table) in found.items()}


@lru_cache(maxsize=128)
def read_answers(out: Path) -> tuple[dict[str, Any], ...]:
    """`answers.jsonl`."""
    with open(out / "answers.jsonl", encoding="utf-8") as file:
        return tuple(map(json.loads, file))


def figures(out: Path) -> dict[str, dict[str, Any]]:
    """The figures of a run, by measure."""
    return read_scores(out)["metrics"]


def comparable(first: Path, second: Path, measure: str) -> bool:
    """Whether two figures of this measure mean the same: made from the same inputs and, where tokens count, the same tokens."""
    a, b = read_scores(first)["spec"], read_scores(second)["spec"]
    inputs = ("dataset", "corpus", "reward") if measure == "reward" else ("dataset", "corpus")
    if any(a["inputs"].get(name) != b["inputs"].get(name) for name in inputs):
        return False
    return figures(first)[measure]["counts"] != "tokens" or a["vocabulary"] == b["vocabulary"]


@lru_cache(maxsize=512)
def difference(first: Path, second: Path, measure: str) -> stats.Difference | None:
    """Second minus first over the rows that both have; None where they share fewer than two, or do not compare."""
    if not comparable(first, second, measure):
        return None
    (ids, table), (others, other_table) = read_rows(first)[measure], read_rows(second)[measure]
    place = {name: index for index, name in enumerate(others)}
    shared = [(index, place[name]) for index, name in enumerate(ids) if name in place]
    if len(shared) < 2:
        return None
    here, there = (list(side) for side in zip(*shared, strict=True))
    pool = POOLS[figures(first)[measure]["pool"]]
    return stats.paired_bootstrap(table[here], other_table[there], pool)
