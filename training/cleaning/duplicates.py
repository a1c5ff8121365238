"""Finds documents that are there twice, to the letter or nearly, and keeps the first. Memory does not grow with their texts.

To the letter: an 8-byte digest. Nearly: MinHash over 5-grams of terms in FineWeb's 14 bands of 8 (Broder 1997; Penedo et al. 2024,
§ 3.4): two documents whose 5-grams agree to 0.8 share a band with probability 0.92, to 0.6 with 0.21. Who shares a band is
compared by the whole signature, 112 numbers, and must agree in `similarity` of them. datatrove's four jobs do this for corpora of
many machines; they keep any one of a cluster, hold every duplicate in a dict, and want an xxhash older than ours.

On disk 456 bytes a document; in memory at most some 40 while they are compared.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path
from types import TracebackType

import numpy as np

from training.cleaning import words
from training.cleaning.finding import Doc

BANDS, ROWS, SHINGLE = 14, 8, 5
HASHES = BANDS * ROWS
AT_ONCE = 1 << 16  # documents whose signatures are read together
# Multiply-shift hashing (Dietzfelbinger et al. 1997): odd factors, the upper 32 bits.
_DRAWN = np.random.default_rng(112)
FACTORS = _DRAWN.integers(0, 2**63, HASHES, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
TERMS = _DRAWN.integers(0, 2**63, HASHES, dtype=np.uint64)
MIX = _DRAWN.integers(0, 2**63, ROWS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)


def signature(doc: Doc) -> np.ndarray:
    """The least of each hash over the document's 5-grams: uint32 [HASHES]; all ones where it has no term."""
    grams = words.grams(doc.hashed, SHINGLE)
    least = np.full(HASHES, np.iinfo(np.uint32).max, np.uint32)
    for at in range(0, len(grams), 4096):
        hashes = (grams[at : at + 4096, None] * FACTORS + TERMS) >> np.uint64(32)
        least = np.minimum(least, hashes.min(axis=0).astype(np.uint32))
    return least


class Fingerprints:
    """The digests of documents and, where `near`, their signatures, written into a folder as they come."""

    def __init__(self, folder: Path, near: bool):
        self.digests, self.signatures, self.near = folder / "digests", folder / "signatures", near
        self.count = 0

    def __enter__(self) -> Fingerprints:
        self._digests, self._signatures = open(self.digests, "wb"), open(self.signatures, "wb")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._digests.close()
        self._signatures.close()

    def add(self, doc: Doc) -> None:
        self._digests.write(blake2b(doc.text.encode("utf-8", "surrogatepass"), digest_size=8).digest())
        if self.near:
            self._signatures.write(signature(doc).tobytes())
        self.count += 1


class Copies:
    """Which documents are copies of earlier ones, by their numbers. `similarity` None: only to the letter."""

    def __init__(self, prints: Fingerprints, exact: bool, similarity: float | None):
        alike = _first_of_equals(np.fromfile(prints.digests, np.uint64)) if exact else np.arange(prints.count)
        self._copies = alike != np.arange(prints.count)
        self._first = alike
        if similarity is not None:
            roots = _clusters(prints, self._copies, similarity)
            self._first = np.where(self._copies, alike, roots)

    def of(self, number: int) -> tuple[str, int]:
        """`exact` or `near` and the number of the document that it copies; empty where it copies none."""
        first = int(self._first[number])
        return ("exact" if self._copies[number] else "near" if first != number else "", first)

    def examples(self, draw: Callable[[np.ndarray], list[int]]) -> dict[int, int]:
        """Some copies of each kind, drawn by `draw`, with what each copies."""
        other = self._first != np.arange(len(self._first))
        drawn = [*draw(np.flatnonzero(self._copies)), *draw(np.flatnonzero(other & ~self._copies))]
        return {int(number): int(self._first[number]) for number in drawn}


def _first_of_equals(values: np.ndarray) -> np.ndarray:
    """For each value the place of the first one that equals it."""
    order = np.argsort(values, kind="stable")
    begins = np.ones(len(values), bool)
    begins[1:] = values[order[1:]] != values[order[:-1]]
    first = np.empty(len(values), np.int64)
    first[order] = order[begins][np.cumsum(begins) - 1]
    return first


def _clusters(prints: Fingerprints, copies: np.ndarray, similarity: float) -> np.ndarray:
    """For each document the first one of its cluster, itself where there is none: int64 [documents]. Copies are passed over."""
    root = np.arange(prints.count)
    with open(prints.signatures, "rb") as file:
        for band in range(BANDS):
            for first, others in _sharing(_keys(prints, band), copies):
                mine = _signature_at(file.fileno(), first)
                for other in others:
                    a, b = _root(root, first), _root(root, other)
                    if a != b and (mine == _signature_at(file.fileno(), other)).mean() >= similarity:
                        root[max(a, b)] = min(a, b)
    for document in np.flatnonzero(root != np.arange(prints.count)):
        root[document] = _root(root, int(document))
    return root


def _keys(prints: Fingerprints, band: int) -> np.ndarray:
    """The documents' numbers in one band: uint64 [documents]."""
    keys = np.empty(prints.count, np.uint64)
    with open(prints.signatures, "rb") as file:
        for at in range(0, prints.count, AT_ONCE):
            read = np.fromfile(file, np.uint32, min(AT_ONCE, prints.count - at) * HASHES).reshape(-1, BANDS, ROWS)
            keys[at : at + len(read)] = (read[:, band].astype(np.uint64) * MIX).sum(axis=1, dtype=np.uint64)
    return keys


def _sharing(keys: np.ndarray, copies: np.ndarray) -> Iterator[tuple[int, list[int]]]:
    """The documents that share a key: the first, and those after it."""
    order = np.argsort(keys, kind="stable")
    order = order[~copies[order]]
    begins = np.flatnonzero(np.concatenate([[True], keys[order[1:]] != keys[order[:-1]]])) if len(order) else np.empty(0, int)
    ends = np.append(begins[1:], len(order))
    for run in np.flatnonzero(ends - begins > 1):
        members = order[begins[run] : ends[run]].tolist()
        yield members[0], members[1:]


def _signature_at(descriptor: int, document: int) -> np.ndarray:
    return np.frombuffer(os.pread(descriptor, HASHES * 4, document * HASHES * 4), np.uint32)


def _root(root: np.ndarray, document: int) -> int:
    while root[document] != document:
        root[document] = root[root[document]]
        document = int(root[document])
    return document
