"""A text as a tokenizer cuts it, piece by piece, for people to look at. Neither torch nor transformers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

FILE = "tokenizer.json"
HUES = 5  # colours that take turns; static/run.css has them


@dataclass(frozen=True)
class Piece:
    """One token: what it says, or its bytes where it is a part of a character only; whether it is a special token."""

    id: int
    text: str
    bytes: str
    special: bool
    hue: int

    @property
    def shown(self) -> str:
        """As it stands on the page: line ends and tabs can be seen."""
        return self.text.replace("\n", "↵\n").replace("\t", "⇥\t") or self.bytes


@dataclass(frozen=True)
class Cut:
    """A text in tokens, with what they amount to."""

    pieces: list[Piece]
    characters: int
    size: int  # bytes in UTF-8

    @property
    def bytes_per_token(self) -> float:
        return self.size / len(self.pieces) if self.pieces else 0.0


class NoTokenizer(ValueError):
    """There is no tokenizer that could be read; the message says where and why."""


def cut(folder: Path, text: str) -> Cut:
    """A text as the tokenizer in a checkpoint's folder cuts it, without begin and end. NoTokenizer where it has none."""
    path = folder / FILE
    try:
        tokenizer = _read(str(path), path.stat().st_mtime_ns)
    except OSError:
        raise NoTokenizer(f"{path} is not there") from None
    except Exception as error:  # the Rust library raises nothing more particular
        raise NoTokenizer(f"{path}: {error}") from None
    encoding = tokenizer.encode(text, add_special_tokens=False)
    special = {id for id, token in tokenizer.get_added_tokens_decoder().items() if token.special}
    return Cut(_pieces(text, encoding, special), len(text), len(text.encode()))


@lru_cache(maxsize=4)
def _read(path: str, _changed: int) -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(path)


def _pieces(text: str, encoding: Any, special: set[int]) -> list[Piece]:
    spans = encoding.offsets
    found = []
    for place, (id, token, (start, end)) in enumerate(zip(encoding.ids, encoding.tokens, spans, strict=True)):
        neighbours = [*spans[max(0, place - 1) : place], *spans[place + 1 : place + 2]]
        part = any(start < other_end and other_start < end for other_start, other_end in neighbours)
        raw = " ".join(f"{value:02X}" for value in (BYTES[letter] for letter in token)) if set(token) <= BYTES.keys() else token
        found.append(Piece(id, "" if part else text[start:end], raw, id in special, place % HUES))
    return found


def _bytes_of_letters() -> dict[str, int]:
    """The letters by which byte-level BPE writes bytes (Radford et al. 2019): those that can be seen stand for themselves."""
    seen = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    unseen = [value for value in range(256) if value not in set(seen)]
    return {chr(value): value for value in seen} | {chr(256 + place): value for place, value in enumerate(unseen)}


BYTES = _bytes_of_letters()
