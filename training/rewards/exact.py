"""Whether an answer is the right one: `metadata["answer"]`, a text, a number, or a list of answers that are all right.

What is compared is the whole answer or, where `metadata["extract"]` says so, its part after the last `"####"` (as in GSM8K, Cobbe
et al. 2021) or the last `"answer is"`, in the last `"\\boxed{}"`, or its last `"number"`. A reference that holds the mark is read
the same way, so that GSM8K's solutions can be given as they are. Two numbers are compared as numbers ("1,200.0" is "$1200"; the
mark before decimals is `metadata["decimal"]`, "." if not given); anything else after Unicode NFKC, in lower case, with runs of
white space as one blank, without quotes and punctuation at its ends.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

from training.rewards.numbers import last_number, number

if TYPE_CHECKING:
    from training.rewards import Answer

TITLE = "Exact answer"
BOXED = "\\boxed{"
EXTRACTS = ("####", "answer is", "\\boxed{}", "number")
EDGES = " .,;:!?¡¿\"'`´«»“”‘’*_()"


def check(metadata: dict[str, Any]) -> None:
    """ValueError names the field that is missing or wrong."""
    if not _references(metadata):
        raise ValueError("metadata.answer must be the right answer: a text, a number or a list of them")
    if metadata.get("extract") not in (None, *EXTRACTS):
        raise ValueError(f"metadata.extract is {metadata['extract']!r}; there are: {', '.join(EXTRACTS)}")
    if metadata.get("decimal", ".") not in (".", ","):
        raise ValueError('metadata.decimal must be "." or ","')


def reward(answer: Answer) -> float:
    """1 where the answer is one of the right ones, else 0."""
    extract, decimal = answer.metadata.get("extract"), answer.metadata.get("decimal", ".")
    given = extracted(answer.text, extract)
    if given is None:
        return 0.0
    references = (extracted(right, extract) or right for right in _references(answer.metadata))
    return float(any(equal(given, right, decimal) for right in references))


def extracted(text: str, extract: str | None) -> str | None:
    """The part of a text that counts as its answer, None where its mark is missing."""
    if extract is None:
        return text
    if extract == "number":
        return last_number(text) or None
    mark = BOXED if extract == "\\boxed{}" else extract
    found = list(re.finditer(re.escape(mark), text, re.IGNORECASE))
    if not found:
        return None
    after = text[found[-1].end() :]
    return _braced(after) if mark == BOXED else after.lstrip(" :").partition("\n")[0]


def equal(given: str, right: str, decimal: str = ".") -> bool:
    """True where both are the same number, or the same text after normalisation."""
    numbers = number(given, decimal), number(right, decimal)
    if None not in numbers:
        return numbers[0] == numbers[1]
    return normalised(given) == normalised(right)


def normalised(text: str) -> str:
    """A text without what does not change its meaning."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).strip(EDGES)


def _braced(text: str) -> str | None:
    """What comes before the brace that closes; None where none does."""
    depth = 1
    for at, mark in enumerate(text):
        depth += (mark == "{") - (mark == "}")
        if depth == 0:
            return text[:at]
    return None


def _references(metadata: dict[str, Any]) -> list[str]:
    """The right answers as texts, none where any of them is not a text or a number."""
    right = metadata.get("answer")
    listed = right if isinstance(right, list) else [right]
    fit = all(isinstance(one, (str, int, float)) and str(one).strip() for one in listed)
    return [str(one) for one in listed] if fit else []
