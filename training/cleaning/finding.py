"""What a rule says of a document, and the documents that rules read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from training.cleaning import words

SHOWN = 300  # characters of a document that an example shows


@dataclass(frozen=True)
class Finding:
    """Why a rule would remove a document (a short word, counted by it) and the place that shows it."""

    why: str
    shown: str


class Doc:
    """A document; what several rules need of it is made once."""

    def __init__(self, text: str):
        self.text = text

    @cached_property
    def terms(self) -> list[str]:
        """Its words as they are compared: see `words.terms`."""
        return words.terms(self.text)

    @cached_property
    def hashed(self) -> np.ndarray:
        """The terms as numbers, uint64 [terms]."""
        return words.hashed(self.terms)


Rule = Callable[[Doc], Finding | None]


def excerpt(text: str, start: int = 0, end: int | None = None) -> str:
    """The beginning of a text; or what stands around a place in it, the place between ‹ and ›."""
    if end is None:
        return text[:SHOWN] + ("…" if len(text) > SHOWN else "")
    around = max(0, SHOWN - (end - start)) // 2
    left, right = max(0, start - around), min(len(text), end + around)
    marked = f"{text[left:start]}‹{text[start:end][:SHOWN]}›{text[end:right]}"
    return ("…" if left else "") + marked + ("…" if right < len(text) else "")


def compared(copy: str, original: str) -> Finding:
    """A copy where it first differs from its original, and the original there."""
    if copy == original:
        return Finding("copy", excerpt(copy))
    shorter = min(len(copy), len(original))
    at = next((place for place in range(shorter) if copy[place] != original[place]), shorter)
    begin = copy.rfind(" ", 0, at) + 1
    places = [excerpt(text, begin, min(len(text), begin + SHOWN // 6)) for text in (copy, original)]
    return Finding("copy", "\n≈ ".join(places))
