"""What is judged: prompts, the samples that answer them, reward models' scores of those, and the tasks that show them to people."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotation.parts import part
from annotation.people import Project, ProjectScoped


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
    origin = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="edits", help_text=_("The answer that this one improves.")
    )
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


class ScoreQuerySet(ProjectScoped):
    project_path = "sample__prompt__project_id"


class Score(models.Model):
    """What one reward model makes of one sample: the higher, the better; comparable only within that model and prompt."""

    sample = models.ForeignKey(Sample, models.CASCADE, related_name="scores")
    model = models.CharField(max_length=200, help_text=_("The reward model's name."))
    value = models.FloatField()
    created = models.DateTimeField(default=timezone.now, editable=False)

    objects = ScoreQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sample", "model"], name="one_score_per_sample_and_model")]

    def __str__(self) -> str:
        return f"{self.sample_id}: {self.model} {self.value:g}"


class TaskQuerySet(ProjectScoped):
    project_path = "prompt__project_id"


class Task(models.Model):
    """A prompt and the samples shown together; it wants as many judgements as it has seats.

    The tasks of purpose `gold` and `entry` have no seats in advance: each rater sits down at one of their own.
    """

    class Purpose(models.TextChoices):
        TRAIN = "train", _("Train")
        EVALUATE = "evaluate", _("Evaluate")
        GOLD = "gold", _("Known answer")
        ENTRY = "entry", _("Entry test")

    prompt = models.ForeignKey(Prompt, models.CASCADE, related_name="tasks")
    kind = models.CharField(max_length=20)
    follow_ups = models.JSONField(
        default=list, blank=True, help_text=_("Kinds of question asked after the main one, about its best answer.")
    )
    samples = models.ManyToManyField(Sample, related_name="tasks", blank=True)
    purpose = models.CharField(
        max_length=10,
        choices=Purpose,
        default=Purpose.TRAIN,
        help_text=_("Only judgements made to train enter a snapshot."),
    )
    reference = models.ForeignKey(
        "annotation.Judgement",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="known_for",
        help_text=_("The known answer, for tasks that check raters."),
    )
    created = models.DateTimeField(default=timezone.now, editable=False)

    objects = TaskQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(purpose__in=["gold", "entry"]) | Q(reference__isnull=False),
                name="a_check_of_raters_has_a_known_answer",
            )
        ]
        indexes = [models.Index(fields=["prompt"], condition=Q(purpose__in=["gold", "entry"]), name="tasks_that_check_raters")]

    def __str__(self) -> str:
        return f"{self.kind} · {self.prompt}"

    @property
    def question(self) -> Any:
        """The part that draws, checks and records this kind of question."""
        return part("KINDS", self.kind)
