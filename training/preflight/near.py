"""Prompts that are almost the same: pairs whose sets of three-word phrases overlap by four fifths or more (Jaccard).

Candidates come from MinHash bands (Broder 1997; 64 hashes in 16 bands find a pair at 0.8 with a chance above 0.9997), and each is
then compared exactly, so that nothing is called near that is not.
"""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence

import numpy as np

NEAR = 0.8
PHRASE = 3
HASHES, BANDS = 64, 16
PRIME = (1 << 31) - 1
WORD = re.compile(r"\w+")

Phrases = frozenset[int]


def plain(text: str) -> str:
    """The words of a text alone, in lower case."""
    return " ".join(WORD.findall(text.lower()))


def phrases(text: str) -> Phrases:
    """Its phrases of three words, as numbers; a shorter text is one phrase."""
    words = WORD.findall(text.lower())
    count = max(1, len(words) - PHRASE + 1)
    return frozenset(zlib.crc32(" ".join(words[at : at + PHRASE]).encode()) % PRIME for at in range(count))


def overlap(mine: Phrases, theirs: Phrases) -> float:
    """Jaccard's index of the two sets."""
    return len(mine & theirs) / len(mine | theirs)


def close(known: Sequence[str], asked: Sequence[str]) -> list[int]:
    """The places of `asked` whose text is near one of `known`. Texts of less than three words are near only to themselves."""
    mine = [phrases(text) for text in known]
    buckets: dict[Hashable, list[int]] = defaultdict(list)
    for place, one in enumerate(mine):
        for band in bands(one):
            buckets[band].append(place)
    found = []
    for place, text in enumerate(asked):
        one = phrases(text)
        candidates = {other for band in bands(one) for other in buckets.get(band, ())}
        if any(overlap(one, mine[other]) >= NEAR for other in candidates):
            found.append(place)
    return found


def bands(one: Phrases) -> Iterable[tuple[int, bytes]]:
    """The bands of a set's MinHash signature; sets that share one are candidates."""
    values = np.fromiter(one, dtype=np.uint64, count=len(one))
    signature = ((values[:, None] * FACTORS + SHIFTS) % PRIME).min(axis=0).astype(np.uint32)
    width = HASHES // BANDS
    return [(band, signature[band * width : (band + 1) * width].tobytes()) for band in range(BANDS)]


_DICE = np.random.default_rng(0)
FACTORS = _DICE.integers(1, PRIME, HASHES, dtype=np.uint64)
SHIFTS = _DICE.integers(0, PRIME, HASHES, dtype=np.uint64)
