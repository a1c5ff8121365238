"""Simulated raters: programs that judge in people's place, in demos and tests, and must never pass for people.

The name is the label: the user name of a simulated rater begins with `sim-`, and so does the pseudonym under which rows and the
REST door know them. Nobody may sign up with such a name; `manage.py user` makes it. No Django.
"""

from __future__ import annotations

from typing import Protocol

PREFIX = "sim-"


class Named(Protocol):
    """What of an account is asked for here."""

    pk: int
    username: str


def is_simulated(name: str) -> bool:
    """Whether this user name or pseudonym is a program's."""
    return name.startswith(PREFIX)


def pseudonym(user: Named) -> str:
    """How rows name a person: `r12`; a simulated rater: `sim-r12`."""
    return f"{PREFIX if is_simulated(user.username) else ''}r{user.pk}"
