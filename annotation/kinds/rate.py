"""`rate`: each answer in the aspects that the project names: 1 to 7, thumb up or down, or a flag.

After `rank` or `compare` it rates only the best answers and leaves out the aspect `overall`, which the main question has said.
Grades: one for each answer and aspect; likert 1 to 7, thumb and flag 1 or 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.aspects import SCALES, Aspect, aspects_of

if TYPE_CHECKING:
    from annotation.asking import Ask
    from annotation.models import Sample

TITLE = gettext_lazy("Rate the answers")
TEMPLATE = "annotation/kinds/rate.html"
FEWEST, MOST = 1, 9
FOLLOWS = True
FIELDS = ("ratings",)
Ratings = dict[int, dict[str, int]]


@dataclass(frozen=True)
class Answer:
    """Sample id → aspect → value."""

    ratings: Ratings


def follows(ask: Ask) -> bool:
    """Whether another question was asked first."""
    return ask.task.kind != "rate"


def asked_aspects(ask: Ask) -> list[Aspect]:
    return [aspect for aspect in aspects_of(ask.project) if not (follows(ask) and aspect.name == "overall")]


def payload_from_post(post: Mapping[str, str], ask: Ask) -> dict[str, Any]:
    """`{"ratings": {id: {aspect: value}}}` from the fields `rate-<letter>-<aspect>`; what is not yet rated is left out."""
    ratings: dict[str, dict[str, int]] = {}
    for pk, letter in ask.letters.items():
        posted = {aspect: post.get(f"rate-{letter}-{aspect.name}", "") for aspect in asked_aspects(ask)}
        values = {aspect.name: int(text) for aspect, text in posted.items() if text in _words(aspect)}
        if values:
            ratings[str(pk)] = values
    return {"ratings": ratings}


def _words(aspect: Aspect) -> list[str]:
    return [str(value) for value in SCALES[aspect.scale]]


def parse(payload: dict[str, Any], ask: Ask) -> Answer:
    """The answer; ValidationError names the letter and the aspect. A flag that is not named is not raised.

    Ratings of answers that the task shows but the question is not about are passed over.
    """
    aspects = asked_aspects(ask)
    if not aspects and not follows(ask):
        raise ValidationError({"ratings": _("This project names no aspects to rate: ask its lead for some.")})
    given = payload.get("ratings", {})
    if not isinstance(given, dict) or any(not isinstance(values, dict) for values in given.values()):
        raise ValidationError({"ratings": _("Must be an object: sample id to aspect to value.")})
    if strange := sorted(set(given) - {str(pk) for pk in ask.order}):
        raise ValidationError({"ratings": _("Not answers of this task: samples %(ids)s.") % {"ids": ", ".join(strange)}})
    return Answer({pk: _rated(given.get(str(pk), {}), aspects, ask.letters[pk]) for pk in ask.about})


def _rated(given: dict[str, Any], aspects: list[Aspect], letter: str) -> dict[str, int]:
    if unknown := sorted(set(given) - {aspect.name for aspect in aspects}):
        words = _("Answer %(letter)s: no aspect %(name)s is asked for.")
        raise ValidationError({"ratings": words % {"letter": letter, "name": ", ".join(unknown)}})
    return {aspect.name: _value(given.get(aspect.name), aspect, letter) for aspect in aspects}


def _value(value: Any, aspect: Aspect, letter: str) -> int:
    if value is None and aspect.scale == "flag":
        return 0
    named = {"letter": letter, "aspect": aspect.title}
    if value is None:
        raise ValidationError({"ratings": _("Answer %(letter)s: rate “%(aspect)s”.") % named})
    if type(value) is not int or value not in SCALES[aspect.scale]:
        values = {**named, "values": ", ".join(_words(aspect))}
        raise ValidationError({"ratings": _("Answer %(letter)s: “%(aspect)s” must be one of %(values)s.") % values})
    return value


def writing(answer: Answer) -> None:
    return None


def grades(answer: Answer, ask: Ask, written: Sample | None) -> Iterator[tuple[int, str, float]]:
    """(sample id, aspect, value) for each answer that was rated."""
    for pk, values in answer.ratings.items():
        for name, value in values.items():
            yield pk, name, float(value)


def recall(grades: dict[int, dict[str, float]], written: Sample | None, ask: Ask) -> dict[str, Any]:
    """The ratings that the grades of a judgement came from; an aspect that the project has dropped since is not asked again."""
    names = [aspect.name for aspect in asked_aspects(ask)]
    rated = {pk: {name: int(grades[pk][name]) for name in names if name in grades[pk]} for pk in ask.order if pk in grades}
    return {"ratings": {str(pk): values for pk, values in rated.items() if values}}


def context(ask: Ask, draft: dict[str, Any]) -> dict[str, Any]:
    """What the template needs: each answer with its letter and its rows, an aspect with its values and the one chosen so far."""
    drafted = draft.get("ratings")
    ratings = drafted if isinstance(drafted, dict) else {}
    answers = [_shown(ask, sample, ratings.get(str(sample.pk))) for sample in ask.samples]
    return {"answers": answers, "follows": follows(ask)}


def _shown(ask: Ask, sample: Sample, drafted: Any) -> dict[str, Any]:
    letter = ask.letters[sample.pk]
    return {"letter": letter, "sample": sample, "rows": _rows(ask, letter, drafted)}


def _rows(ask: Ask, letter: str, drafted: Any) -> list[dict[str, Any]]:
    chosen = drafted if isinstance(drafted, dict) else {}
    return [
        {
            "aspect": aspect,
            "field": f"rate-{letter}-{aspect.name}",
            "values": SCALES[aspect.scale],
            "chosen": chosen.get(aspect.name),
        }
        for aspect in asked_aspects(ask)
    ]
