"""What two texts share and what only one of them has, word by word. No Django.

The longest common subsequence of their words, exactly, by bit-parallel dynamic programming: one row of the table is one integer,
and three of its operations do the work of a row (Hyyrö 2004, "Bit-parallel LCS-length computation revisited"). The table has one
bit for each pair of words, at most TABLE_LIMIT: 25 MB and about 0.1 s. Two texts that would need more are compared line by line,
and if even their lines are too many, whatever lies between their common beginning and end counts as replaced.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import groupby, pairwise
from typing import Literal

from annotation.unseen import visible

TABLE_LIMIT = 200_000_000  # bits: 14,000 words against as many
CRUMB = 6  # a common stretch counts as changed where the changes on both its sides are this many times as long

Op = Literal["equal", "delete", "insert"]
Change = tuple[Op, str]

_WORD, _SPACE, _ALONE, _MARK = "word", "space", "alone", "mark"
# Scripts that put no space between words are compared by character: Thai to Myanmar, Khmer, and what East Asia writes but Hangul.
_UNSPACED = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x2E80, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))


def words(before: str, after: str) -> list[Change]:
    """`before` turned into `after`: runs of text in order, what is deleted ahead of what is inserted in its place.

    The equal and deleted runs make `before`, the equal and inserted ones `after`.
    """
    changes = _compared(split(before), split(after), _by_line)
    # Twice: only when the spaces between changed words have gone is it seen how long the changes are.
    return _joined(_without_crumbs(_without_crumbs(changes)))


def _by_line(before: str, after: str) -> list[Change]:
    return _compared(before.splitlines(keepends=True), after.splitlines(keepends=True), _replaced)


def split(text: str) -> list[str]:
    """Words, runs of white space and single signs; together they are the text. Accents and vowel signs stay with their letter."""
    cuts: list[int] = []
    before = ""
    for place, character in enumerate(text):
        kind = _kind(character)
        if kind == _MARK and cuts:
            continue
        if kind != before or kind == _ALONE:
            cuts.append(place)
        before = kind
    return [text[start:end] for start, end in pairwise([*cuts, len(text)])]


@lru_cache(maxsize=4096)
def _kind(character: str) -> str:
    category = unicodedata.category(character)
    if character.isspace():
        return _SPACE
    # The last: joiners, and the tones of skin that change the emoji before them.
    if category in {"Mn", "Mc", "Me"} or character in "\u200c\u200d" or "\U0001f3fb" <= character <= "\U0001f3ff":
        return _MARK
    if any(first <= ord(character) <= last for first, last in _UNSPACED):
        return _ALONE
    return _WORD if category[0] in "LN" or character == "_" else _ALONE


def _compared(old: Sequence[str], new: Sequence[str], too_many: Callable[[str, str], list[Change]]) -> list[Change]:
    """Changes by item. What both begin and end with is set aside first: an edit mostly leaves that much."""
    start = _common(old, new)
    end = _common(old[start:][::-1], new[start:][::-1])
    left, right = old[start : len(old) - end], new[start : len(new) - end]
    fits = len(left) * len(right) <= TABLE_LIMIT
    between = _aligned(left, right) if fits else too_many("".join(left), "".join(right))
    return [*_each("equal", old[:start]), *between, *_each("equal", old[len(old) - end :])]


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    return next((place for place, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))


def _each(op: Op, items: Iterable[str]) -> list[Change]:
    return [(op, item) for item in items]


def _replaced(before: str, after: str) -> list[Change]:
    return [("delete", before), ("insert", after)]


def _aligned(old: Sequence[str], new: Sequence[str]) -> list[Change]:
    """The way back through the table, from the end of both."""
    rows = _table(old, new)
    changes: list[Change] = []
    row, column = len(new), len(old)
    while row and column:
        if rows[row] >> (column - 1) & 1:
            column -= 1
            changes.append(("delete", old[column]))
        elif not rows[row - 1] >> (column - 1) & 1:
            row -= 1
            changes.append(("insert", new[row]))
        else:
            row, column = row - 1, column - 1
            changes.append(("equal", new[row]))
    return [*_each("delete", old[:column]), *_each("insert", new[:row]), *changes[::-1]]


def _table(old: Sequence[str], new: Sequence[str]) -> list[int]:
    """Row r: bit c is 0 where the best of `old[:c+1]` and `new[:r]` is one longer than that of `old[:c]`."""
    places: dict[str, int] = {}
    for place, item in enumerate(old):
        places[item] = places.get(item, 0) | 1 << place
    full = (1 << len(old)) - 1
    rows = [full]
    for item in new:
        row = rows[-1]
        matched = row & places.get(item, 0)
        rows.append(((row + matched) | (row - matched)) & full)
    return rows


def _without_crumbs(changes: Sequence[Change]) -> list[Change]:
    """What two changes share by chance goes with them: no word at all, or far less than is changed on both its sides."""
    stretches = [list(run) for _equal, run in groupby(changes, key=lambda change: change[0] == "equal")]
    kept: list[Change] = []
    for place, run in enumerate(stretches):
        inside = run[0][0] == "equal" and 0 < place < len(stretches) - 1
        text = "".join(part for _op, part in run)
        if inside and _is_crumb(text, min(_size(stretches[place - 1]), _size(stretches[place + 1]))):
            kept += _replaced(text, text)
        else:
            kept += run
    return kept


def _size(change: Sequence[Change]) -> int:
    return max(sum(len(text) for op, text in change if op == side) for side in ("delete", "insert"))


def _is_crumb(text: str, changed: int) -> bool:
    letters = sum(character.isalnum() for character in text)
    return not letters or letters * CRUMB <= changed


def _joined(changes: Sequence[Change]) -> list[Change]:
    """One run for each stretch: between two equal ones, all that is deleted, then all that is inserted."""
    joined: list[Change] = []
    for equal, stretch in groupby(changes, key=lambda change: change[0] == "equal"):
        run = list(stretch)
        ops: tuple[Op, ...] = ("equal",) if equal else ("delete", "insert")
        texts = [(op, "".join(text for other, text in run if other == op)) for op in ops]
        joined += [(op, text) for op, text in texts if text]
    return joined


def as_html(changes: Iterable[Change]) -> str:
    """The changes as escaped text, with <del> and <ins>; characters that cannot be seen are shown as what they are."""
    tags = {"delete": "del", "insert": "ins"}
    return "".join(f"<{tags[op]}>{_escaped(text)}</{tags[op]}>" if op in tags else _escaped(text) for op, text in changes)


def only_here(text: str, other: str) -> str:
    """`text` as escaped HTML with <mark> around the words that `other` does not have in its place."""
    kept = [(op, part) for op, part in words(other, text) if op != "delete"]
    return "".join(f"<mark>{_escaped(part)}</mark>" if op == "insert" else _escaped(part) for op, part in kept)


def _escaped(text: str) -> str:
    return html.escape(visible(text))
