"""Personal data told by patterns, and by check digits where there are any; each is replaced by its type, as in <EMAIL>.

What has a checksum must pass it: IBAN (ISO 13616, with its country's length), payment cards (Luhn, ISO/IEC 7812), DNI and NIE
(their letter). IP addresses only where they are public. Names and postal addresses have no pattern and stay.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

IBAN_LENGTHS = {
    "AD": 24, "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20, "ES": 24, "FI": 18,
    "FR": 27, "GB": 22, "GI": 23, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IS": 26, "IT": 27, "LI": 21, "LT": 20, "LU": 20,
    "LV": 21, "MC": 27,
    "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25, "RO": 24, "SE": 24, "SI": 19, "SK": 24, "SM": 27,
}  # fmt: skip
DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
CARD = re.compile(r"(?:4|5[1-5]|2[2-7]|3[47]|3[068]|6[045])\d*")
# Seven digits with at most two other characters between them: without, no pattern of digits has to be looked for.
DIGITS = re.compile(r"\d(?:[^\n\d]{0,2}\d){6}")
OCTETS = re.compile(r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d")
AT = re.compile("@")
COLONS = re.compile(r":[0-9A-Fa-f]{0,4}:")


@dataclass(frozen=True)
class Found:
    """One piece of personal data in a text."""

    kind: str
    start: int
    end: int


def email(_text: str) -> bool:
    return True


def iban(text: str) -> bool:
    plain = re.sub(r"[ -]", "", text)
    if len(plain) != IBAN_LENGTHS.get(plain[:2]):
        return False
    return int("".join(str(int(letter, 36)) for letter in plain[4:] + plain[:4])) % 97 == 1


def card(text: str) -> bool:
    digits = re.sub(r"\D", "", text)
    if not CARD.fullmatch(digits):
        return False
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def dni(text: str) -> bool:
    digits = re.sub(r"\D", "", text)
    return DNI_LETTERS[int(digits) % 23] == text[-1].upper()


def nie(text: str) -> bool:
    return dni(str("XYZ".index(text[0].upper())) + text[1:])


def public(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_global
    except ValueError:
        return False


def phone(text: str) -> bool:
    return 8 <= len(re.sub(r"\D", "", text)) <= 15


# In this order: what has a checksum before what only looks like a number. Each: what a text must have at all, the looks, the check.
KINDS: dict[str, tuple[re.Pattern[str], re.Pattern[str], Callable[[str], bool]]] = {
    "EMAIL": (AT, re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,5}[A-Za-z]{2,24}(?![\w@])"), email),
    "IBAN": (DIGITS, re.compile(r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,27}\b"), iban),
    "CARD": (DIGITS, re.compile(r"\b(?<![.,+-])\d(?:[ -]?\d){12,18}(?![\w-]|[.,]\d)"), card),
    "DNI": (DIGITS, re.compile(r"\b\d(?:\d{7}|\d\.\d{3}\.\d{3})[ -]?[A-Za-z]\b"), dni),
    "NIE": (DIGITS, re.compile(r"\b[XYZxyz][ -]?\d{7}[ -]?[A-Za-z]\b"), nie),
    "IP": (OCTETS, re.compile(r"\b(?<![.-])\d{1,3}(?:\.\d{1,3}){3}(?![\w-]|\.\d)"), public),
    "IPV6": (COLONS, re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])"), public),
    "PHONE": (
        DIGITS,
        re.compile(
            r"(?<![\w+])(?:\+|00)[1-9]\d{0,2}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d(?:[ .-]?\d){5,12}(?![\w-]|[.,]\d)"  # +34 912 34 56 78
            r"|\b(?<![.,/+-])(?:[67]\d{8}|[6-9]\d\d([ .-])(?:\d{3}\1\d{3}|\d\d\1\d\d\1\d\d))(?![\w-]|[.,]\d)"  # Spain
            r"|(?<![\w+-])(?:\([2-9]\d\d\) ?|[2-9]\d\d[-.])[2-9]\d\d[-.]\d{4}(?![\w-]|[.,]\d)"  # North America
        ),
        phone,
    ),
}  # fmt: skip
NAMES = {"IPV6": "IP"}


def find(text: str) -> list[Found]:
    """What there is in a text, in order of place; no two overlap."""
    taken: list[Found] = []
    for kind, (needs, looks, check) in KINDS.items():
        if not needs.search(text):
            continue
        for start, end in _checked(text, looks, check):
            if all(end <= other.start or start >= other.end for other in taken):
                taken.append(Found(NAMES.get(kind, kind), start, end))
    return sorted(taken, key=lambda one: one.start)


def _checked(text: str, looks: re.Pattern[str], check: Callable[[str], bool]) -> Iterator[tuple[int, int]]:
    """Where it stands. A match may have swallowed a word that follows (“ES91 … 1332 OR”): it is tried without its last words."""
    at = 0
    while match := looks.search(text, at):
        start, end = match.span()
        while not check(text[start:end]) and (shorter := max(text.rfind(" ", start, end), text.rfind("-", start, end))) > start:
            end = shorter
        good = check(text[start:end])
        if good:
            yield start, end
        at = max(end, start + 1) if good else match.end()


def redact(text: str, found: list[Found]) -> str:
    """The text with each piece replaced by its type."""
    pieces, at = [], 0
    for one in found:
        pieces += [text[at : one.start], f"<{one.kind}>"]
        at = one.end
    return "".join([*pieces, text[at:]])
