"""Characters that cannot be seen (direction overrides, zero widths, tags, controls), shown as what they are.

Two texts that look equal are then equal, and nothing in a text says one thing to people and another to models. No Django.
"""

from __future__ import annotations

import re

_TAG_RUN = re.compile("[\U000e0000-\U000e007f]+")
_CANNOT_BE_SEEN = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0080-\U000e0fff"
)
_UNSEEN = re.compile(f"[{_CANNOT_BE_SEEN}]")
# A joiner between two letters or emoji has work to do; anywhere else it only hides.
_IDLE_JOINER = re.compile("(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])")
# Nearly every text has none of them: one look says so.
_SUSPECT = re.compile(f"[{_CANNOT_BE_SEEN}\u200c\u200d\U000e0000-\U000e007f]")


def visible(text: str) -> str:
    """`text` with a glyph like ⟨U+202E⟩ for each character that would not be seen; hidden tag letters are spelled out."""
    if not _SUSPECT.search(text):
        return text
    text = _TAG_RUN.sub(_spelled, text)
    return _IDLE_JOINER.sub(_glyph, _UNSEEN.sub(_glyph, text))


def _glyph(found: re.Match[str]) -> str:
    return f"⟨U+{ord(found[0]):04X}⟩"


def _spelled(found: re.Match[str]) -> str:
    letters = "".join(chr(ord(letter) - 0xE0000) for letter in found[0])
    return f"⟨tags: {''.join(letter if letter.isprintable() else '·' for letter in letters)}⟩"
