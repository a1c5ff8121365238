"""What a word is: for rules that count words, and for rules that compare texts.

Where a script writes no spaces (kana, Chinese) each character is a word. Elsewhere words to count are what stands between spaces,
as in the paper of Gopher (Rae et al. 2021, § A.1.1); terms, to compare, are runs of letters and digits without case.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from zlib import crc32

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
WRITES_NO_SPACES = re.compile(f"[{UNSPACED}]")
WORD = re.compile(rf"[{UNSPACED}]|[^\s{UNSPACED}]+")
TERM, SPACED_TERM = re.compile(rf"[{UNSPACED}]|[^\W_{UNSPACED}]+"), re.compile(r"[^\W_]+")
SENTENCE = re.compile(r"[.!?…。！？]+[\"'”’»)\]]*(?:\s+|$)|\n+")
# Odd, so that a word's number is never lost by multiplying; fixed, so that a text has the same grams in every run.
PLACES = np.random.default_rng(13).integers(0, 2**63, 64, dtype=np.uint64) * np.uint64(2) + np.uint64(1)


def counted(text: str) -> list[str]:
    """The words to count."""
    return WORD.findall(text) if WRITES_NO_SPACES.search(text) else text.split()


def terms(text: str) -> list[str]:
    """The words to compare."""
    plain = unicodedata.normalize("NFC", text).casefold()
    return (TERM if WRITES_NO_SPACES.search(plain) else SPACED_TERM).findall(plain)


def sentences(text: str) -> list[tuple[int, int]]:
    """Where each sentence begins and ends."""
    ends = [found.end() for found in SENTENCE.finditer(text)]
    cuts = [0, *ends, *([len(text)] if not ends or ends[-1] < len(text) else [])]
    return [(start, end) for start, end in pairwise(cuts) if text[start:end].strip()]


def hashed(found: list[str]) -> np.ndarray:
    """Terms as numbers, the same in every run: uint64 [terms]."""
    return np.fromiter((crc32(term.encode("utf-8", "surrogatepass")) for term in found), np.uint64, len(found))


def grams(numbers: np.ndarray, n: int) -> np.ndarray:
    """A well-mixed number for each run of `n` terms; one for all of them where they are fewer. uint64 [terms − n + 1]."""
    n = min(n, len(numbers))
    if n == 0:
        return np.empty(0, np.uint64)
    mixed = (sliding_window_view(numbers, n) * PLACES[:n]).sum(axis=1, dtype=np.uint64)
    # Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators", fig. 14: the finaliser of SplitMix64.
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
