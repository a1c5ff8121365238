"""Prompts, samples, seats, judgements and the snapshots frozen from them. Projects and their people are in `annotation/people.py`.

A judgement is never edited: a correction is a new judgement that supersedes the old one. What can be counted is not stored.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotation.parts import part
from annotation.people import ApiToken, Guidelines, Invitation, Member, Project, ProjectScoped, Role, Scope

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

__all__ = [
    "ApiToken", "Grade", "Guidelines", "Invitation", "Judgement", "Member", "Project", "ProjectScoped", "Prompt", "Role", "Sample",
    "Scope", "Seat", "Skip", "Snapshot", "Task",
]  # fmt: skip


def content_digest(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> str:
    """SHA-256 of what is asked: equal for equal messages and tools, whatever the order of their keys."""
    text = json.dumps([messages, tools], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class Prompt(models.Model):
    """What is asked: chat messages in OpenAI's shape and the tools offered, with where they come from and under which licence."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="prompts")
    messages = models.JSONField()
    tools = models.JSONField(default=list, blank=True)
    language = models.CharField(max_length=12, blank=True)
    source = models.CharField(max_length=200, blank=True)
    licence = models.CharField(max_length=120, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    digest = models.CharField(max_length=64, editable=False)
    created = models.DateTimeField(default=timezone.now, editable=False)

    objects = ProjectScoped.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "digest"], name="a_project_asks_a_prompt_once")]

    def __str__(self) -> str:
        return str(self.messages[-1].get("content", ""))[:80] if self.messages else ""

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.digest = content_digest(self.messages, self.tools)
        super().save(*args, **kwargs)


class SampleQuerySet(ProjectScoped):
    project_path = "prompt__project_id"


class Sample(models.Model):
    """One answer to a prompt, by a person (`author`) or by a model (`model`: a checkpoint's name, or an outside model's)."""

    prompt = models.ForeignKey(Prompt, models.CASCADE, related_name="samples")
    messages = models.JSONField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="samples")
    model = models.CharField(max_length=200, blank=True, db_index=True)
    sampling = models.JSONField(default=dict, blank=True, help_text=_("How it was sampled: temperature, top_p, seed, run."))
    key = models.CharField(
        max_length=120, null=True, blank=True, unique=True, help_text=_("Makes reading a run's output twice harmless.")
    )
    created = models.DateTimeField(default=timezone.now, editable=False)

    objects = SampleQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(author__isnull=False, model="") | (Q(author__isnull=True) & ~Q(model="")),
                name="sample_has_one_origin",
            )
        ]

    def __str__(self) -> str:
        return self.text[:80]

    @property
    def text(self) -> str:
        """What the assistant said last."""
        return str(self.messages[-1].get("content") or "") if self.messages else ""


class TaskQuerySet(ProjectScoped):
    project_path = "prompt__project_id"


class Task(models.Model):
    """A prompt and the samples shown together; it wants as many judgements as it has seats."""

    class Purpose(models.TextChoices):
        TRAIN = "train", _("Train")
        EVALUATE = "evaluate", _("Evaluate")

    prompt = models.ForeignKey(Prompt, models.CASCADE, related_name="tasks")
    kind = models.CharField(max_length=20)
    samples = models.ManyToManyField(Sample, related_name="tasks", blank=True)
    purpose = models.CharField(
        max_length=10,
        choices=Purpose,
        default=Purpose.TRAIN,
        help_text=_("Judgements made to evaluate a model never enter a snapshot."),
    )
    created = models.DateTimeField(default=timezone.now, editable=False)

    objects = TaskQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.kind} · {self.prompt}"

    @property
    def question(self) -> Any:
        """The part that draws, checks and records this kind of question."""
        return part("KINDS", self.kind)


class SeatQuerySet(ProjectScoped):
    def free(self) -> SeatQuerySet:
        """Nobody's, or held past its time."""
        return self.filter(filled=None).filter(Q(rater=None) | Q(held_until__lt=timezone.now()))

    def held_by(self, user: User | AnonymousUser) -> SeatQuerySet:
        """This rater's open seats, lapsed ones that nobody took included."""
        return self.filter(rater_id=user.pk, filled=None)

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
    rater = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="seats")
    held_until = models.DateTimeField(null=True, blank=True)
    held_since = models.DateTimeField(null=True, blank=True)
    filled = models.DateTimeField(null=True, blank=True)
    order = models.JSONField(
        default=list, blank=True, help_text=_("Ids of the samples, in the order in which this rater sees them.")
    )
    draft = models.JSONField(default=dict, blank=True)
    draft_saved = models.DateTimeField(null=True, blank=True)

    objects = SeatQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["task", "rater"], condition=Q(rater__isnull=False), name="one_seat_per_rater"),
            models.CheckConstraint(
                condition=Q(rater=None, held_until=None, filled=None)
                | Q(rater__isnull=False, held_until__isnull=False, filled=None)
                | Q(rater__isnull=False, held_until=None, filled__isnull=False),
                name="a_seat_is_empty_held_or_filled",
            ),
        ]
        indexes = [
            models.Index(fields=["project", "id"], condition=Q(filled=None), name="seats_not_yet_filled"),
            models.Index(fields=["rater"], condition=Q(filled=None), name="seats_in_hand"),
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
