"""How grave a finding is, and the shape of its words. No Django.

`stop`: the run would fail or learn something wrong. `consent`: somebody should have wanted it. `note`: good to know.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Severity = Literal["stop", "consent", "note"]
STOP: Final = "stop"
CONSENT: Final = "consent"
NOTE: Final = "note"
SEVERITIES: tuple[Severity, ...] = (STOP, CONSENT, NOTE)


@dataclass(frozen=True)
class Words:
    """The sentences of a check. `what` takes the finding's figures; `count` is how many rows, `of` of how many."""

    severity: Severity
    what: str
    why: str
    todo: str
