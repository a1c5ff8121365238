"""A text as a tokenizer cuts it, piece by piece, for people to look at. Neither torch nor transformers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

FILE = "tokenizer.json"
HUES = 5  # colours that take turns; static/run.css has them


@dataclass(frozen=True)
class Piece:
    """One token: what it says, nothing where it is a part of a character only, and its bytes."""

    id: int
    text: str
    bytes: str
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
    """A text as training cuts it with the tokenizer in a checkpoint's folder: all of it, without begin and end, and what looks like
    a special token as the letters it is. NoTokenizer where it has none.
    """
    path = folder / FILE
    try:
        tokenizer, byte_level = _read(str(path), path.stat().st_mtime_ns)
    except OSError:
        raise NoTokenizer(f"{path} is not there") from None
    except Exception as error:  # the Rust library raises nothing more particular
        raise NoTokenizer(f"{path}: {error}") from None
    encoding = tokenizer.encode(text, add_special_tokens=False)
    return Cut(_pieces(text, encoding, byte_level), len(text), len(text.encode()))


@lru_cache(maxsize=4)
def _read(path: str, _changed: int) -> tuple[Any, bool]:
    """A tokenizer that cuts a text as training does, and whether it writes bytes as letters."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(path)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    return tokenizer, '"ByteLevel"' in tokenizer.to_str()


def _pieces(text: str, encoding: Any, byte_level: bool) -> list[Piece]:
    spans = encoding.offsets
    found = []
    for place, (id, token, (start, end)) in enumerate(zip(encoding.ids, encoding.tokens, spans, strict=True)):
        neighbours = [*spans[max(0, place - 1) : place], *spans[place + 1 : place + 2]]
        part = any(start < other_end and other_start < end for other_start, other_end in neighbours)
        said = "" if part else text[start:end]
        found.append(Piece(id, said, _in_bytes(token, text[start:end], byte_level), place % HUES))
    return found


def _in_bytes(token: str, said: str, byte_level: bool) -> str:
    """The bytes of a token as people write them: of a part of a character its own, else those of what it says."""
    if byte_level and set(token) <= BYTES.keys():
        return bytes(BYTES[letter] for letter in token).hex(" ").upper()
    fallback = re.fullmatch(r"<0x([0-9A-F]{2})>", token)  # how SentencePiece writes a byte that no piece of its has
    return fallback[1] if fallback else said.encode().hex(" ").upper()


def _bytes_of_letters() -> dict[str, int]:
    """The letters by which byte-level BPE writes bytes (Radford et al. 2019): those that can be seen stand for themselves."""
    seen = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    unseen = [value for value in range(256) if value not in set(seen)]
    return {chr(value): value for value in seen} | {chr(256 + place): value for place, value in enumerate(unseen)}


BYTES = _bytes_of_letters()
