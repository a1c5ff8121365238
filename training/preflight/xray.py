"""The mask X-ray: some rows as their tokens stand, what is learned told from what is not. First, longest and suspicious ones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from training.preflight.look import TRAIN, Finding, Look, Seen, Tokens

FIRST, SUSPICIOUS = 2, 4
MOST_TOKENS = 600  # of a chat that is shown; of a longer one the middle is left out


def xray(look: Look, findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Each shown row: why it is shown, what it is called, and its chats as pieces."""
    rows = [row for row in look.of(TRAIN) if row.tokens]
    if look.tokenizer is None or not rows:
        return []
    chosen: dict[int, tuple[str, Seen]] = {id(row): ("first", row) for row in rows[:FIRST]}
    for finding in findings:
        row = next((row for row in look.rows if row.tokens and finding.ids and row.id == finding.ids[0]), None)
        if row is not None and len(chosen) < FIRST + SUSPICIOUS:
            chosen.setdefault(id(row), (finding.check, row))
    longest = max(rows, key=lambda row: row.length)
    chosen.setdefault(id(longest), ("longest", longest))
    return [shown(look.tokenizer, why, row) for why, row in chosen.values()]


def shown(tokenizer: Any, why: str, row: Seen) -> dict[str, Any]:
    """A row of the X-ray."""
    chats = [{"tokens": len(one.ids), "learned": one.taught, "pieces": pieces(tokenizer, one)} for one in row.tokens]
    return {"why": why, "unit": row.unit, "id": row.id, "split": row.split, "kind": row.kind, "chats": chats}


def pieces(tokenizer: Any, tokens: Tokens) -> list[list[Any]]:
    """[text, look] of each stretch: `learned` or `read`, with `special` for special tokens; `gap` tells how many are left out."""
    special = set(tokenizer.all_special_ids)
    marked = [(int(number), bool(taught)) for number, taught in zip(tokens.ids, tokens.learned, strict=True)]
    half = MOST_TOKENS // 2
    gap = len(marked) - MOST_TOKENS
    parts = [marked] if gap <= 0 else [marked[:half], marked[-half:]]
    made: list[list[Any]] = []
    for number, part in enumerate(parts):
        if number:
            made.append([str(gap), "gap"])
        for (taught, is_special), group in groupby(part, key=lambda one: (one[1], one[0] in special)):
            said = tokenizer.decode([one for one, _ in group], skip_special_tokens=False, clean_up_tokenization_spaces=False)
            made.append([said, ("learned" if taught else "read") + (" special" if is_special else "")])
    return made
