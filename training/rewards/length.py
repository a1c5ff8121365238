"""Whether an answer is as long as asked: 1 from `metadata["min_words"]` to `metadata["max_words"]`, either of which may be missing.

Below, it falls in a line to 0 at no word; above, to 0 at twice the most. Words are what white space parts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from training.rewards import Answer

TITLE = "Length"


def check(metadata: dict[str, Any]) -> None:
    """ValueError where there are no bounds, or they cross."""
    given = {name: metadata[name] for name in ("min_words", "max_words") if name in metadata}
    if not given or not all(isinstance(bound, int) and bound > 0 for bound in given.values()):
        raise ValueError("metadata.min_words or metadata.max_words must be a whole number above 0")
    if given.get("min_words", 0) > given.get("max_words", float("inf")):
        raise ValueError("metadata.min_words is above metadata.max_words")


def reward(answer: Answer) -> float:
    """1 within the bounds, less outside, 0 far outside."""
    words = len(answer.text.split())
    least, most = answer.metadata.get("min_words"), answer.metadata.get("max_words")
    if least is not None and words < least:
        return words / least
    if most is not None and words > most:
        return max(0.0, 2 - words / most)
    return 1.0
