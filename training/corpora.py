"""Keeps a text file as a Corpus: checked to be UTF-8, named by its hash, written whole or not at all."""

from __future__ import annotations

import codecs
import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from annotation.models import Project
from training.models import Corpus
from training.rundir import fsync_folder

CHUNK = 1 << 20


class BadCorpus(ValueError):
    """A file or a name that cannot be kept; `field` says which of the two."""

    def __init__(self, field: str, sentence: str):
        self.field = field
        super().__init__(sentence)


class Text(Protocol):
    """An upload, or a `LocalFile`."""

    def chunks(self, chunk_size: int | None = None) -> Iterable[bytes]: ...


class LocalFile:
    """A file of this machine, read in chunks like an upload."""

    def __init__(self, path: Path):
        self.path = path

    def chunks(self, chunk_size: int | None = None) -> Iterable[bytes]:
        with open(self.path, "rb") as file:
            while block := file.read(chunk_size or CHUNK):
                yield block


def store(
    file: Text, *, project: Project, user: User, name: str, language: str = "", source: str = "", licence: str = ""
) -> Corpus:
    """The corpus, its file under CRISOL_HOME/corpora. Raises BadCorpus: the line that is not UTF-8, an empty file, a name taken."""
    if Corpus.objects.filter(project=project, name=name).exists():
        raise BadCorpus("name", _("This project already has a corpus called “%(name)s”.") % {"name": name})
    digest, size = keep(file)
    try:
        with transaction.atomic():
            return Corpus.objects.create(
                project=project, name=name, language=language, source=source, licence=licence,
                digest=digest, size=size, created_by=user,
            )  # fmt: skip
    except IntegrityError:
        raise BadCorpus("name", _("This project already has a corpus called “%(name)s”.") % {"name": name}) from None


def keep(file: Text) -> tuple[str, int]:
    """Writes the text under its SHA-256 (the same text twice is one file); returns the digest and the size in bytes."""
    folder = Path(settings.CRISOL_HOME) / "corpora"
    folder.mkdir(parents=True, exist_ok=True)
    hashed, size = hashlib.sha256(), 0
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".tmp", delete=False) as draft:
        try:
            for block in _checked(file.chunks(CHUNK)):
                draft.write(block)
                hashed.update(block)
                size += len(block)
            draft.flush()
            os.fsync(draft.fileno())
        except BaseException:
            os.unlink(draft.name)
            raise
    os.replace(draft.name, folder / f"{hashed.hexdigest()}.txt")
    fsync_folder(folder)
    return hashed.hexdigest(), size


def _checked(blocks: Iterable[bytes]) -> Iterable[bytes]:
    """The same blocks, once they are known to be UTF-8 text. Raises BadCorpus with the number of the first bad line."""
    decoder, line, blank = codecs.getincrementaldecoder("utf-8")(), 1, True
    for block in blocks:
        # Bytes of a letter cut by the last block wait inside the decoder and count for this one.
        waiting = len(decoder.getstate()[0])
        try:
            text = decoder.decode(block)
        except UnicodeDecodeError as error:
            line += block[: max(0, error.start - waiting)].count(b"\n")
            raise _not_utf8(line) from None
        if "\0" in text:
            line += text[: text.index("\0")].count("\n")
            raise BadCorpus("file", _("Line %(line)d holds a zero byte: this is not a text file.") % {"line": line})
        line += text.count("\n")
        blank = blank and not text.strip()
        yield block
    if decoder.getstate()[0]:
        raise _not_utf8(line)
    if blank:
        raise BadCorpus("file", _("The file holds no text."))


def _not_utf8(line: int) -> BadCorpus:
    return BadCorpus("file", _("Line %(line)d is not UTF-8. Convert the file to UTF-8 and try again.") % {"line": line})
