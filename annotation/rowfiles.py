"""Reads JSONL, JSON, CSV and Parquet files row by row with flat memory. A bad line is named and the reading goes on.

The files are other people's: lines have a longest length, JSON a deepest level, compressed files a largest size.
"""

from __future__ import annotations

import csv
import gzip
import json
import math
import re
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, BinaryIO, NamedTuple

from django.utils.translation import gettext as _

from annotation import jsonarray

LONGEST_LINE = 4 * 1024 * 1024  # bytes
MOST_BYTES = 2 * 1024**3  # unpacked
DEEPEST = 64
_SURROGATE = re.compile("[\ud800-\udfff]")
DAMAGED = (gzip.BadGzipFile, EOFError, zlib.error)

SUFFIXES = (".jsonl", ".jsonl.gz", ".json", ".json.gz", ".csv", ".parquet")

Values = dict[str, Any]


class FileProblem(ValueError):
    """The file as a whole cannot be read; the sentence says why."""


class Line(NamedTuple):
    """One row: its number and its values, or what is wrong with it.

    1 is the first line; of a Parquet file the first row, of a JSON array the first element.
    """

    number: int
    values: Values
    problem: str = ""


def suffix_of(name: str) -> str:
    """The ending that says how to read a file of this name. FileProblem when there is none that we know."""
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if name.lower().endswith(suffix):
            return suffix
    raise FileProblem(_("%(name)s: the name must end in %(suffixes)s") % {"name": name, "suffixes": ", ".join(SUFFIXES)})


def read(file: BinaryIO, name: str) -> Iterator[Line]:
    """The rows of a file, from its beginning; `name` says what it is."""
    file.seek(0)
    readers: dict[str, Callable[[Any], Iterator[Line]]] = {
        ".jsonl": _jsonl,
        ".jsonl.gz": lambda packed: _jsonl(gzip.GzipFile(fileobj=packed)),
        ".json": _json,
        ".json.gz": lambda packed: _json(gzip.GzipFile(fileobj=packed)),
        ".csv": _csv,
        ".parquet": _parquet,
    }
    for line in readers[suffix_of(name)](file):
        yield line if line.problem else _storable(line)


def _storable(line: Line) -> Line:
    """The line, refused if it holds what a database cannot keep."""
    try:
        check_storable(line.values)
    except ValueError as error:
        return Line(line.number, {}, str(error))
    return line


def check_storable(value: Any, depth: int = 0) -> None:
    """ValueError says what in the value a database cannot keep."""
    if depth > DEEPEST:
        raise ValueError(_("is nested deeper than %(levels)d levels") % {"levels": DEEPEST})
    if isinstance(value, str):
        if "\0" in value:
            raise ValueError(_("holds a NUL character, which no text needs"))
        if _SURROGATE.search(value):
            raise ValueError(_("holds half of a surrogate pair, or bytes that are not UTF-8"))
    elif isinstance(value, dict):
        for key, item in value.items():
            check_storable(key, depth + 1)
            check_storable(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            check_storable(item, depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(_("holds a number that is not finite"))
    elif value is not None and not isinstance(value, (bool, int, float)):
        raise ValueError(_("holds a value of type %(type)s, which is no JSON") % {"type": type(value).__name__})


def _lines(file: Any) -> Iterator[tuple[int, bytes | None]]:
    """The lines with their numbers; None in place of one that is too long. A byte order mark is dropped."""
    number, total = 0, 0
    try:
        while line := file.readline(LONGEST_LINE + 1):
            number += 1
            total += len(line)
            too_long = len(line) > LONGEST_LINE
            while too_long and not line.endswith(b"\n") and (line := file.readline(LONGEST_LINE)):
                total += len(line)
            if total > MOST_BYTES:
                raise FileProblem(_("the file holds more than %(bytes)d bytes: split it") % {"bytes": MOST_BYTES})
            yield number, None if too_long else line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
    except DAMAGED as error:
        reason = _("the compressed file is damaged after line %(line)d: %(error)s") % {"line": number, "error": error}
        raise FileProblem(reason) from None


def _too_long() -> str:
    return _("is longer than %(bytes)d bytes") % {"bytes": LONGEST_LINE}


def _jsonl(file: Any) -> Iterator[Line]:
    for number, line in _lines(file):
        if line is None:
            yield Line(number, {}, _too_long())
        elif line.strip():
            try:
                yield Line(number, _json_object(line))
            except ValueError as error:
                yield Line(number, {}, str(error))


def _json_object(line: bytes) -> Values:
    try:
        value = from_json(line.decode().rstrip())
    except UnicodeDecodeError as error:
        raise ValueError(_("is not UTF-8 at byte %(byte)d") % {"byte": error.start + 1}) from None
    if not isinstance(value, dict):
        raise ValueError(_("is not a JSON object: each line must be {…}"))
    return value


def _json(file: Any) -> Iterator[Line]:
    """The elements of one JSON array; or lines, where the file begins with an object, as some call JSONL “.json”."""
    try:
        begins = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        file.seek(0)
        yield from _jsonl(file) if begins == b"{" else _array(file)
    except DAMAGED as error:
        raise FileProblem(_("the compressed file is damaged: %(error)s") % {"error": error}) from None


def _array(file: Any) -> Iterator[Line]:
    """After an element that is not JSON nothing can be read: where the next one begins is unknown."""
    try:
        for number, value in jsonarray.elements(file, LONGEST_LINE):
            if file.tell() > MOST_BYTES:
                raise FileProblem(_("the file holds more than %(bytes)d bytes: split it") % {"bytes": MOST_BYTES})
            yield Line(number, value) if isinstance(value, dict) else Line(number, {}, _("is not a JSON object: {…}"))
    except jsonarray.Broken as error:
        yield Line(error.number, {}, _("is not JSON: %(error)s; what follows was not read") % {"error": error})


def from_json(text: str) -> Any:
    """The value of a JSON text. ValueError is a sentence."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise ValueError(_("is not JSON: %(error)s (column %(column)d)") % {"error": error.msg, "column": error.colno}) from None
    except RecursionError:
        raise ValueError(_("is nested deeper than %(levels)d levels") % {"levels": DEEPEST}) from None


def _no_constant(name: str) -> None:
    raise ValueError(_("%(name)s is not JSON: write null or a number") % {"name": name})


def _csv(file: Any) -> Iterator[Line]:
    """Columns named by the first line; comma, semicolon or tab, whichever it holds most. An empty cell is no value."""
    csv.field_size_limit(LONGEST_LINE)
    too_long: list[int] = []
    lines = _text_lines(file, too_long)
    first = next(lines, "")
    header = next(csv.reader([first], delimiter=(delimiter := max(",;\t", key=first.count))), [])
    if len(set(header)) < len(header) or not all(header):
        raise FileProblem(_("line 1 must name every column, each once; it reads: %(header)s") % {"header": first.strip()[:200]})
    cells = csv.reader(lines, delimiter=delimiter, strict=True)
    begin = 2
    while True:
        try:
            row = next(cells)
        except StopIteration:
            break
        except csv.Error as error:
            yield Line(begin, {}, _("is not CSV: %(error)s") % {"error": error})
        else:
            yield from (Line(begin, {}, _too_long()) for _number in too_long)
            if row and not too_long:
                yield _csv_line(begin, header, row)
            too_long.clear()
        begin = cells.line_num + 2


def _text_lines(file: Any, too_long: list[int]) -> Iterator[str]:
    for number, line in _lines(file):
        if line is None:
            too_long.append(number)
        # Bytes that are not UTF-8 become lone surrogates, which `_storable` refuses by name.
        yield "\n" if line is None else line.decode(errors="surrogateescape")


def _csv_line(number: int, header: list[str], row: list[str]) -> Line:
    if len(row) != len(header):
        counts = {"found": len(row), "wanted": len(header)}
        return Line(number, {}, _("has %(found)d cells where the first line names %(wanted)d columns") % counts)
    return Line(number, {name: cell for name, cell in zip(header, row, strict=True) if cell != ""})


def _parquet(file: Any) -> Iterator[Line]:
    import pyarrow
    from pyarrow import parquet

    number = 0
    try:
        table = parquet.ParquetFile(file)
        unpacked = sum(table.metadata.row_group(group).total_byte_size for group in range(table.metadata.num_row_groups))
        if unpacked > MOST_BYTES:
            raise FileProblem(_("the file holds more than %(bytes)d bytes: split it") % {"bytes": MOST_BYTES})
        for batch in table.iter_batches(batch_size=256):
            for values in batch.to_pylist():
                number += 1
                yield Line(number, {name: _plain(value) for name, value in values.items() if value is not None})
    except (pyarrow.ArrowException, OSError) as error:
        raise FileProblem(_("is not a Parquet file that can be read: %(error)s") % {"error": str(error)[:200]}) from None


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
