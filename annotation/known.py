"""Tasks whose answer is known: a lead makes one of a judgement that is surely right, and sees how raters fare on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from annotation import asking, seating
from annotation.models import Judgement, Project, Prompt, Task
from annotation.quality import gold

PURPOSES = (Task.Purpose.GOLD, Task.Purpose.ENTRY)
LATEST, MOST = 5000, 1000
ENOUGH = 5  # judgements without which a known answer is not called doubtful
DOUBTFUL = 0.5
RIGHT = 0.75


@dataclass(frozen=True)
class Known:
    """A task that checks raters, and how the `judged` raters fared: `right` of them were, `rightness` is their mean, 0 to 1."""

    task: Task
    judged: int
    right: int
    rightness: float | None

    @property
    def percent(self) -> int | None:
        return None if self.rightness is None else round(self.rightness * 100)

    @property
    def doubtful(self) -> bool:
        """Most people contradict the known answer: it may be the one that is wrong."""
        return self.judged >= ENOUGH and self.rightness is not None and self.rightness < DOUBTFUL


@transaction.atomic
def make_known(judgement: Judgement, purpose: str) -> Task:
    """Makes the judgement the known answer of its task, which then only checks raters: free seats go, snapshots leave it out.

    ValidationError where the purpose is no check, the task is measured by an evaluation, or the judgement grades nothing.
    """
    task = Task.objects.select_for_update().get(pk=judgement.task_id)
    if purpose not in PURPOSES:
        raise ValidationError({"purpose": _("Choose “gold” or “entry”.")})
    if task.purpose == Task.Purpose.EVALUATE:
        raise ValidationError({"judgement": _("This task belongs to an evaluation: it cannot check raters.")})
    if Judgement.objects.filter(supersedes=judgement).exists():
        raise ValidationError({"judgement": _("This judgement was corrected: take the newer one.")})
    if not judgement.grades.exists():
        raise ValidationError({"judgement": _("A written text cannot be compared: only grades can be known.")})
    task.purpose, task.reference = purpose, judgement
    task.save(update_fields=["purpose", "reference"])
    seating.retire(task)
    return task


@transaction.atomic
def unmake(task: Task) -> Task:
    """The task is one to train on again, with the judgements it has; more seats are for the lead to add."""
    task = Task.objects.select_for_update().get(pk=task.pk)
    if task.purpose in PURPOSES:
        task.purpose, task.reference = Task.Purpose.TRAIN, None
        task.save(update_fields=["purpose", "reference"])
    return task


def known(project: Project) -> list[Known]:
    """The project's tasks that check raters, MOST of them, doubtful ones first; of their judgements the LATEST newest count."""
    tasks = _tasks(project)
    found: dict[int, list[float]] = defaultdict(list)
    for checked in _checked(tasks):
        found[checked.task_id].append(checked.share)
    return sorted((_known(task, found[task.pk]) for task in tasks), key=lambda row: not row.doubtful)


def rightness_of_each(project: Project) -> dict[str, dict[int, Known]]:
    """Purpose → rater → how right they were; as `known`, but by rater: `task` is one of those that they judged."""
    tasks = {task.pk: task for task in _tasks(project)}
    found: dict[tuple[str, int], list[Checked]] = defaultdict(list)
    for checked in _checked(list(tasks.values())):
        found[tasks[checked.task_id].purpose, checked.rater_id].append(checked)
    rows: dict[str, dict[int, Known]] = {purpose: {} for purpose in PURPOSES}
    for (purpose, rater), some in found.items():
        rows[purpose][rater] = _known(tasks[some[0].task_id], [checked.share for checked in some])
    return rows


def _tasks(project: Project) -> list[Task]:
    ours = Exists(Prompt.objects.filter(pk=OuterRef("prompt"), project=project))
    found = Task.objects.filter(ours, reference__isnull=False, purpose__in=PURPOSES).select_related("prompt", "reference__rater")
    return list(found.order_by("-purpose", "pk")[:MOST])


def _known(task: Task, shares: list[float]) -> Known:
    right = sum(share >= RIGHT for share in shares)
    return Known(task, len(shares), right, sum(shares) / len(shares) if shares else None)


@dataclass(frozen=True)
class Checked:
    """How right one judgement was, 0 to 1."""

    task_id: int
    rater_id: int
    share: float


def _checked(tasks: list[Task]) -> Iterator[Checked]:
    judged = Judgement.objects.in_force().filter(task__in=tasks, ruling=False).order_by("-pk")
    rows = list(judged.values_list("pk", "task_id", "rater_id", "task__reference_id")[:LATEST])
    grades = asking.grades_of({pk for mine, _task, _rater, reference in rows for pk in (mine, reference)})
    for pk, task_id, rater_id, reference in rows:
        share = gold.rightness(grades[pk], grades[reference]) if pk != reference else None
        if share is not None:
            yield Checked(task_id, rater_id, share)
