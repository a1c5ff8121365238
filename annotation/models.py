"""What people said and what is frozen from it: judgements, grades, reviews, snapshots.

Projects and their people are in `annotation/people.py`, what is judged in `annotation/material.py`, the places of judging in
`annotation/seats.py`. A judgement is never edited: a correction is a new judgement that supersedes the old one. What can be counted
is not stored.
"""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotation.material import Prompt, Sample, Score, Task, content_digest
from annotation.people import ApiToken, Guidelines, Invitation, Member, Project, ProjectScoped, Role, Scope
from annotation.seats import Flag, Seat, SeatQuerySet, Skip

__all__ = [
    "ApiToken", "Flag", "Grade", "Guidelines", "Invitation", "Judgement", "JudgementQuerySet", "Member", "Project", "ProjectScoped",
    "Prompt", "Review", "Role", "Sample", "Scope", "Score", "Seat", "SeatQuerySet", "Skip", "Snapshot", "Task", "content_digest",
]  # fmt: skip


class JudgementQuerySet(ProjectScoped):
    project_path = "task__prompt__project_id"

    def in_force(self) -> JudgementQuerySet:
        """Not superseded by a correction."""
        return self.filter(superseded_by=None)


class Judgement(models.Model):
    """What one rater answered once: a writing (`written`), grades, or both. Append only."""

    task = models.ForeignKey(Task, models.PROTECT, related_name="judgements")
    seat = models.ForeignKey(Seat, models.PROTECT, related_name="judgements")
    rater = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="judgements")
    guidelines = models.ForeignKey(Guidelines, models.PROTECT, null=True, blank=True, related_name="judgements")
    key = models.CharField(max_length=80, unique=True, help_text=_("Idempotency key: the same key sent twice is one judgement."))
    order = models.JSONField(default=list, blank=True)
    seconds = models.FloatField(null=True, blank=True)
    comment = models.TextField(blank=True)
    written = models.OneToOneField(Sample, models.PROTECT, null=True, blank=True, related_name="judgement")
    ruling = models.BooleanField(
        default=False, help_text=_("A reviewer's word where raters disagreed; a snapshot takes it in place of theirs.")
    )
    supersedes = models.OneToOneField("self", models.PROTECT, null=True, blank=True, related_name="superseded_by")
    created = models.DateTimeField(default=timezone.now, editable=False)

    objects = JudgementQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["seat"], condition=Q(supersedes=None), name="one_first_judgement_per_seat"),
            models.CheckConstraint(condition=~Q(supersedes=F("id")), name="a_judgement_does_not_supersede_itself"),
        ]

    def __str__(self) -> str:
        return f"{self.rater} · {self.task_id}"


class GradeQuerySet(ProjectScoped):
    project_path = "judgement__task__prompt__project_id"


class Grade(models.Model):
    """A value given to one sample in one judgement: higher is better, comparable only within that judgement and aspect.

    Aspect `overall` orders the samples (equal values are ties); aspect `acceptable` is 1 or 0. Step 0 is the whole answer,
    step n its n-th step.
    """

    judgement = models.ForeignKey(Judgement, models.PROTECT, related_name="grades")
    sample = models.ForeignKey(Sample, models.PROTECT, related_name="grades")
    aspect = models.CharField(max_length=60, default="overall")
    step = models.PositiveIntegerField(default=0)
    value = models.FloatField()

    objects = GradeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["judgement", "sample", "aspect", "step"], name="one_grade_per_sample_aspect_and_step")
        ]

    def __str__(self) -> str:
        return f"{self.sample_id}: {self.aspect} {self.value:g}"


class ReviewQuerySet(ProjectScoped):
    project_path = "judgement__task__prompt__project_id"


class Review(models.Model):
    """A reviewer's word on one judgement: approved, or returned to its rater with a comment. Append only; the last one counts."""

    class Verdict(models.TextChoices):
        APPROVED = "approved", _("Approved")
        RETURNED = "returned", _("Returned")

    judgement = models.ForeignKey(Judgement, models.PROTECT, related_name="reviews")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="reviews")
    verdict = models.CharField(max_length=10, choices=Verdict)
    comment = models.TextField(blank=True)
    created = models.DateTimeField(default=timezone.now, editable=False)

    objects = ReviewQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(verdict__in=["approved", "returned"]), name="review_has_a_known_verdict"),
            models.CheckConstraint(condition=~Q(verdict="returned", comment=""), name="what_is_returned_says_why"),
        ]
        indexes = [models.Index(fields=["judgement"], condition=Q(verdict="returned"), name="what_was_returned")]

    def __str__(self) -> str:
        return f"{self.judgement_id}: {self.verdict}"


class SnapshotQuerySet(ProjectScoped):
    def waiting(self) -> SnapshotQuerySet:
        """Not frozen yet, and not refused. (`manifest=None` would ask for a JSON null, which no row has.)"""
        return self.filter(manifest__isnull=True, error="")


class Snapshot(models.Model):
    """A frozen, hashed set of judgements and prompts: a folder with `prompts.jsonl`, `rows.jsonl` and, last, `manifest.json`.

    `options` says what was asked for (see `annotation/snapshot.py`); `manifest` is a copy of the file's, null until frozen.
    """

    project = models.ForeignKey(Project, models.PROTECT, related_name="snapshots")
    name = models.CharField(max_length=120)
    options = models.JSONField(default=dict, blank=True)
    manifest = models.JSONField(null=True, blank=True, editable=False)
    error = models.TextField(blank=True, editable=False)
    created = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    objects = SnapshotQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_snapshot_per_name")]

    def __str__(self) -> str:
        return f"{self.project} · {self.name}"

    @property
    def folder(self) -> Path:
        """Where the files are, or will be."""
        return Path(settings.CRISOL_HOME) / "snapshots" / str(self.pk)

    @property
    def frozen(self) -> bool:
        return self.manifest is not None
