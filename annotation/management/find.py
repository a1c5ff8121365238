"""What commands are told by name or number."""

from __future__ import annotations

from django.core.management.base import CommandError
from django.db.models import Q

from annotation.models import Project


def project_named(word: str) -> Project:
    """The project of this name or number. CommandError lists what there is."""
    same = Q(name=word) | Q(pk=int(word)) if word.isdecimal() and len(word) < 19 else Q(name=word)
    # A project may be called "3": its name goes before another's number.
    found = sorted(Project.objects.filter(same), key=lambda project: project.name != word)
    if not found:
        there = ", ".join(Project.objects.order_by("name").values_list("name", flat=True)[:20]) or "none yet"
        raise CommandError(f"no project {word!r}; there are: {there}")
    return found[0]
