"""What the rows of every import become: one rater's judgement of one prompt's answers, and how many of them are saved in bulk.

Judgements of the same prompt and answers by several people become one task with a filled seat for each. Everything has a key made
of its content: to save twice adds nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext as _

from annotation import chat, imported
from annotation.imports.prompts import PromptRow, ensure, known
from annotation.models import Project, Sample, Seat, Task

FEWEST, MOST = 2, 9
UNNAMED = "unnamed"

Grades = dict[str, list[float | None]]


@dataclass(frozen=True)
class Answer:
    """One answer, by a model or by a person: exactly one of `model` and `author` is a name."""

    messages: list[chat.Message]
    model: str = ""
    author: str = ""

    @property
    def origin(self) -> str:
        return self.model or self.author

    @property
    def text(self) -> str:
        return str(self.messages[-1].get("content") or "")


@dataclass(frozen=True)
class Judged:
    """One judgement. `grades` holds, by aspect, a value for each answer: higher is better, None where it was not said.

    A `write` judgement has one answer, its rater's own, and no grades.
    """

    kind: str
    prompt: PromptRow
    answers: list[Answer]
    grades: Grades
    rater: str = UNNAMED
    seconds: float | None = None
    created: datetime | None = None
    comment: str = ""

    @property
    def preview(self) -> dict[str, Any]:
        shown = {**self.prompt.preview, "kind": self.kind}
        if self.kind == "write":
            return {**shown, "response": self.answers[0].text, "rater": self.rater}
        graded = "; ".join(f"{aspect}: {', '.join(map(_plain, values))}" for aspect, values in self.grades.items())
        return {**shown, "answers": len(self.answers), "best": self._best(), "grades": graded, "rater": self.rater}

    def _best(self) -> str:
        values = [value or 0 for value in self.grades.get("overall") or next(iter(self.grades.values()))]
        best = [answer for answer, value in zip(self.answers, values, strict=True) if value == max(values)]
        return f"{best[0].origin}: {best[0].text}" if len(best) == 1 else _("a tie")


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def written(prompt: PromptRow, messages: list[chat.Message], rater: str, **facts: Any) -> Judged:
    """A demonstration: what a person answered themselves. ValueError when it is empty."""
    author = rater or UNNAMED
    if not messages[-1]["content"].strip():
        raise ValueError(_("response: is empty"))
    return Judged("write", prompt, [Answer(messages, author=author)], {}, rater=author, **facts)


def shown(answers: list[Answer]) -> list[Answer]:
    """The answers that were judged together, unless two are one: nobody can tell such grades apart."""
    if not FEWEST <= len(answers) <= MOST:
        raise ValueError(_("answers: must be a list of %(fewest)d to %(most)d answers") % {"fewest": FEWEST, "most": MOST})
    for place, answer in enumerate(answers):
        if (first := answers.index(answer)) < place:
            raise ValueError(_("answers: %(a)d and %(b)d are the same answer by the same model") % {"a": first, "b": place})
    return answers


def below(ranks: Sequence[float]) -> list[float | None]:
    """Ranks (1 is best, equal is a tie) as grades: how many distinct ranks lie below each."""
    levels = sorted(set(ranks), reverse=True)
    return [float(levels.index(rank)) for rank in ranks]


def save(project: Project, items: Iterable[Judged | PromptRow]) -> int:
    """Adds the prompts and judgements that the project does not have yet; how many are new."""
    items = list(items)
    lone = {item.digest: item for item in items if isinstance(item, PromptRow)}
    fresh = imported.unknown({_key(project, item): item for item in items if isinstance(item, Judged)})
    had = known(project, lone)
    asked = ensure(project, [*lone.values(), *(item.prompt for item in fresh.values())])
    _record(project, fresh, asked)
    return len(fresh) + len(lone) - len(had)


def _record(project: Project, fresh: dict[str, Judged], asked: dict[str, int]) -> None:
    judged = list(fresh.values())
    authors = {answer.author for item in judged for answer in item.answers if answer.author}
    people = imported.raters(project, authors | {item.rater for item in judged})
    samples = _samples(project, judged, asked, people)
    tasks = _tasks(
        [(asked[item.prompt.digest], item.kind, ids, people[item.rater]) for item, ids in zip(judged, samples, strict=True)]
    )
    imported.record(
        project,
        [
            _verdict(key, item, task.pk, people[item.rater], ids)
            for (key, item), task, ids in zip(fresh.items(), tasks, samples, strict=True)
        ],
    )


def _verdict(key: str, item: Judged, task_id: int, rater_id: int, ids: list[int]) -> imported.Verdict:
    return imported.Verdict(
        key=key,
        task_id=task_id,
        rater_id=rater_id,
        created=item.created,
        seconds=item.seconds,
        comment=item.comment,
        order=[] if item.kind == "write" else ids,
        written_id=ids[0] if item.kind == "write" else None,
        grades=[
            (sample_id, aspect, value)
            for aspect, values in item.grades.items()
            for sample_id, value in zip(ids, values, strict=True)
            if value is not None
        ],
    )


def _key(project: Project, item: Judged) -> str:
    if item.kind == "write":
        return _answer_key(project, item.prompt, item.answers[0])
    answers = [[answer.messages, *([answer.model] if answer.model else ["", answer.author])] for answer in item.answers]
    when = item.created.isoformat() if item.created else None
    return imported.key_of(project, item.kind, item.prompt.digest, answers, item.grades, item.rater, when)


def _answer_key(project: Project, prompt: PromptRow, answer: Answer) -> str:
    """Equal answers of one origin are one sample, however often they are judged, and whether written here or shown here."""
    kind = "answer" if answer.model else "write"
    return imported.key_of(project, kind, prompt.digest, answer.messages, answer.origin)


def _samples(project: Project, judged: list[Judged], asked: dict[str, int], people: dict[str, int]) -> list[list[int]]:
    """The sample ids of each judgement's answers."""
    made: dict[str, Sample] = {}
    keys: list[list[str]] = []
    for item in judged:
        keys.append([_answer_key(project, item.prompt, answer) for answer in item.answers])
        for key, answer in zip(keys[-1], item.answers, strict=True):
            origin: dict[str, Any] = {"model": answer.model} if answer.model else {"author_id": people[answer.author]}
            made[key] = Sample(prompt_id=asked[item.prompt.digest], messages=answer.messages, **origin)
    ids = imported.samples(made)
    return [[ids[key] for key in of_item] for of_item in keys]


@dataclass
class _Places:
    """The known tasks of some prompts: those to write at, with who sits there, and the others by what they show."""

    to_write: dict[int, list[Task]] = field(default_factory=lambda: defaultdict(list))
    sat: set[tuple[int, int]] = field(default_factory=set)  # (id() of the task, rater): a new task has no key yet
    showing: dict[tuple[str, frozenset[int]], Task] = field(default_factory=dict)

    def to_write_at(self, prompt_id: int, rater_id: int) -> Task:
        """A write task of the prompt at which the rater does not sit yet, else a new one."""
        free = (task for task in self.to_write[prompt_id] if (id(task), rater_id) not in self.sat)
        task = next(free, None)
        if task is None:
            task = Task(prompt_id=prompt_id, kind="write")
            self.to_write[prompt_id].append(task)
        self.sat.add((id(task), rater_id))
        return task

    def showing_at(self, prompt_id: int, kind: str, ids: list[int]) -> Task:
        """The task of this kind that shows these samples, else a new one."""
        return self.showing.setdefault((kind, frozenset(ids)), Task(prompt_id=prompt_id, kind=kind))


def _tasks(wanted: list[tuple[int, str, list[int], int]]) -> list[Task]:
    """The task of each (prompt, kind, samples, rater); those that are missing are made."""
    places = _known({prompt_id for prompt_id, *_rest in wanted}, {kind for _prompt, kind, *_rest in wanted})
    chosen = [
        places.to_write_at(prompt_id, rater_id) if kind == "write" else places.showing_at(prompt_id, kind, ids)
        for prompt_id, kind, ids, rater_id in wanted
    ]
    missing = {id(task): task for task in chosen if task.pk is None}
    Task.objects.bulk_create(missing.values())
    through = Task.samples.through
    through.objects.bulk_create(
        through(task_id=task.pk, sample_id=pk)
        for (_kind, ids), task in places.showing.items()
        if id(task) in missing
        for pk in sorted(ids)
    )
    return chosen


def _known(prompt_ids: set[int], kinds: set[str]) -> _Places:
    places = _Places()
    for task in _tasks_of(prompt_ids, kinds):
        if task.kind == "write":
            places.to_write[task.prompt_id].append(task)
            places.sat |= {(id(task), seat.rater_id) for seat in task.seats.all() if seat.rater_id}
        else:
            places.showing[task.kind, frozenset(sample.pk for sample in task.samples.all())] = task
    return places


def _tasks_of(prompt_ids: set[int], kinds: set[str]) -> QuerySet[Task]:
    tasks = Task.objects.filter(prompt_id__in=prompt_ids, kind__in=kinds, purpose=Task.Purpose.TRAIN).order_by("pk")
    seats, samples = Seat.objects.only("task_id", "rater_id"), Sample.objects.only("pk")
    return tasks.prefetch_related(Prefetch("seats", seats), Prefetch("samples", samples))
