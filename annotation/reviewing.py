"""The reviewers' queue: judgements that nobody has reviewed, and the three things that can be done with one.

A judgement is approved, returned to its rater with a comment, or overruled: the reviewer answers the question, and a snapshot takes
that ruling in place of what the raters of the task said. Nobody reviews what they judged, and each judgement is reviewed once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation import asking, seating
from annotation.correcting import ask_of
from annotation.models import Flag, Grade, Judgement, JudgementQuerySet, Project, Review, Seat, Task
from annotation.quality.disputes import disagreements
from annotation.quality.orderings import Ordering, votes
from annotation.written import checked_comment, checked_text

LONGEST = 24 * 3600.0  # seconds at one ruling that can be believed
LATEST = 5000  # of those that wait, how many a queue holds
ORDERS = {
    "disputed": gettext_lazy("Most disagreement first"),
    "newest": gettext_lazy("Newest first"),
    "oldest": gettext_lazy("Oldest first"),
}


class Refused(Exception):
    """This person cannot review this judgement; the message says why."""


def waiting(project: Project, reviewer: User, *, rater: str = "", kind: str = "", flagged: bool = False) -> JudgementQuerySet:
    """Judgements to train on that nobody has reviewed or overruled, but for the reviewer's own."""
    corrections = Judgement.objects.filter(supersedes=OuterRef("pk"))
    filled = Judgement.objects.filter(seat__project=project, seat__filled__isnull=False)  # an index has these in order of time
    rows = filled.filter(task__purpose=Task.Purpose.TRAIN, ruling=False)
    rows = rows.exclude(rater=reviewer).filter(
        ~Exists(corrections), ~Exists(Review.objects.filter(judgement=OuterRef("pk"))), ~Exists(_rulings())
    )
    if rater:
        rows = rows.filter(rater__username=rater)
    if kind:
        rows = rows.filter(task__kind=kind)
    if flagged:
        rows = rows.filter(Exists(Flag.objects.open().filter(task=OuterRef("task"))))
    return rows


def _rulings() -> JudgementQuerySet:
    return Judgement.objects.in_force().filter(task=OuterRef("task"), ruling=True)


def queue(rows: JudgementQuerySet, order: str) -> list[int]:
    """Ids of the judgements that wait, in order; of many the LATEST oldest or newest."""
    by_time = ("seat__filled", "seat") if order == "oldest" else ("-seat__filled", "-seat")
    found = list(rows.order_by(*by_time).values_list("pk", "task_id")[:LATEST])
    if order == "disputed":
        disputed = disagreements(votes(orderings({task for _pk, task in found})))
        found.sort(key=lambda pair: -disputed.get(pair[1], 0.0))
    return [pk for pk, _task in found]


def orderings(task_ids: Collection[int]) -> list[Ordering]:
    """What everybody said of the order of the answers in these tasks."""
    grades = Grade.objects.filter(judgement__task__in=task_ids, judgement__superseded_by=None, aspect="overall", step=0)
    found: dict[tuple[int, int], dict[int, float]] = defaultdict(dict)
    for task, judgement, sample, value in grades.values_list("judgement__task", "judgement", "sample", "value"):
        found[task, judgement][sample] = value
    return [Ordering(task, judgement, tuple(values), tuple(values.values())) for (task, judgement), values in found.items()]


def check(judgement: Judgement, reviewer: User) -> None:
    """Refused, with the reason, where this judgement is not theirs to review, or not any more."""
    if judgement.rater_id == reviewer.pk:
        raise Refused(_("This is your own judgement: somebody else reviews it."))
    if Judgement.objects.filter(supersedes=judgement).exists():
        raise Refused(_("The rater has changed this judgement meanwhile; the new one comes up by itself."))
    if review := judgement.reviews.select_related("reviewer").last():
        who, verdict = review.reviewer, review.get_verdict_display().lower()
        raise Refused(_("%(who)s has reviewed this one before you: %(verdict)s.") % {"who": who, "verdict": verdict})
    if ruling := Judgement.objects.in_force().filter(task=judgement.task_id, ruling=True).select_related("rater").first():
        raise Refused(_("%(who)s has ruled on this task: that stands.") % {"who": ruling.rater})


def approve(judgement: Judgement, reviewer: User) -> Review:
    """The reviewer agrees. Refused where it is not theirs to say."""
    return _reviewed(judgement, reviewer, Review.Verdict.APPROVED, "")


def send_back(judgement: Judgement, reviewer: User, comment: str) -> Review:
    """Returned to its rater, who reads the comment and may answer again. ValidationError where nothing says why."""
    comment = checked_text(comment, "comment", limit=5000).strip()
    if not comment:
        raise ValidationError({"comment": _("Tell the rater what to look at again.")})
    return _reviewed(judgement, reviewer, Review.Verdict.RETURNED, comment)


def _reviewed(judgement: Judgement, reviewer: User, verdict: str, comment: str) -> Review:
    with transaction.atomic():
        Judgement.objects.select_for_update().get(pk=judgement.pk)  # of two reviewers at once the second waits here, and is told
        check(judgement, reviewer)
        return Review.objects.create(judgement=judgement, reviewer=reviewer, verdict=verdict, comment=comment)


def rule(judgement: Judgement, reviewer: User, payload: Any, *, seconds: float | None = None, comment: str = "") -> Judgement:
    """The reviewer's own answer to the question, at an extra seat. Sent twice, it is one.

    Refused where the task has a ruling, or the reviewer is one of its raters; ValidationError names what is wrong with the payload.
    """
    project = judgement.seat.project
    answered, comment = asking.parse(ask_of(judgement), payload), checked_comment(project, comment)
    key = salted_hmac("annotation.reviewing", f"{judgement.pk}/{reviewer.pk}").hexdigest()
    try:
        with transaction.atomic():
            Task.objects.select_for_update().get(pk=judgement.task_id)
            if before := Judgement.objects.filter(key=key).first():
                return before
            check_ruling(judgement, reviewer)
            seat = _extra_seat(judgement, reviewer, project)
            ruling = Judgement(
                task=judgement.task,
                seat=seat,
                rater=reviewer,
                guidelines=project.guidelines,
                key=key,
                order=judgement.order,
                seconds=seconds if seconds is not None and 0 <= seconds <= LONGEST else None,
                comment=comment,
                ruling=True,
            )
            asking.record(ruling, answered)
    except IntegrityError:  # They sat down at the task in another tab, a moment ago.
        raise Refused(_sits_there()) from None
    return ruling


def check_ruling(judgement: Judgement, reviewer: User) -> None:
    """Refused, with the reason, where this person cannot rule on the task."""
    check(judgement, reviewer)
    if Seat.objects.filter(task=judgement.task_id, rater=reviewer).exists():
        raise Refused(_sits_there())


def _extra_seat(judgement: Judgement, reviewer: User, project: Project) -> Seat:
    return seating.add_filled_seats(project, [(judgement.task_id, reviewer.pk, timezone.now(), judgement.order)])[0]


def _sits_there() -> str:
    return _("You are one of the raters of this task: somebody else must rule on it.")
