"""One question as one rater meets it: the task's kind, what follows it, and the payload that page, draft and REST share.

A payload is flat: each kind owns the fields that it names, so that rank and its follow-up rate are one form and one JSON object.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from string import ascii_uppercase
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from annotation.models import Grade, Judgement, Project, Sample, Seat, Task
from annotation.parts import part
from annotation.prepared import Prepared

Payload = dict[str, Any]


@dataclass
class Ask:
    """What one rater is asked. `order`: ids of the answers as they see them; `about`: those that the question at hand is about."""

    project: Project
    task: Task
    order: list[int]
    about: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.about = self.about or self.order

    @cached_property
    def samples(self) -> list[Sample]:
        """The answers, in the order shown."""
        found = Sample.objects.in_bulk(self.order)
        return [found[pk] for pk in self.order if pk in found]

    @property
    def kind(self) -> Any:
        return self.task.question

    @property
    def letters(self) -> dict[int, str]:
        """Sample id → the letter under which this rater sees it. Pages name answers by letter: ids would tell models apart."""
        return dict(zip(self.order, ascii_uppercase, strict=False))


@dataclass(frozen=True)
class Answered:
    """One kind's part of an answer."""

    kind: Any
    ask: Ask
    answer: Any


def of_seat(seat: Seat) -> Ask:
    return Ask(seat.project, seat.task, seat.order)


def laid_out(seat: Seat) -> Ask:
    """The seat's question with prompt and answers, in one query. Of an answer no more is read than what may be shown."""
    tasks = list(_with_samples.objects(task_id=seat.task_id))
    seat.task = tasks[0]
    ask = of_seat(seat)
    samples = {task.shown_id: Sample(pk=task.shown_id, prompt=seat.task.prompt, messages=task.shown) for task in tasks}
    ask.samples = [samples[pk] for pk in seat.order if pk in samples]
    return ask


def _rows(task_id: int) -> QuerySet[Task]:
    shown = Task.objects.select_related("prompt").annotate(shown_id=F("samples"), shown=F("samples__messages"))
    return shown.filter(pk=task_id)


_with_samples = Prepared(_rows, task_id=int)


def follow_ups(ask: Ask) -> list[Any]:
    return [part("KINDS", name) for name in ask.task.follow_ups]


def payload_from_post(ask: Ask, post: Mapping[str, str]) -> Payload:
    """What the page's form holds, finished or not."""
    return {name: value for kind in (ask.kind, *follow_ups(ask)) for name, value in kind.payload_from_post(post, ask).items()}


def parse(ask: Ask, payload: Any) -> list[Answered]:
    """The answers to the main question and to what follows it. ValidationError names the field that is wrong."""
    kinds = [ask.kind, *follow_ups(ask)]
    _refuse_unknown(payload, [name for kind in kinds for name in kind.FIELDS])
    main = Answered(ask.kind, ask, ask.kind.parse(_own(ask.kind, payload), ask))
    answered = [main]
    for kind in kinds[1:]:
        later = replace(ask, about=list(ask.kind.best(main.answer)))
        answered.append(Answered(kind, later, kind.parse(_own(kind, payload), later)))
    return answered


def _refuse_unknown(payload: Any, fields: list[str]) -> None:
    if not isinstance(payload, dict):
        raise ValidationError({"answer": _("Must be an object with: %(fields)s.") % {"fields": ", ".join(fields)}})
    if unknown := sorted(set(payload) - set(fields)):
        words = _("No such field here; there are: %(fields)s.") % {"fields": ", ".join(fields)}
        raise ValidationError({name: words for name in unknown})


def _own(kind: Any, payload: Payload) -> Payload:
    return {name: payload[name] for name in kind.FIELDS if name in payload}


def record(judgement: Judgement, answered: Iterable[Answered]) -> None:
    """Saves the judgement with what was written and every grade."""
    parts = list(answered)
    for one in parts:
        if (text := one.kind.writing(one.answer)) is not None:
            judgement.written = _written(judgement, text, one.ask)
    judgement.save()
    grades = {
        (sample_id, aspect): value
        for one in reversed(parts)  # where a follow-up grades an aspect that the main question graded, the main question's stands
        for sample_id, aspect, value in one.kind.grades(one.answer, one.ask, judgement.written)
    }
    if grades:
        Grade.objects.bulk_create(
            Grade(judgement=judgement, sample_id=sample_id, aspect=aspect, value=value)
            for (sample_id, aspect), value in grades.items()
        )


def _written(judgement: Judgement, text: str, ask: Ask) -> Sample:
    """The new sample; where the question showed one answer, it improves that one."""
    return Sample.objects.create(
        prompt_id=ask.task.prompt_id,
        messages=[{"role": "assistant", "content": text}],
        author_id=judgement.rater_id,
        origin_id=ask.order[0] if len(ask.order) == 1 else None,
    )


def grades_of(judgement_ids: Iterable[int]) -> dict[int, dict[int, dict[str, float]]]:
    """judgement → sample → aspect → value."""
    found: dict[int, dict[int, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    rows = Grade.objects.filter(judgement__in=list(judgement_ids), step=0)
    for judgement_id, sample_id, aspect, value in rows.values_list("judgement_id", "sample_id", "aspect", "value"):
        found[judgement_id][sample_id][aspect] = value
    return found


def recall(judgement: Judgement, ask: Ask) -> Payload:
    """The payload that would be judged so again: what the rater sees when they change a judgement."""
    grades = grades_of([judgement.pk])[judgement.pk]
    kinds = (ask.kind, *follow_ups(ask))
    payload = {name: value for kind in kinds for name, value in kind.recall(grades, judgement.written, ask).items()}
    return {**payload, "comment": judgement.comment}


def context(ask: Ask, draft: Payload) -> dict[str, Any]:
    """For the page: `parts`, each a template and what it draws (`q`)."""
    kinds = (ask.kind, *follow_ups(ask))
    return {"parts": [{"template": kind.TEMPLATE, "q": kind.context(ask, draft)} for kind in kinds]}
