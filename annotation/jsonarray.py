"""Reads a file that is one JSON array, element by element: no more of it is held than a chunk and the element at hand."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

CHUNK = 256 * 1024  # bytes
_SPACE = re.compile(r"[ \t\r\n]*")


class Broken(ValueError):
    """The text is no JSON array from element `number` (counted from 1) on. What follows cannot be read."""

    def __init__(self, number: int, reason: str):
        super().__init__(reason)
        self.number = number


def elements(file: BinaryIO, longest: int) -> Iterator[tuple[int, Any]]:
    """The elements with their numbers. Broken where the text stops to be an array, or an element has over `longest` characters."""
    text, number = _Text(file), 0
    if text.front() != "[":
        raise Broken(1, "Expecting '['")
    text.at += 1
    while text.front() != "]" or number:
        number += 1
        yield number, _element(text, number, longest)
        mark = text.front()
        if mark not in {",", "]"}:
            raise Broken(number + 1, "Expecting ',' or ']'")
        text.at += 1
        if mark == "]":
            return


def _element(text: _Text, number: int, longest: int) -> Any:
    """The element at the front. Each try reads as much again as is held: one of n bytes costs O(n), however often it is tried."""
    text.front()
    while True:
        try:
            value, end = json.JSONDecoder().raw_decode(text.held, text.at)
        except json.JSONDecodeError as error:
            if len(text.held) - text.at > longest or not text.read(max(CHUNK, len(text.held) - text.at)):
                raise Broken(number, error.msg) from None
        except RecursionError:
            raise Broken(number, "nested too deep") from None
        else:
            # A number that ends where the text that is held ends may go on in the next chunk.
            if end < len(text.held) or not text.read(CHUNK):
                text.at = end
                return value


class _Text:
    """The text of a file: what is held of it, and `at` which character reading has come to."""

    def __init__(self, file: BinaryIO):
        self.file, self.held, self.at = file, "", 0
        # Bytes that are not UTF-8 become lone surrogates, which no row may hold.
        self.decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="surrogateescape")

    def read(self, size: int) -> bool:
        """Lets go of what was read, and holds `size` more bytes; whether there were any."""
        more = self.file.read(size)
        self.held, self.at = self.held[self.at :] + self.decoder.decode(more, final=not more), 0
        return bool(more)

    def front(self) -> str:
        """The next character that is no white space; empty at the end."""
        while (end := _SPACE.match(self.held, self.at).end()) == len(self.held):  # type: ignore[union-attr]
            self.at = end
            if not self.read(CHUNK):
                return ""
        self.at = end
        return self.held[end]
