"""Evaluations of checkpoints; their reports are drawn from the rows and files that these name."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from annotation.models import Project, ProjectScoped, Task
from training.models import Checkpoint, Run


class Evaluation(models.Model):
    """Measures of one or more checkpoints: metric runs, and tasks in which people compare their samples blind.

    Scores are the `out/scores.json` of its runs; votes are the grades of its tasks. Neither is stored twice.
    """

    project = models.ForeignKey(Project, models.PROTECT, related_name="evaluations")
    name = models.CharField(max_length=120)
    checkpoints = models.ManyToManyField(Checkpoint, related_name="evaluations", blank=True)
    runs = models.ManyToManyField(Run, related_name="evaluations", blank=True)
    tasks = models.ManyToManyField(Task, related_name="evaluations", blank=True)
    created = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    objects = ProjectScoped.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_evaluation_per_name")]

    def __str__(self) -> str:
        return self.name
