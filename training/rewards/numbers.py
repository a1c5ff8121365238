"""Numbers as people write them in answers, read exactly."""

from __future__ import annotations

import re
from fractions import Fraction

LONGEST = 40  # characters: no number of a lesson is longer, and Python refuses integers of thousands of digits
NUMBER = re.compile(r"(?:(?<!\w)[-+])?[.,]?\d[\d.,]*(?:/\d+)?")


def number(text: str, decimal: str = ".") -> Fraction | None:
    """The number that a text is, or None: "$1,234.50", "72 %", "-3/4". `decimal` is the mark before decimals, "." or ","."""
    bare = text.strip().strip("$€£¥%° ").rstrip(".,")
    bare = bare[0] + bare[1:].lstrip("$€£¥ ") if bare.startswith(("-", "+")) else bare
    if len(bare) > LONGEST or not NUMBER.fullmatch(bare):
        return None
    plain = bare.replace("," if decimal == "." else ".", "").replace(",", ".")
    try:
        return Fraction(plain)
    except (ValueError, ZeroDivisionError):
        return None


def last_number(text: str) -> str:
    """The last number spelled in a text, "" where there is none."""
    found = NUMBER.findall(text)
    return str(found[-1]) if found else ""
