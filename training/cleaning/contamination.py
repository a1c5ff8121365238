"""Finds documents that hold texts on which models are to be evaluated: 13 words in a row, or a whole line.

13-grams are GPT-3's rule (Brown et al. 2020, § C). The line rule finds questions that are shorter: a line of the document that is,
word for word, a line of an evaluation text. Case and punctuation do not count. Memory: 8 bytes for each word of the evaluation
texts, some 80 for each line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from annotation import frozen
from training.cleaning import words
from training.cleaning.finding import Doc, Finding, Rule, excerpt

GRAM = 13
SHORTEST_LINE = 6  # words: shorter lines are said everywhere
HELD_OUT = ("validation", "test")


def rule(texts: Iterable[str]) -> Rule:
    """ValueError where no text is long enough to be found."""
    grams: list[np.ndarray] = []
    lines: set[int] = set()
    for text in texts:
        found = words.hashed(words.terms(text))
        if len(found) >= GRAM:
            grams.append(words.grams(found, GRAM))
        lines.update(number for number, _line in _lines(text))
    if not grams and not lines:
        raise ValueError(f"against: no evaluation text has a line of {SHORTEST_LINE} words or more")
    known = np.unique(np.concatenate(grams)) if grams else np.empty(0, np.uint64)

    def leaked(doc: Doc) -> Finding | None:
        if len(doc.terms) >= GRAM and len(known):
            at = np.flatnonzero(_among(words.grams(doc.hashed, GRAM), known))
            if len(at):
                return Finding("13 words", _shown(doc, int(at[0])))
        for number, line in _lines(doc.text):
            if number in lines:
                start = doc.text.find(line)
                return Finding("line", excerpt(doc.text, start, start + len(line)))
        return None

    return leaked


def _among(grams: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Which of the grams are known ones (sorted): bool, of the shape of `grams`."""
    place = np.searchsorted(known, grams)
    place[place == len(known)] = 0
    return known[place] == grams


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that are long enough, each with its number."""
    for line in text.split("\n"):
        found = words.terms(line)
        if len(found) >= SHORTEST_LINE:
            yield int(words.grams(words.hashed(found), len(words.PLACES))[0]), line


def _shown(doc: Doc, first: int) -> str:
    """Where a gram stands, by the number of its first term."""
    spans = [found.span() for found in words.TERM.finditer(doc.text)]
    if len(spans) != len(doc.terms):  # casefolding made more words or fewer
        return excerpt(" ".join(doc.terms[first : first + GRAM]))
    return excerpt(doc.text, spans[first][0], spans[first + GRAM - 1][1])


def held_out(folder: Path) -> Iterator[str]:
    """What the held-out prompts of a snapshot ask and what was answered to them."""
    for split in HELD_OUT:
        for row in frozen.read_prompts(folder, split):
            yield from _said(row["messages"])
        for row in frozen.read_rows(folder, split):
            for answer in row["answers"]:
                yield from _said(answer["messages"])


def _said(messages: list[dict[str, Any]]) -> Iterator[str]:
    return (message["content"] for message in messages if isinstance(message.get("content"), str))
