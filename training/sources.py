"""Where a checkpoint may be imported from: a folder under an allowed root, or a name on the hub. No Django."""

from __future__ import annotations

import os
import re
from pathlib import Path

HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
MARKS = ("config.json", "tokenizer.json")


def roots() -> list[Path]:
    """The folders under which imports may lie: CRISOL_IMPORT_ROOTS (separated by commas), else CRISOL_HOME/imports."""
    home = os.environ.get("CRISOL_HOME") or Path(__file__).resolve().parent.parent / "var"
    given = os.environ.get("CRISOL_IMPORT_ROOTS") or str(Path(home) / "imports")
    return [Path(root.strip()).resolve() for root in given.split(",") if root.strip()]


def folders() -> list[Path]:
    """What lies under the roots and looks like a model or a tokenizer, two levels deep."""
    found = {path.parent for root in roots() for mark in MARKS for depth in ("*", "*/*") for path in root.glob(f"{depth}/{mark}")}
    return sorted(found)


def local_folder(source: str) -> Path | None:
    """The folder that `source` names, or None where it is a name on the hub. ValueError: outside the roots, or not there."""
    if HUB_NAME.fullmatch(source):
        return None
    folder = Path(source).expanduser().resolve()
    if not any(folder.is_relative_to(root) and folder != root for root in roots()):
        raise ValueError(f"give a hub name (owner/model) or a folder under {', '.join(map(str, roots()))}")
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}")
    return folder
