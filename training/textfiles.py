"""Files, folders and tables of texts as the one text that a corpus is: a blank line between documents, none within."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from django.utils.translation import gettext as _

from annotation import rowfiles
from training.corpora import CHUNK, BadCorpus, LocalFile, Text

PLAIN = (".txt", ".md")
PACKED = ".txt.gz"
COLUMN = "text"
BETWEEN = b"\n\n"


class Rows:
    """A JSONL, JSON, CSV or Parquet file: each row's text is a document, its blank lines single breaks. Flat in memory."""

    def __init__(self, file: BinaryIO, name: str, column: str = COLUMN):
        self.file, self.name, self.column = file, name, column

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """Raises BadCorpus with the number of the first row that has no text in the column."""
        try:
            for row in rowfiles.read(self.file, self.name):
                text = row.values.get(self.column)
                if row.problem or not isinstance(text, str):
                    problem = row.problem or _("has no text in “%(column)s”") % {"column": self.column}
                    raise BadCorpus(
                        "file", f"{self.name}: " + _("row %(number)d %(problem)s") % {"number": row.number, "problem": problem}
                    )
                lines = [line.rstrip() for line in text.splitlines() if line.strip()]
                yield "\n".join(lines).encode() + BETWEEN
        except rowfiles.FileProblem as problem:
            raise BadCorpus("file", str(problem)) from None


class Several:
    """Texts one after the other."""

    def __init__(self, texts: list[Text]):
        self.texts = texts

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        for text in self.texts:
            yield from text.chunks(chunk_size)
            yield BETWEEN


class Packed(LocalFile):
    """A text file of this machine packed with gzip."""

    def chunks(self, chunk_size: int | None = None) -> Iterable[bytes]:
        try:
            with gzip.open(self.path) as file:
                while block := file.read(chunk_size or CHUNK):
                    yield block
        except rowfiles.DAMAGED as error:
            raise BadCorpus("file", _("%(name)s is damaged: %(error)s") % {"name": self.path.name, "error": error}) from None


class Table(LocalFile):
    """A file of rows of this machine, open only while it is read."""

    def __init__(self, path: Path, column: str):
        super().__init__(path)
        self.column = column

    def chunks(self, chunk_size: int | None = None) -> Iterable[bytes]:
        with open(self.path, "rb") as file:
            yield from Rows(file, self.path.name, self.column).chunks(chunk_size)


def local(paths: list[Path], column: str = COLUMN) -> Text:
    """The text of files and folders of this machine; of a folder every file in it that can be read, in order of name."""
    files = [file for path in paths for file in (sorted(_readable(path)) if path.is_dir() else [path])]
    if not files:
        endings = ", ".join((*PLAIN, PACKED, *rowfiles.SUFFIXES))
        raise BadCorpus("file", _("no file there ends in one of %(endings)s") % {"endings": endings})
    texts = [_local(file, column) for file in files]
    return texts[0] if len(texts) == 1 else Several(texts)


def _readable(folder: Path) -> list[Path]:
    endings = (*PLAIN, PACKED, *rowfiles.SUFFIXES)
    return [path for path in folder.rglob("*") if path.is_file() and path.name.lower().endswith(endings)]


def _local(path: Path, column: str) -> Text:
    name = path.name.lower()
    if name.endswith(rowfiles.SUFFIXES):
        return Table(path, column)
    return Packed(path) if name.endswith(PACKED) else LocalFile(path)


def uploaded(file: Any, column: str = COLUMN) -> Text:
    """An upload, read by what its name ends in."""
    return Rows(file.file, file.name, column) if file.name.lower().endswith(rowfiles.SUFFIXES) else file
