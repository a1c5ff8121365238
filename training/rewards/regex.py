"""Whether `metadata["regex"]` is found anywhere in an answer (write ^…$ for all of it).

A pattern may need exponential time on an unlucky answer, and answers come from a model: the search gives up, and pays 0, after
SECONDS. That takes the `regex` package; Python's own `re` cannot be stopped.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from training.rewards import Answer

TITLE = "Regular expression"
SECONDS = 0.1


def check(metadata: dict[str, Any]) -> None:
    """ValueError where the pattern is missing or does not compile."""
    if not isinstance(metadata.get("regex"), str) or not metadata["regex"]:
        raise ValueError("metadata.regex must be the pattern to find")
    found(metadata["regex"], "")


def reward(answer: Answer) -> float:
    """1 where the pattern is found in time, else 0."""
    return float(found(answer.metadata["regex"], answer.text))


def found(pattern: str, text: str) -> bool:
    """True where the pattern occurs in the text; False, too, where that is not clear after SECONDS. ValueError: a bad pattern."""
    try:
        return _compiled(pattern).search(text, timeout=SECONDS) is not None
    except TimeoutError:
        return False


@functools.lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Any:
    import regex

    try:
        return regex.compile(pattern)
    except regex.error as error:
        raise ValueError(f"metadata.regex {pattern!r} is not a regular expression: {error}") from None
