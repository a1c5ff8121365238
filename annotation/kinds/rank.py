"""`rank`: 2 to 9 answers, put into tiers from best to worst; equals share a tier, and what nobody should send is unacceptable.

Grades: aspect `overall` is the number of tiers below (the unacceptable tier counts as one when it is not empty, and its answers
share the lowest value); aspect `acceptable` is 1 or 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

if TYPE_CHECKING:
    from annotation.asking import Ask
    from annotation.models import Sample

TITLE = gettext_lazy("Rank the answers")
TEMPLATE = "annotation/kinds/rank.html"
FEWEST, MOST = 2, 9
UNACCEPTABLE = "unacceptable"
FIELDS = ("tiers", UNACCEPTABLE)


@dataclass(frozen=True)
class Answer:
    """Sample ids by tier, best first, no tier empty; and those below every tier."""

    tiers: tuple[tuple[int, ...], ...]
    unacceptable: tuple[int, ...]


def payload_from_post(post: Mapping[str, str], ask: Ask) -> dict[str, Any]:
    """`{"tiers": [[id…]…], "unacceptable": [id…]}` from the selects `tier-<letter>`; an answer not yet placed is in none."""
    chosen = {pk: post.get(f"tier-{letter}", "") for pk, letter in ask.letters.items()}
    tiers = [[pk for pk, tier in chosen.items() if tier == str(number)] for number in range(1, len(chosen) + 1)]
    return {"tiers": tiers, "unacceptable": [pk for pk, tier in chosen.items() if tier == UNACCEPTABLE]}


def parse(payload: dict[str, Any], ask: Ask) -> Answer:
    """The answer; ValidationError names the field that is wrong. Empty tiers are passed over."""
    raw = payload.get("tiers", [])
    if not isinstance(raw, list):
        raise ValidationError({"tiers": _("Must be a list of lists of sample ids.")})
    tiers = tuple(_ids(tier, "tiers") for tier in raw if tier != [])
    answer = Answer(tiers, _ids(payload.get(UNACCEPTABLE, []), UNACCEPTABLE))
    _each_once(answer, ask.order)
    return answer


def _ids(value: Any, field: str) -> tuple[int, ...]:
    if not isinstance(value, list) or any(type(pk) is not int for pk in value):
        raise ValidationError({field: _("Each tier must be a list of sample ids.")})
    return tuple(value)


def _each_once(answer: Answer, samples: list[int]) -> None:
    placed = [pk for tier in (*answer.tiers, answer.unacceptable) for pk in tier]
    if strange := sorted(set(placed) - set(samples)):
        raise ValidationError({"tiers": _("Not answers of this task: samples %(ids)s.") % {"ids": _listed(strange)}})
    if twice := sorted({pk for pk in placed if placed.count(pk) > 1}):
        raise ValidationError({"tiers": _("Placed more than once: samples %(ids)s.") % {"ids": _listed(twice)}})
    if missing := len(samples) - len(placed):
        words = ngettext(
            "Place every answer: %(count)d is in no tier yet.", "Place every answer: %(count)d are in no tier yet.", missing
        )
        raise ValidationError({"tiers": words % {"count": missing}})


def _listed(ids: list[int]) -> str:
    return ", ".join(map(str, ids))


def best(answer: Answer) -> tuple[int, ...]:
    """The answers of the best tier; when all are unacceptable, all of them."""
    return answer.tiers[0] if answer.tiers else answer.unacceptable


def writing(answer: Answer) -> None:
    return None


def grades(answer: Answer, ask: Ask, written: Sample | None) -> Iterator[tuple[int, str, float]]:
    """(sample id, aspect, value) in the aspects `overall` and `acceptable`."""
    lowest_first = [tier for tier in (answer.unacceptable, *reversed(answer.tiers)) if tier]
    for below, tier in enumerate(lowest_first):
        for pk in tier:
            yield pk, "overall", float(below)
            yield pk, "acceptable", float(pk not in answer.unacceptable)


def recall(grades: dict[int, dict[str, float]], written: Sample | None, ask: Ask) -> dict[str, Any]:
    """The tiers that the grades of a judgement came from."""
    bad = [pk for pk in ask.order if grades[pk]["acceptable"] == 0]
    values = sorted({grades[pk]["overall"] for pk in ask.order if pk not in bad}, reverse=True)
    tiers = [[pk for pk in ask.order if pk not in bad and grades[pk]["overall"] == value] for value in values]
    return {"tiers": tiers, UNACCEPTABLE: bad}


def context(ask: Ask, draft: dict[str, Any]) -> dict[str, Any]:
    """What the template needs: each answer with its letter and the tier it is in so far, and the tiers there can be."""
    placed = _placed(draft)
    answers = [{"letter": ask.letters[sample.pk], "sample": sample, "tier": placed.get(sample.pk, "")} for sample in ask.samples]
    return {"answers": answers, "tiers": [str(number) for number in range(1, len(ask.samples) + 1)]}


def _placed(draft: dict[str, Any]) -> dict[int, str]:
    """Tier by sample id. A draft may come from a program and hold anything: what is no tier is passed over."""
    raw = draft.get("tiers")
    tiers = {str(number): tier for number, tier in enumerate(raw if isinstance(raw, list) else [], 1)}
    tiers[UNACCEPTABLE] = draft.get(UNACCEPTABLE)
    return {pk: name for name, tier in tiers.items() if isinstance(tier, list) for pk in tier if isinstance(pk, int)}
