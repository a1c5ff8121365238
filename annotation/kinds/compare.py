"""`compare`: which of two answers is better, and how much; a tie; and whether both are bad.

Grades: aspect `overall` is the strength (1 slightly, 2 clearly, 3 much better) against 0, and 0 against 0 in a tie. Where both are
bad, aspect `acceptable` is 0 for both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

if TYPE_CHECKING:
    from annotation.asking import Ask
    from annotation.models import Sample

TITLE = gettext_lazy("Compare two answers")
TEMPLATE = "annotation/kinds/compare.html"
FEWEST, MOST = 2, 2
FIELDS = ("preferred", "strength", "both_bad")
STRENGTHS = (1, 2, 3)
TIE = "tie"
# The seven steps from left to right, as the page's form names them.
STEPS = ("A3", "A2", "A1", TIE, "B1", "B2", "B3")


@dataclass(frozen=True)
class Answer:
    """Sample ids; in a tie both are in `better` and the strength is 0."""

    better: tuple[int, ...]
    worse: tuple[int, ...]
    strength: int
    both_bad: bool


def payload_from_post(post: Mapping[str, str], ask: Ask) -> dict[str, Any]:
    """`{"preferred": id or null, "strength": …, "both_bad": …}` from `choice` (A3 … tie … B3) and `bad`.

    Where nothing is chosen yet there is no `preferred`.
    """
    choice, both_bad = post.get("choice", ""), bool(post.get("bad"))
    ids = {letter: pk for pk, letter in ask.letters.items()}
    if choice not in STEPS:
        return {"both_bad": both_bad}
    if choice == TIE:
        return {"preferred": None, "both_bad": both_bad}
    return {"preferred": ids.get(choice[0]), "strength": int(choice[1]), "both_bad": both_bad}


def parse(payload: dict[str, Any], ask: Ask) -> Answer:
    """The answer; ValidationError names the field that is wrong. Both bad without a preference is a tie."""
    both_bad = payload.get("both_bad", False)
    if type(both_bad) is not bool:
        raise ValidationError({"both_bad": _("Must be true or false.")})
    if "preferred" not in payload and not both_bad:
        raise ValidationError({"preferred": _("Say which answer is better, or that they are equally good.")})
    preferred = payload.get("preferred")
    if preferred is None:
        return Answer(tuple(ask.order), (), 0, both_bad)
    if type(preferred) is not int or preferred not in ask.order:
        raise ValidationError({"preferred": _("Must be the id of one of the two samples, or null for a tie.")})
    strength = payload.get("strength")
    if type(strength) is not int or strength not in STRENGTHS:
        raise ValidationError({"strength": _("Must be 1 (slightly), 2 (clearly) or 3 (much better).")})
    return Answer((preferred,), tuple(pk for pk in ask.order if pk != preferred), strength, both_bad)


def best(answer: Answer) -> tuple[int, ...]:
    """The better answer; both in a tie."""
    return answer.better


def writing(answer: Answer) -> None:
    return None


def grades(answer: Answer, ask: Ask, written: Sample | None) -> Iterator[tuple[int, str, float]]:
    """(sample id, aspect, value) in the aspect `overall`, and `acceptable` where both are bad."""
    for pk in (*answer.better, *answer.worse):
        yield pk, "overall", float(answer.strength if pk in answer.better else 0)
        if answer.both_bad:
            yield pk, "acceptable", 0.0


def recall(grades: dict[int, dict[str, float]], written: Sample | None, ask: Ask) -> dict[str, Any]:
    """The preference that the grades of a judgement came from."""
    best = max(ask.order, key=lambda pk: grades[pk]["overall"])
    both_bad = any(grades[pk].get("acceptable") == 0 for pk in ask.order)
    strength = int(grades[best]["overall"])
    if not strength:
        return {"preferred": None, "both_bad": both_bad}
    return {"preferred": best, "strength": strength, "both_bad": both_bad}


def context(ask: Ask, draft: dict[str, Any]) -> dict[str, Any]:
    """What the template needs: the two answers with their letters, the seven steps with the one chosen so far, and `bad`."""
    chosen = _chosen(ask, draft)
    steps = [
        {
            "value": step,
            "title": title,
            "short": short,
            "number": step[1] if step != TIE else "=",
            "chosen": step == chosen,
            "key": key,
        }
        for key, (step, title, short) in enumerate(zip(STEPS, _titles(), _shorts(), strict=True), 1)
    ]
    answers = [{"letter": ask.letters[sample.pk], "sample": sample} for sample in ask.samples]
    return {"answers": answers, "steps": steps, "bad": draft.get("both_bad") is True}


def _chosen(ask: Ask, draft: dict[str, Any]) -> str:
    """The step of a draft, which may come from a program and hold anything."""
    if "preferred" not in draft:
        return ""
    preferred, strength = draft["preferred"], draft.get("strength")
    if preferred is None:
        return TIE
    return f"{ask.letters[preferred]}{strength}" if type(preferred) is int and preferred in ask.letters else ""


def _titles() -> tuple[str, ...]:
    return (
        _("A is much better"),
        _("A is clearly better"),
        _("A is slightly better"),
        _("Equally good"),
        _("B is slightly better"),
        _("B is clearly better"),
        _("B is much better"),
    )


def _shorts() -> tuple[str, ...]:
    much, clearly, slightly = _("much"), _("clearly"), _("slightly")
    return (much, clearly, slightly, _("tie"), slightly, clearly, much)
