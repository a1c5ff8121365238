"""Rankings: prompts with two to nine answers that a person put in order, called acceptable or not, or both.

A prompt (see `prompts.py`) and {"answers": [{"text" or "messages", "model"}], "ranks": [1 is best, equal is a tie],
"acceptable": [true, false], "rater": name}, with optional "seconds", "created". `ranks` or `acceptable` must be there.
Rows with the same prompt and answers become one task with a filled seat for each rater.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation import chat, imported
from annotation.imports import prompts
from annotation.models import Project, Sample, Task

TITLE = gettext_lazy("Rankings")
HELP = gettext_lazy(
    "A prompt, its “answers”, and one rater's “ranks” (1 is best, equal is a tie), “acceptable”, or both, one a row."
)
EXAMPLE = {
    "prompt": "Why is the sky blue?",
    "answers": [{"text": "Air scatters blue light most.", "model": "a"}, {"text": "It reflects the sea.", "model": "b"}],
    "ranks": [1, 2],
    "acceptable": [True, False],
    "rater": "ana",
    "licence": "CC0-1.0",
}
FEWEST, MOST = 2, 9
UNNAMED = "unnamed"


@dataclass(frozen=True)
class Answer:
    messages: list[chat.Message]
    model: str


@dataclass(frozen=True)
class RankingRow:
    """`grades` holds, by aspect, a value for each answer: higher is better."""

    prompt: prompts.PromptRow
    answers: list[Answer]
    grades: dict[str, list[float]]
    rater: str
    seconds: float | None
    created: datetime | None

    @property
    def preview(self) -> dict[str, Any]:
        order = sorted(range(len(self.answers)), key=lambda place: -self.grades["overall"][place])
        best = self.answers[order[0]]
        return {
            **self.prompt.preview,
            "answers": len(self.answers),
            "best": f"{best.model}: {best.messages[-1]['content']}",
            "rater": self.rater,
        }


def parse(values: dict[str, Any]) -> RankingRow:
    """The ranking that a row holds. ValueError names the field that is wrong."""
    answers = _answers(prompts.json_field(values, "answers", None))
    return RankingRow(
        prompt=prompts.parse(values),
        answers=answers,
        grades=_grades(values, len(answers)),
        rater=prompts.needed_text(values, "rater", imported.LONGEST_NAME),
        seconds=imported.duration(values),
        created=imported.moment(values),
    )


def _answers(value: Any) -> list[Answer]:
    if not isinstance(value, list) or not FEWEST <= len(value) <= MOST:
        counts = {"fewest": FEWEST, "most": MOST}
        raise ValueError(_("answers: must be a list of %(fewest)d to %(most)d answers") % counts)
    answers = [_answer(item, f"answers[{place}]") for place, item in enumerate(value)]
    for place, answer in enumerate(answers):
        if (first := answers.index(answer)) < place:
            raise ValueError(_("answers: %(a)d and %(b)d are the same answer by the same model") % {"a": first, "b": place})
    return answers


def _answer(item: Any, where: str) -> Answer:
    if not isinstance(item, dict):
        raise ValueError(_("%(where)s: must be an object with “text” or “messages”, and “model”") % {"where": where})
    try:
        messages = imported.answer(item, "messages" if item.get("messages") is not None else "text")
        return Answer(messages, prompts.text_field(item, "model", 200) or UNNAMED)
    except ValueError as error:
        raise ValueError(f"{where}.{error}") from None


def _grades(values: dict[str, Any], count: int) -> dict[str, list[float]]:
    """Aspect `overall`: how many distinct ranks lie below; aspect `acceptable`: 1 or 0, where it was said."""
    ranks, acceptable = (_list(values, name, count) for name in ("ranks", "acceptable"))
    if acceptable is not None and not all(isinstance(value, bool) for value in acceptable):
        raise ValueError(_("acceptable: must hold true or false for each answer"))
    if ranks is not None and not all(_is_rank(value) for value in ranks):
        raise ValueError(_("ranks: must hold a number for each answer, 1 for the best, equal for ties"))
    if ranks is None and acceptable is None:
        raise ValueError(_("give “ranks”, “acceptable”, or both"))
    overall = _below(ranks) if ranks is not None else [float(value) for value in acceptable or []]
    called = {"acceptable": [float(value) for value in acceptable]} if acceptable is not None else {}
    return {"overall": overall, **called}


def _list(values: dict[str, Any], name: str, count: int) -> list[Any] | None:
    value = prompts.json_field(values, name, None)
    if value is not None and (not isinstance(value, list) or len(value) != count):
        raise ValueError(
            _("%(name)s: must be a list with one value for each of the %(count)d answers") % {"name": name, "count": count}
        )
    return value


def _is_rank(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _below(ranks: list[float]) -> list[float]:
    levels = sorted(set(ranks), reverse=True)
    return [float(levels.index(rank)) for rank in ranks]


def save(project: Project, rows: Iterable[RankingRow]) -> int:
    """Adds the rankings that the project does not have yet."""
    fresh = imported.unknown({_key(project, row): row for row in rows})
    asked = prompts.ensure(project, (row.prompt for row in fresh.values()))
    people = imported.raters(project, {row.rater for row in fresh.values()})
    shown = _samples(project, list(fresh.values()), asked)
    tasks = _tasks([(asked[row.prompt.digest], ids) for row, ids in zip(fresh.values(), shown, strict=True)])
    verdicts = [
        imported.Verdict(
            key=key,
            task_id=tasks[frozenset(ids)],
            rater_id=people[row.rater],
            created=row.created,
            seconds=row.seconds,
            order=ids,
            grades=[
                (sample_id, aspect, value)
                for aspect, values in row.grades.items()
                for sample_id, value in zip(ids, values, strict=True)
            ],
        )
        for (key, row), ids in zip(fresh.items(), shown, strict=True)
    ]
    imported.record(project, verdicts)
    return len(verdicts)


def _key(project: Project, row: RankingRow) -> str:
    answers = [[answer.messages, answer.model] for answer in row.answers]
    when = row.created.isoformat() if row.created else None
    return imported.key_of(project, "rank", row.prompt.digest, answers, row.grades, row.rater, when)


def _samples(project: Project, rows: list[RankingRow], asked: dict[str, int]) -> list[list[int]]:
    """The sample ids of each row's answers; one sample for equal answers by one model, however often it was compared."""
    made: dict[str, Sample] = {}
    keys: list[list[str]] = []
    for row in rows:
        keys.append([])
        for answer in row.answers:
            key = imported.key_of(project, "answer", row.prompt.digest, answer.messages, answer.model)
            made[key] = Sample(prompt_id=asked[row.prompt.digest], messages=answer.messages, model=answer.model)
            keys[-1].append(key)
    ids = imported.samples(made)
    return [[ids[key] for key in row_keys] for row_keys in keys]


def _tasks(wanted: list[tuple[int, list[int]]]) -> dict[frozenset[int], int]:
    """The id of the rank task that shows these samples; those that are missing are made."""
    prompt_of = {frozenset(ids): prompt_id for prompt_id, ids in wanted}
    known = _known_tasks(set(prompt_of.values()))
    missing = [shown for shown in prompt_of if shown not in known]
    tasks = Task.objects.bulk_create(Task(prompt_id=prompt_of[shown], kind="rank") for shown in missing)
    made = dict(zip(missing, (task.pk for task in tasks), strict=True))
    through = Task.samples.through
    through.objects.bulk_create(through(task_id=task, sample_id=pk) for shown, task in made.items() for pk in sorted(shown))
    return known | made


def _known_tasks(prompt_ids: set[int]) -> dict[frozenset[int], int]:
    tasks = Task.objects.filter(prompt_id__in=prompt_ids, kind="rank", purpose=Task.Purpose.TRAIN)
    shown: dict[int, set[int]] = defaultdict(set)
    for task_id, sample_id in Task.samples.through.objects.filter(task__in=tasks).values_list("task_id", "sample_id"):
        shown[task_id].add(sample_id)
    return {frozenset(ids): task_id for task_id, ids in shown.items()}
