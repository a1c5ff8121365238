"""Counts what each rule found and removed, and keeps some examples of it, drawn evenly from the whole corpus."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from training.cleaning.finding import Finding

EXAMPLES = 5


@dataclass
class Row:
    """What one rule did. Characters are those that are gone by it."""

    found: int = 0  # documents in which it found something, whatever other rules say
    removed: int = 0  # documents that went by it: the first rule in order that found something
    changed: int = 0  # documents that lost or changed a part by it and stay
    characters: int = 0
    whys: Counter[str] = field(default_factory=Counter)
    examples: list[Finding] = field(default_factory=list)


class Tally:
    """The rows of the rules in use, in order. read = kept + removed, in documents; so in characters, with what was changed."""

    def __init__(self, rules: Iterable[str], seed: int):
        self.rows = {name: Row() for name in rules}
        self.read, self.kept = Counter[str](), Counter[str]()
        self._random = random.Random(seed)

    def begin(self, text: str) -> None:
        _count(self.read, text)

    def keep(self, text: str) -> None:
        _count(self.kept, text)

    def remove(self, findings: dict[str, Finding], text: str) -> None:
        """A document that rules refuse; the first of them removes it."""
        for name, finding in findings.items():
            self.rows[name].found += 1
            self.note(name, [finding])
        first = self.rows[next(iter(findings))]
        first.removed += 1
        first.characters += len(text)

    def change(self, name: str, findings: list[Finding], characters: int) -> None:
        """A document that lost `characters` and stays."""
        row = self.rows[name]
        row.found += 1
        row.changed += 1
        row.characters += characters
        self.note(name, findings)

    def copy(self, name: str, text: str) -> None:
        """A document that copies another; its example is drawn by `drawn`."""
        row = self.rows[name]
        row.found += 1
        row.removed += 1
        row.characters += len(text)

    def drawn(self, numbers: np.ndarray) -> list[int]:
        """As many of the numbers as there are examples to show."""
        return [int(numbers[place]) for place in self._random.sample(range(len(numbers)), min(EXAMPLES, len(numbers)))]

    def example(self, name: str, finding: Finding) -> None:
        self.rows[name].examples.append(finding)

    def note(self, name: str, findings: list[Finding]) -> None:
        """Counts why, and keeps the finding as an example with the chance that all have (Vitter 1985, algorithm R)."""
        row = self.rows[name]
        for finding in findings:
            row.whys[finding.why] += 1
            if len(row.examples) < EXAMPLES:
                row.examples.append(finding)
            elif (place := self._random.randrange(row.whys.total())) < EXAMPLES:
                row.examples[place] = finding

    def report(self, **about: Any) -> dict[str, Any]:
        """As an event of the run and `report.json` say it."""
        rules = [asdict(row) | {"rule": name, "whys": dict(row.whys.most_common())} for name, row in self.rows.items()]
        return about | {"read": dict(self.read), "kept": dict(self.kept), "rules": rules}


def _count(counts: Counter[str], text: str) -> None:
    counts["documents"] += 1
    counts["characters"] += len(text)
