"""A checkpoint's card: what is in the folder, in words and figures that a page can show. No Django, no torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CARD = "card.json"


def write(
    folder: Path, *, role: str, recipe: str, step: int | None, parameters: int, figures: dict[str, Any], **besides: Any
) -> None:
    """Writes `card.json` into a staged checkpoint. `role`: causal-lm, reward or tokenizer; `besides`: source, licence, a report."""
    card = {"role": role, "recipe": recipe, "step": step, "parameters": parameters, "figures": figures, **besides}
    (folder / CARD).write_text(json.dumps(card, indent=2, sort_keys=True, ensure_ascii=False), encoding="utf-8")


def read(folder: Path) -> dict[str, Any]:
    """The card of a checkpoint, or an empty dict where it has none."""
    path = folder / CARD
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
