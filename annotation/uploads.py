"""Files that a person has uploaded and not yet imported: kept under CRISOL_HOME/uploads for a day, then forgotten."""

from __future__ import annotations

import json
import re
import secrets
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

LARGEST = 200 * 1024 * 1024  # bytes
KEPT_FOR = 24 * 3600  # seconds


def _folder() -> Path:
    folder = Path(settings.CRISOL_HOME) / "uploads"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def keep(file: UploadedFile, about: dict[str, Any]) -> str:
    """Stores the file with what is known about it, and answers the name under which both are found."""
    _forget_old()
    name = secrets.token_hex(16)
    with open(_folder() / name, "wb") as kept:
        for chunk in file.chunks():
            kept.write(chunk)
    note(name, about)
    return name


def note(name: str, about: dict[str, Any]) -> None:
    """Writes down what is known about a file now: whole, or as it was."""
    path = _folder() / f"{name}.json"
    draft = path.with_suffix(f".{secrets.token_hex(4)}.tmp")
    draft.write_text(json.dumps(about), encoding="utf-8")
    draft.replace(path)


def find(name: str) -> tuple[Path, dict[str, Any]] | None:
    """The file and what is known about it; None if there is none of this name any more."""
    path = _folder() / name
    if not re.fullmatch("[0-9a-f]{32}", name) or not path.exists():
        return None
    return path, json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))


def forget(name: str) -> None:
    """Deletes the file and what is known about it."""
    for path in _folder().glob(f"{name}*"):
        path.unlink(missing_ok=True)


def _forget_old() -> None:
    for path in _folder().iterdir():
        if path.stat().st_mtime < time.time() - KEPT_FOR:
            path.unlink(missing_ok=True)
