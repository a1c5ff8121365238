"""What the browser shows: prompts, samples and judgements by filters and words, a page at a time, and all about one prompt.

Pages are found by id (`WHERE id < …`), never by counting rows that are skipped, and what matches is counted up to a thousand: a
page costs the same in a project of a million prompts as in a small one.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet

from annotation import search
from annotation.models import Flag, Grade, Judgement, Project, Prompt, Review, Sample, Snapshot, Task

PER_PAGE = 50
COUNTED = 1000
SAMPLES_SHOWN, TASKS_SHOWN, JUDGEMENTS_SHOWN, SNAPSHOTS_SHOWN = 50, 50, 50, 20

Asked = dict[str, Any]

# Filters that are one comparison.
OF_PROMPT = {"language": "language", "source": "source"}
OF_ALL = {"since": "created__gte", "until": "created__lt"}
OF_SAMPLE = {**OF_ALL, "prompt": "prompt", "model": "model"}
OF_JUDGEMENT = {**OF_ALL, "prompt": "task__prompt", "task": "task"}
OF_TASK = {"kind": "kind", "purpose": "purpose"}
OF_GRADE = {"grade_from": "value__gte", "grade_to": "value__lte"}
STANDING = {
    "in_force": Q(superseded_by=None),
    "superseded": Q(superseded_by__isnull=False),
    "corrects": Q(supersedes__isnull=False),
}


@dataclass(frozen=True)
class Page:
    """Some rows, newest first; the ids from which newer and older ones go on, None where there are none."""

    rows: list[Any]
    newer: int | None
    older: int | None


def page(rows: QuerySet[Any], before: int | None = None, after: int | None = None) -> Page:
    """The newest rows, those before an id, or those just after one."""
    if after:
        found = list(rows.filter(pk__gt=after).order_by("pk")[: PER_PAGE + 1])
        shown = found[:PER_PAGE][::-1]
        return Page(shown, shown[0].pk if len(found) > PER_PAGE else None, shown[-1].pk if shown else None)
    found = list((rows.filter(pk__lt=before) if before else rows).order_by("-pk")[: PER_PAGE + 1])
    shown = found[:PER_PAGE]
    return Page(shown, shown[0].pk if before and shown else None, shown[-1].pk if len(found) > PER_PAGE else None)


def counted(rows: QuerySet[Any], page: Page) -> int:
    """How many rows there are, counted no further than one over a thousand, and not at all where the page is all of them."""
    if page.newer is None and page.older is None:
        return len(page.rows)
    return rows.order_by()[: COUNTED + 1].count()


def prompts(project: Project, asked: Asked) -> QuerySet[Prompt]:
    """The project's prompts that were asked for: by `kind` and `purpose` with such a task, by `model` with such an answer."""
    rows = search.saying(_compared(project.prompts.all(), asked, OF_PROMPT | OF_ALL), asked.get("q", ""))
    if OF_TASK.keys() & asked:
        rows = rows.filter(Exists(_compared(Task.objects.filter(prompt=OuterRef("pk")), asked, OF_TASK)))
    if "model" in asked:
        rows = rows.filter(pk__in=Sample.objects.filter(model=asked["model"]).values("prompt"))
    if "flagged" in asked:
        rows = rows.filter(pk__in=Flag.objects.open().values("task__prompt"))
    return rows


def samples(project: Project, asked: Asked) -> QuerySet[Sample]:
    """The answers to the project's prompts that were asked for, with their authors."""
    rows = _of_prompts(Sample.objects.select_related("author", "prompt"), "prompt", project, asked)
    rows = search.saying(_compared(rows, asked, OF_SAMPLE), asked.get("q", ""))
    if "author" in asked:
        rows = rows.filter(author__in=User.objects.filter(username=asked["author"]))
    if OF_TASK.keys() & asked:
        rows = rows.filter(Exists(_compared(Task.objects.filter(samples=OuterRef("pk")), asked, OF_TASK)))
    if "flagged" in asked:
        rows = rows.filter(pk__in=Flag.objects.open().values("task__samples"))
    return rows


def judgements(project: Project, asked: Asked) -> QuerySet[Judgement]:
    """The judgements in the project that were asked for."""
    rows = _of_prompts(Judgement.objects.all(), "task__prompt", project, asked)
    rows = search.saying(_compared(rows, asked, OF_JUDGEMENT), asked.get("q", ""))
    if "rater" in asked:
        rows = rows.filter(rater__in=User.objects.filter(username=asked["rater"]))
    if "standing" in asked:
        rows = rows.filter(STANDING[asked["standing"]])
    if "commented" in asked:
        rows = rows.exclude(comment="")
    if "flagged" in asked:
        rows = rows.filter(task__in=Flag.objects.open().values("task"))
    if OF_TASK.keys() & asked:
        rows = rows.filter(Exists(_compared(Task.objects.filter(pk=OuterRef("task")), asked, OF_TASK)))
    if "model" in asked:
        rows = rows.filter(Exists(Grade.objects.filter(judgement=OuterRef("pk"), sample__model=asked["model"])))
    if {"grade_from", "grade_to", "aspect"} & asked.keys():
        grades = Grade.objects.filter(judgement=OuterRef("pk"), aspect=asked.get("aspect", "overall"))
        rows = rows.filter(Exists(_compared(grades, asked, OF_GRADE)))
    return rows


def _of_prompts(rows: QuerySet[Any], path: str, project: Project, asked: Asked) -> QuerySet[Any]:
    """The rows of the project's prompts that are of the language and source asked for.

    A join lets a database gather all rows of the project's prompts and sort them, which takes seconds where there are a million;
    asking of each row from the newest on whether its prompt is one takes seconds where none is. It depends on the project's size.
    """
    wanted = _compared(project.prompts.all(), asked, OF_PROMPT)
    if project.prompts.order_by()[: COUNTED + 1].count() <= COUNTED:
        return rows.filter(**{f"{path}__in": wanted})
    return rows.filter(Exists(wanted.filter(pk=OuterRef(path))))


def _compared(rows: QuerySet[Any], asked: Asked, lookups: dict[str, str]) -> Any:
    return rows.filter(**{lookup: asked[name] for name, lookup in lookups.items() if name in asked})


@dataclass(frozen=True)
class Graded:
    """An answer as one rater saw it: the letter of its place, empty for what they wrote themselves, and what they gave it."""

    letter: str
    sample: Sample | None
    grades: list[Grade]


@dataclass(frozen=True)
class JudgementRow:
    """A judgement with its answers in the order shown, its reviews, oldest first, and the snapshots that hold it."""

    judgement: Judgement
    answers: list[Graded]
    reviews: list[Review]
    snapshots: list[Snapshot] = field(default_factory=list)

    @property
    def superseded_by(self) -> Judgement | None:
        return getattr(self.judgement, "superseded_by", None)


def judgement_rows(rows: QuerySet[Judgement]) -> QuerySet[Judgement]:
    """The judgements with all that their rows show, in a fixed number of queries."""
    grades = Grade.objects.select_related("sample__author").defer("sample__messages", "sample__sampling").order_by("step", "aspect")
    reviews = Review.objects.select_related("reviewer").order_by("pk")
    related = rows.select_related("task__prompt", "rater", "guidelines", "superseded_by", "written__author")
    return related.prefetch_related(Prefetch("grades", grades), Prefetch("reviews", reviews))


def judgement_row(judgement: Judgement, snapshots: Sequence[Snapshot] = ()) -> JudgementRow:
    """The row of a judgement that came from `judgement_rows`, with those of the snapshots that hold it."""
    by_sample: dict[int, list[Grade]] = {pk: [] for pk in judgement.order}
    for grade in judgement.grades.all():
        by_sample.setdefault(grade.sample_id, []).append(grade)
    letters = dict(zip(judgement.order, string.ascii_uppercase, strict=False))
    answers = [Graded(letters.get(pk, ""), given[0].sample if given else None, given) for pk, given in by_sample.items()]
    held = [snapshot for snapshot in snapshots if _holds(snapshot, judgement)]
    return JudgementRow(judgement, answers, list(judgement.reviews.all()), held)


def _holds(snapshot: Snapshot, judgement: Judgement) -> bool:
    """Made to train, within the snapshot's bounds and not superseded there, as `annotation/snapshot.py` asks the database."""
    last, later = snapshot.options["last_judgement"], getattr(judgement, "superseded_by", None)
    return judgement.task.purpose == Task.Purpose.TRAIN and judgement.pk <= last and (later is None or later.pk > last)


@dataclass(frozen=True)
class About:
    """All about one prompt; long lists are cut, and the tabs filtered by the prompt show the rest."""

    prompt: Prompt
    samples: list[Sample]
    tasks: list[Task]
    judgements: list[JudgementRow]
    snapshots: list[Snapshot]
    more_samples: bool
    more_judgements: bool


def about(prompt: Prompt) -> About:
    """The prompt's samples, tasks and judgements, and the frozen snapshots that hold it."""
    samples = prompt.samples.select_related("author").prefetch_related("scores").order_by("-pk")[: SAMPLES_SHOWN + 1]
    given = judgement_rows(Judgement.objects.filter(task__prompt=prompt)).order_by("-pk")[: JUDGEMENTS_SHOWN + 1]
    snapshots = _snapshots(prompt)
    rows = [judgement_row(judgement, snapshots) for judgement in given]
    return About(
        prompt,
        list(samples)[:SAMPLES_SHOWN],
        list(_tasks(prompt)),
        rows[:JUDGEMENTS_SHOWN],
        snapshots,
        len(samples) > SAMPLES_SHOWN,
        len(rows) > JUDGEMENTS_SHOWN,
    )


def _tasks(prompt: Prompt) -> QuerySet[Task]:
    counted = prompt.tasks.annotate(wanted=Count("seats"), given=Count("seats", Q(seats__filled__isnull=False)))
    return counted.prefetch_related(Prefetch("flags", Flag.objects.select_related("rater").order_by("pk"))).order_by("-pk")[
        :TASKS_SHOWN
    ]


def _snapshots(prompt: Prompt) -> list[Snapshot]:
    """A frozen snapshot holds every prompt of its project up to the last one that it looked at."""
    frozen = Snapshot.objects.filter(project=prompt.project_id, manifest__isnull=False).order_by("-pk").defer("manifest")
    return [snapshot for snapshot in frozen[:SNAPSHOTS_SHOWN] if snapshot.options["last_prompt"] >= prompt.pk]
