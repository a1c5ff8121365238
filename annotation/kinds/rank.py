"""`rank`: 2 to 9 answers, put into tiers from best to worst; equals share a tier, and what nobody should send is unacceptable.

Grades: aspect `overall` is the number of tiers below (the unacceptable tier counts as one when it is not empty, and its answers
share the lowest value); aspect `acceptable` is 1 or 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from annotation.models import Grade, Judgement, Sample, Seat

TITLE = gettext_lazy("Rank the answers")
TEMPLATE = "annotation/kinds/rank.html"
FEWEST, MOST = 2, 9
UNACCEPTABLE = "unacceptable"


@dataclass(frozen=True)
class Answer:
    """Sample ids by tier, best first, no tier empty; and those below every tier."""

    tiers: tuple[tuple[int, ...], ...]
    unacceptable: tuple[int, ...]


def payload_from_post(post: Mapping[str, str], seat: Seat) -> dict[str, Any]:
    """`{"tiers": [[id…]…], "unacceptable": [id…]}` from the selects `tier-<sample id>`; an answer not yet placed is in none."""
    chosen = {pk: post.get(f"tier-{pk}", "") for pk in seat.order}
    tiers = [[pk for pk, tier in chosen.items() if tier == str(number)] for number in range(1, len(chosen) + 1)]
    return {"tiers": tiers, "unacceptable": [pk for pk, tier in chosen.items() if tier == UNACCEPTABLE]}


def parse(payload: Any, samples: Iterable[Sample]) -> Answer:
    """The answer; ValidationError names the field that is wrong. Empty tiers are passed over."""
    if not isinstance(payload, dict) or set(payload) - {"tiers", UNACCEPTABLE}:
        raise ValidationError({"tiers": _('Send {"tiers": [[sample ids] …best first], "unacceptable": [sample ids]}.')})
    raw = payload.get("tiers", [])
    if not isinstance(raw, list):
        raise ValidationError({"tiers": _("Must be a list of lists of sample ids.")})
    tiers = tuple(_ids(tier, "tiers") for tier in raw if tier != [])
    answer = Answer(tiers, _ids(payload.get(UNACCEPTABLE, []), UNACCEPTABLE))
    _each_once(answer, [sample.pk for sample in samples])
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


def record(judgement: Judgement, answer: Answer) -> None:
    """Saves the judgement together with its grades."""
    judgement.save()
    lowest_first = [tier for tier in (answer.unacceptable, *reversed(answer.tiers)) if tier]
    overall = {pk: float(below) for below, tier in enumerate(lowest_first) for pk in tier}
    acceptable = {pk: float(pk not in answer.unacceptable) for pk in overall}
    Grade.objects.bulk_create(
        Grade(judgement=judgement, sample_id=pk, aspect=aspect, value=value)
        for aspect, values in (("overall", overall), ("acceptable", acceptable))
        for pk, value in values.items()
    )


def context(samples: list[Sample], payload: dict[str, Any]) -> dict[str, Any]:
    """What the template needs: each answer with its letter and the tier it is in so far, and the tiers there can be."""
    placed = _placed(payload)
    answers = [
        {"letter": letter, "sample": sample, "tier": placed.get(sample.pk, "")}
        for letter, sample in zip(ascii_uppercase, samples, strict=False)
    ]
    return {"answers": answers, "tiers": [str(number) for number in range(1, len(samples) + 1)]}


def _placed(payload: dict[str, Any]) -> dict[int, str]:
    """Tier by sample id. A draft may come from a program and hold anything: what is no tier is passed over."""
    raw = payload.get("tiers")
    tiers = {str(number): tier for number, tier in enumerate(raw if isinstance(raw, list) else [], 1)}
    tiers[UNACCEPTABLE] = payload.get(UNACCEPTABLE)
    return {pk: name for name, tier in tiers.items() if isinstance(tier, list) for pk in tier if isinstance(pk, int)}
