"""`edit`: the rater improves an answer. The better text becomes a new Sample with the answer as its origin.

Grades: aspect `overall` is 1 for the new text and 0 for the answer that it improves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.kinds.write import FIELDS, payload_from_post, recall, writing
from annotation.written import TEXT_LIMIT, checked_text

if TYPE_CHECKING:
    from annotation.asking import Ask
    from annotation.models import Sample

__all__ = ["FIELDS", "payload_from_post", "recall", "writing"]  # as `write` has them

TITLE = gettext_lazy("Improve the answer")
TEMPLATE = "annotation/kinds/edit.html"
FEWEST, MOST = 1, 1


@dataclass(frozen=True)
class Answer:
    text: str


def parse(payload: dict[str, Any], ask: Ask) -> Answer:
    """The better text; ValidationError names the field. A text that says what the answer said is no improvement."""
    text = checked_text(payload.get("text"), "text").strip()
    if not text:
        raise ValidationError({"text": _("Write the better answer first.")})
    if text == checked_text(ask.samples[0].text, "text").strip():
        raise ValidationError({"text": _("Nothing is changed yet. If it needs no change, skip it and say so.")})
    return Answer(text)


def grades(answer: Answer, ask: Ask, written: Sample | None) -> list[tuple[int, str, float]]:
    """(sample id, aspect, value): the new text above its origin."""
    assert written is not None  # `writing` gave its text.
    return [(written.pk, "overall", 1.0), (ask.order[0], "overall", 0.0)]


def context(ask: Ask, draft: dict[str, Any]) -> dict[str, Any]:
    """What the template needs: the answer as it stands, the text so far and its limit."""
    answer = ask.samples[0]
    return {"letter": ask.letters[answer.pk], "sample": answer, "text": draft.get("text", answer.text), "limit": TEXT_LIMIT}
