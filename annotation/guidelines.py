"""Guidelines are never edited: another text is a new version, and judgements name the version they were made under."""

from __future__ import annotations

from django.db import transaction

from annotation.models import Guidelines, Project


@transaction.atomic
def revise(project: Project, text: str) -> Guidelines | None:
    """The guidelines in force after saying `text`: a new version, unless it is what they say already. None while there are none."""
    # The project's row is the lock under which the next number is taken.
    Project.objects.select_for_update().get(pk=project.pk)
    newest, text = project.guidelines, text.replace("\r\n", "\n").strip()
    if text == (newest.text if newest else ""):
        return newest
    return Guidelines.objects.create(project=project, text=text, version=newest.version + 1 if newest else 1)
