"""Corpora, runs, their events, and checkpoints. The run folder is the truth; these rows are its index."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotation.models import Project, ProjectScoped, Snapshot
from annotation.parts import part
from training.rundir import RunDir


class Corpus(models.Model):
    """Plain text to make a tokenizer or a base model from: one UTF-8 file, blank lines between documents, kept under its hash."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="corpora")
    name = models.CharField(max_length=120)
    language = models.CharField(max_length=12, blank=True)
    source = models.CharField(max_length=200, blank=True)
    licence = models.CharField(max_length=120, blank=True)
    run = models.ForeignKey(
        "training.Run", models.PROTECT, null=True, blank=True, editable=False, related_name="corpora", help_text=_("What made it.")
    )
    digest = models.CharField(max_length=64, editable=False)
    size = models.PositiveBigIntegerField(editable=False, help_text=_("Bytes."))
    created = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    objects = ProjectScoped.as_manager()

    class Meta:
        verbose_name_plural = "corpora"
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_corpus_per_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def path(self) -> Path:
        return Path(settings.CRISOL_HOME) / "corpora" / f"{self.digest}.txt"


class Run(models.Model):
    """One execution of a recipe on an engine, with its config, inputs and seed. Its state changes only through `move`."""

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        STARTING = "starting", _("Starting")
        RUNNING = "running", _("Running")
        STOPPING = "stopping", _("Stopping")
        SUCCEEDED = "succeeded", _("Succeeded")
        STOPPED = "stopped", _("Stopped")
        FAILED = "failed", _("Failed")

    MOVES: dict[str, set[str]] = {
        State.QUEUED: {State.STARTING, State.STOPPED, State.FAILED},
        State.STARTING: {State.RUNNING, State.STOPPING, State.SUCCEEDED, State.STOPPED, State.FAILED, State.QUEUED},
        State.RUNNING: {State.STOPPING, State.SUCCEEDED, State.STOPPED, State.FAILED, State.QUEUED},
        State.STOPPING: {State.SUCCEEDED, State.STOPPED, State.FAILED},
        State.SUCCEEDED: set(),
        State.STOPPED: {State.QUEUED},
        State.FAILED: {State.QUEUED},
    }
    LIVE = (State.STARTING, State.RUNNING, State.STOPPING)
    ENDED = (State.SUCCEEDED, State.STOPPED, State.FAILED)

    project = models.ForeignKey(Project, models.PROTECT, related_name="runs")
    recipe = models.CharField(max_length=40)
    name = models.CharField(max_length=120, blank=True)
    config = models.JSONField(default=dict)
    preflight = models.BooleanField(default=False, help_text=_("It only looks at what such a run would do."))
    seed = models.PositiveIntegerField(default=0)
    engine = models.CharField(max_length=40, default="local")
    resources = models.JSONField(default=dict, blank=True, help_text=_("What the engine is asked for, e.g. {'processes': 1}."))
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED, db_index=True)
    attempt = models.PositiveIntegerField(default=1)
    handle = models.CharField(max_length=200, blank=True, editable=False, help_text=_("The engine's own name for this attempt."))
    offset = models.PositiveBigIntegerField(default=0, editable=False, help_text=_("Bytes of events.jsonl already read."))
    created = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    objects = ProjectScoped.as_manager()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(attempt__gte=1), name="attempts_count_from_one")]

    def __str__(self) -> str:
        return f"preflight-{self.pk}" if self.preflight else f"{self.recipe}-{self.pk}"

    @property
    def folder(self) -> Path:
        return Path(settings.CRISOL_HOME) / "runs" / str(self.pk)

    @property
    def rundir(self) -> RunDir:
        return RunDir(self.folder, self.attempt)

    @property
    def part(self) -> Any:
        """The recipe's module."""
        return part("RECIPES", self.recipe)

    @property
    def outcome(self) -> str:
        """What becomes of its `out/`: a word of `OUTCOMES`."""
        return "findings" if self.preflight else self.part.OUTCOME

    @property
    def ended(self) -> bool:
        return self.state in self.ENDED


class RunInput(models.Model):
    """What a run starts from, under the name that its recipe gives it."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="inputs")
    name = models.CharField(max_length=40)
    snapshot = models.ForeignKey(Snapshot, models.PROTECT, null=True, blank=True, related_name="used_by")
    checkpoint = models.ForeignKey("training.Checkpoint", models.PROTECT, null=True, blank=True, related_name="used_by")
    corpus = models.ForeignKey(Corpus, models.PROTECT, null=True, blank=True, related_name="used_by")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "name"], name="one_input_per_name"),
            models.CheckConstraint(
                condition=Q(snapshot__isnull=False, checkpoint=None, corpus=None)
                | Q(snapshot=None, checkpoint__isnull=False, corpus=None)
                | Q(snapshot=None, checkpoint=None, corpus__isnull=False),
                name="an_input_is_one_thing",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.thing}"

    @property
    def thing(self) -> Any:
        return self.snapshot or self.checkpoint or self.corpus


class Event(models.Model):
    """One thing that happened to a run: a move of its state (`offset` null), or a line of events.jsonl. Append only."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="events")
    attempt = models.PositiveIntegerField()
    offset = models.PositiveBigIntegerField(null=True, blank=True, help_text=_("Where the line begins in events.jsonl."))
    kind = models.CharField(max_length=20)
    step = models.PositiveBigIntegerField(null=True, blank=True)
    data = models.JSONField(default=dict)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "offset"], name="a_line_is_read_once")]
        indexes = [models.Index(fields=["run", "kind", "id"], name="events_of_a_kind")]

    def __str__(self) -> str:
        return f"{self.run_id} {self.kind}"


class Checkpoint(models.Model):
    """Weights (or a tokenizer) on disk that something can start from. Its name is what its samples carry as `model`."""

    class Role(models.TextChoices):
        CAUSAL_LM = "causal-lm", _("Language model")
        REWARD = "reward", _("Reward model")
        TOKENIZER = "tokenizer", _("Tokenizer")

    project = models.ForeignKey(Project, models.PROTECT, related_name="checkpoints")
    run = models.ForeignKey(Run, models.PROTECT, null=True, blank=True, related_name="checkpoints")
    name = models.CharField(max_length=200, unique=True)
    role = models.CharField(max_length=12, choices=Role)
    path = models.CharField(max_length=500, unique=True)
    digest = models.CharField(max_length=64, help_text=_("SHA-256 over the names and contents of its files."))
    step = models.PositiveBigIntegerField(null=True, blank=True)
    source = models.CharField(
        max_length=200, blank=True, help_text=_("Where an imported one comes from: a folder or a hub's name.")
    )
    licence = models.CharField(max_length=120, blank=True)
    card = models.JSONField(default=dict, blank=True, help_text=_("Parameters, figures, what it was made from."))
    created = models.DateTimeField(default=timezone.now, editable=False)

    objects = ProjectScoped.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(run__isnull=False) | ~Q(source=""), name="a_checkpoint_has_a_run_or_a_source"),
        ]

    def __str__(self) -> str:
        return self.name
