"""The places at which people judge, and why they would not: `Seat`, `Skip`, `Flag`. Only `desk.py` writes seats."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotation.material import Task
from annotation.people import Guidelines, Project, ProjectScoped

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

LAST = 500


class SeatQuerySet(ProjectScoped):
    def free(self, now: datetime | None = None) -> SeatQuerySet:
        """Nobody's, or held past its time."""
        return self.filter(filled=None).filter(Q(rater=None) | Q(held_until__lt=now or timezone.now()))

    def held_by(self, user: User | AnonymousUser) -> SeatQuerySet:
        """This rater's open seats, lapsed ones that nobody took included."""
        return self.filter(rater_id=user.pk, filled=None)

    def filled_last_by(self, user: User | AnonymousUser) -> SeatQuerySet:
        """What this rater filled last, up to LAST: as much as is ever read of a past that may be long."""
        latest = Seat.objects.filter(rater_id=user.pk, filled__isnull=False).order_by("-filled")[:LAST]
        return self.filter(pk__in=latest.values("pk"))

    def in_project(self, project: Project) -> SeatQuerySet:
        return self.filter(project=project)

    def never_seen_by(self, user: User | AnonymousUser) -> SeatQuerySet:
        """Of tasks that this rater neither sits at nor skipped."""
        sat = Seat.objects.filter(task=models.OuterRef("task"), rater_id=user.pk)
        skipped = Skip.objects.filter(task=models.OuterRef("task"), rater_id=user.pk)
        return self.filter(~models.Exists(sat), ~models.Exists(skipped))


class Seat(models.Model):
    """One wanted judgement of a task: empty, held by a rater until a time, or filled. Only `desk.py` writes here."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="seats")
    task = models.ForeignKey(Task, models.CASCADE, related_name="seats")
    place = models.FloatField(default=0, help_text=_("Free seats are taken in order of this; the project's policy sets it."))
    language = models.CharField(
        max_length=12, blank=True, help_text=_("The prompt's, so that a rater's languages are found at once.")
    )
    rater = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="seats")
    held_until = models.DateTimeField(null=True, blank=True)
    held_since = models.DateTimeField(null=True, blank=True)
    guidelines = models.ForeignKey(
        Guidelines,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="seats",
        help_text=_("Those in force when the rater sat down."),
    )
    filled = models.DateTimeField(null=True, blank=True)
    order = models.JSONField(
        default=list, blank=True, help_text=_("Ids of the samples, in the order in which the rater of this seat sees them.")
    )
    draft = models.JSONField(default=dict, blank=True)
    draft_saved = models.DateTimeField(null=True, blank=True)

    objects = SeatQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["task", "rater"], condition=Q(rater__isnull=False), name="one_seat_per_rater"),
            models.UniqueConstraint(
                fields=["project", "rater"], condition=Q(rater__isnull=False, filled=None), name="one_open_seat_per_rater"
            ),
            models.CheckConstraint(
                condition=Q(rater=None, held_until=None, filled=None)
                | Q(rater__isnull=False, held_until__isnull=False, filled=None)
                | Q(rater__isnull=False, held_until=None, filled__isnull=False),
                name="a_seat_is_empty_held_or_filled",
            ),
        ]
        indexes = [
            models.Index(fields=["project", "place", "id"], condition=Q(filled=None), name="seats_not_yet_filled"),
            models.Index(fields=["project", "language", "place", "id"], condition=Q(filled=None), name="open_seats_by_language"),
            models.Index(fields=["project", "rater", "place", "id"], name="where_a_rater_sat"),
            models.Index(fields=["rater", "filled"], condition=Q(filled__isnull=False), name="what_a_rater_filled"),
            models.Index(fields=["project", "filled", "rater"], condition=Q(filled__isnull=False), name="when_seats_were_filled"),
        ]

    def __str__(self) -> str:
        return f"{self.task_id}/{self.pk}"


class Skip(models.Model):
    """A rater would not judge a task, and said why; they are not offered it again."""

    task = models.ForeignKey(Task, models.CASCADE, related_name="skips")
    rater = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="skips")
    reason = models.CharField(max_length=300, blank=True)
    created = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["task", "rater"], name="one_skip_per_rater")]

    def __str__(self) -> str:
        return f"{self.rater} · {self.task_id}"


class FlagQuerySet(ProjectScoped):
    project_path = "task__prompt__project_id"

    def open(self) -> FlagQuerySet:
        """Not yet settled by a lead."""
        return self.filter(settled=None)


class Flag(models.Model):
    """A rater says that something is wrong with a task. A proposal to the lead: nothing is removed by it."""

    class Word(models.TextChoices):
        UNCLEAR = "unclear", _("Unclear")
        UNSAFE = "unsafe", _("Unsafe")
        BROKEN = "broken", _("Broken")

    task = models.ForeignKey(Task, models.CASCADE, related_name="flags")
    rater = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="flags")
    word = models.CharField(max_length=10, choices=Word)
    comment = models.CharField(max_length=1000, blank=True)
    created = models.DateTimeField(default=timezone.now, editable=False)
    settled = models.DateTimeField(null=True, blank=True)
    settled_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    objects = FlagQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["task", "rater", "word"], name="a_rater_flags_a_task_once_for_each_word"),
            models.CheckConstraint(condition=Q(word__in=["unclear", "unsafe", "broken"]), name="flag_has_a_known_word"),
            models.CheckConstraint(
                condition=Q(settled=None, settled_by=None) | Q(settled__isnull=False, settled_by__isnull=False),
                name="somebody_settles_a_flag",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.task_id}: {self.word}"
