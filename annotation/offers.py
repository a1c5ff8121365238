"""What a rater is offered when they arrive at a desk: how much is left for them, and if nothing is, why. Nothing is written."""

from __future__ import annotations

import math
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import connection

from annotation import checks, waiting
from annotation.models import Project, Seat, Task


@dataclass(frozen=True)
class Offer:
    """`left` tasks, the first `entry` of which are an entry test. When `left` is 0, `why` says so in one word:

    paused, closed, limit (the project's, per rater), failed (the entry test; `right` is 0 to 1), languages (`elsewhere` are in
    languages that the rater did not choose), hands (all that they could judge is in others' hands), nothing.
    """

    left: int
    entry: int = 0
    why: str = ""
    right: float | None = None
    elsewhere: int = 0
    about: bool = False

    @property
    def right_percent(self) -> float | None:
        return None if self.right is None else self.right * 100


def offer(user: User, project: Project, languages: list[str]) -> Offer:
    """What this project has for the rater now; where it has nothing, the first reason that holds."""
    if project.state != Project.State.OPEN:
        return Offer(0, why=project.state)
    if waiting.room(user, project) <= 0:
        return Offer(0, why="limit")
    if project.pass_percent is not None:
        if entry := checks.unseen(user, project, Task.Purpose.ENTRY).count():
            return Offer(entry, entry=entry)
        if not checks.passed(user, project):
            return Offer(0, why="failed", right=checks.rightness(project, user, Task.Purpose.ENTRY))
    if left := waiting.left_for(user, project, languages):
        return _told(left, project)
    return _nothing(user, project, languages)


def _told(left: int, project: Project) -> Offer:
    """Where known answers hide among the others the number is rounded up to tens: one that stands still would give them away."""
    if not project.gold_percent or left >= waiting.LEFT_LIMIT:
        return Offer(left)
    return Offer(math.ceil(left / 10) * 10, about=True)


def _nothing(user: User, project: Project, languages: list[str]) -> Offer:
    if languages and (elsewhere := waiting.left_for(user, project, [])):
        return Offer(0, why="languages", elsewhere=_told(elsewhere, project).left)
    others = Seat.objects.in_project(project).filter(filled=None).never_seen_by(user)
    return Offer(0, why="hands" if others.exists() else "nothing")


def languages(project: Project) -> list[str]:
    """The languages of the prompts that still wait for somebody, "" for those that say none: one step through an index each."""
    first = "SELECT MIN(language) FROM annotation_seat WHERE project_id = %s AND filled IS NULL"
    sql = f"""
        WITH RECURSIVE found(language) AS (
            {first} UNION ALL SELECT ({first} AND language > found.language) FROM found WHERE found.language IS NOT NULL
        ) SELECT language FROM found WHERE language IS NOT NULL"""
    with connection.cursor() as cursor:
        cursor.execute(sql, [project.pk, project.pk])
        return [language for (language,) in cursor.fetchall()]
