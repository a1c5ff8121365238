"""Published data sets and the real ones of the shared folder, as the arrays that the measures take."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

from tests.real_data import SHARED

# Krippendorff 2011, "Computing Krippendorff's alpha-reliability", section C: four observers, twelve units, "." is missing.
KRIPPENDORFF = ["1 2 3 3 2 1 4 1 2 . . .", "1 2 3 3 2 2 4 1 2 5 . 3", ". 3 3 3 2 3 4 2 2 5 1 .", "1 2 3 3 2 4 4 1 2 5 1 ."]

# Dawid & Skene 1979, table 1: 45 patients; anaesthetist 1 saw each record three times, the others once ("111 1 1 1 1").
ANAESTHESIA = """
111 1 1 1 1/333 4 3 3 4/112 2 1 2 2/222 3 1 2 1/222 3 2 2 2/222 3 3 2 2/122 2 1 1 1/333 3 4 3 3/222 2 2 2 3/232 2 2 2 3
444 4 4 4 4/222 3 3 4 3/111 1 1 1 1/222 3 2 1 2/121 1 1 1 1/111 2 1 1 1/111 1 1 1 1/111 1 1 1 1/222 2 2 2 1/222 1 3 2 2
222 2 2 2 2/222 2 2 2 1/222 3 2 2 2/221 2 2 2 2/111 1 1 1 1/111 1 1 1 1/232 2 2 2 2/111 1 1 1 1/111 1 1 1 1/112 1 1 2 1
111 1 1 1 1/333 3 2 3 3/111 1 1 1 1/222 2 2 2 2/222 3 2 3 2/433 4 3 4 3/221 2 2 3 2/232 3 2 3 3/333 3 4 3 2/111 1 1 1 1
111 1 1 1 1/121 2 1 1 1/232 2 2 2 2/121 1 1 1 1/222 2 2 2 2
"""


def krippendorff_example() -> tuple[np.ndarray, np.ndarray]:
    """Units and values of the twelve-unit example."""
    cells = [(unit, float(value)) for row in KRIPPENDORFF for unit, value in enumerate(row.split()) if value != "."]
    units, values = zip(*cells, strict=True)
    return np.array(units), np.array(values)


def anaesthesia() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Items, raters and labels, classes counted from 0."""
    patients = "/".join(ANAESTHESIA.split("\n")[1:-1]).split("/")
    cells = [
        (item, rater, int(label) - 1)
        for item, patient in enumerate(patients)
        for rater, given in enumerate(patient.split())
        for label in given
    ]
    return tuple(np.array(column) for column in zip(*cells, strict=True))  # type: ignore[return-value]


def crowd(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Items, raters, labels, and the gold label of each item, of a crowd-sourced file of the shared folder; skips without it."""
    path = SHARED / f"rater_{name}.jsonl.gz"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    with gzip.open(path, "rt") as lines:
        rows = [json.loads(line) for line in lines]
    names, items = np.unique([str(row["item"]) for row in rows], return_inverse=True)
    raters = np.unique([row["worker"] for row in rows], return_inverse=True)[1]
    gold = np.zeros(len(names), dtype=int)
    gold[items] = [row["gold"] for row in rows]
    return items, raters, np.array([row["label"] for row in rows]), gold
