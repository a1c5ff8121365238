"""How far a project is: what was asked, how many seats are filled, who judged how much, and what to do next. All of it counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from annotation.models import Project, Sample, Seat, Task
from annotation.parts import names, part


@dataclass(frozen=True)
class Step:
    """One thing to do on the way from prompts to a model, and where."""

    title: Promise | str
    help: Promise | str
    url: str
    done: bool


LATEST = 200_000  # of seats counted by kind
ANSWERS = 10_000  # of answers counted by model


def totals(project: Project) -> tuple[int, int]:
    """How many judgements are wanted, and how many of them are given; from indexes, however many there are."""
    seats = Seat.objects.in_project(project)
    return seats.count(), seats.filter(filled__isnull=False).count()


def kinds(project: Project) -> list[dict[str, Any]]:
    """For each kind of question asked here: its tasks, and its seats filled, held and free; of the LATEST newest seats."""
    now_held = Q(filled=None, rater__isnull=False, held_until__gte=timezone.now())
    newest = Seat.objects.in_project(project).order_by("-pk").values("pk")[:LATEST]
    counted = (
        Seat.objects.filter(pk__in=newest)
        .values("task__kind")
        .annotate(
            tasks=Count("task", distinct=True),
            wanted=Count("pk"),
            given=Count("pk", Q(filled__isnull=False)),
            held=Count("pk", now_held),
        )
    )
    rows = {row["task__kind"]: row for row in counted}
    return [
        {**rows[kind], "title": part("KINDS", kind).TITLE, "free": rows[kind]["wanted"] - rows[kind]["given"] - rows[kind]["held"]}
        for kind in names("KINDS")
        if kind in rows
    ]


def models(project: Project) -> list[dict[str, Any]]:
    """The models with answers here: how many answers, and how many of these no task has shown; of the ANSWERS newest of each."""
    return [row for name in _model_names() if (row := _model(project, name))["count"]]


def _model_names() -> Iterator[str]:
    """Every model's name, each found behind the one before in the index."""
    name: str | None = ""
    while name := Sample.objects.filter(model__gt=name).order_by("model").values_list("model", flat=True).first():
        yield name


def _model(project: Project, name: str) -> dict[str, Any]:
    newest = Sample.objects.filter(prompt__project=project, model=name).order_by("-pk")[:ANSWERS]
    unshown = Sample.objects.filter(pk__in=newest.values("pk"), tasks=None)
    return {"model": name, "count": newest.count(), "unshown": unshown.count()}


def without_write_task(project: Project) -> QuerySet[Any]:
    """The prompts that nobody was asked to answer."""
    return project.prompts.exclude(tasks__kind="write", tasks__purpose=Task.Purpose.TRAIN).order_by("pk")


def steps(project: Project, *, prompts: int, kinds: list[dict[str, Any]], snapshots: int) -> list[Step]:
    """The way of a new project, in order; a page shows the first that is not done as the next."""
    filled = sum(kind["given"] for kind in kinds)
    here = [project.pk]
    return [
        Step(
            _("Write guidelines"),
            _("Tell raters what a good answer is, with examples."),
            reverse("project_edit", args=here),
            project.guidelines is not None,
        ),
        Step(
            _("Import prompts"),
            _("What models will be asked, from JSONL, CSV or Parquet. Judgements made elsewhere can come too."),
            reverse("import", args=here),
            prompts > 0,
        ),
        Step(
            _("Make tasks"),
            _("People write ideal responses, or put the answers of models in order."),
            reverse("tasks", args=here),
            bool(kinds),
        ),
        Step(
            _("Invite raters"),
            _("A link signs them up."),
            reverse("members", args=here),
            filled > 0 or project.members.count() > 1,
        ),
        Step(
            _("Let them judge"),
            _("Progress shows below; you can judge too."),
            reverse("desk", args=here),
            filled > 0,
        ),
        Step(
            _("Take a snapshot"),
            _("Judgements are frozen into files that never change; training starts from one."),
            reverse("snapshots", args=here),
            snapshots > 0,
        ),
    ]
