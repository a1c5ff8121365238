"""`write`: the rater writes the ideal response to the prompt. Its text becomes a new Sample, with the rater as author."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.written import TEXT_LIMIT, checked_text

if TYPE_CHECKING:
    from annotation.asking import Ask
    from annotation.models import Sample

TITLE = gettext_lazy("Write the ideal response")
TEMPLATE = "annotation/kinds/write.html"
FEWEST, MOST = 0, 0
FIELDS = ("text",)


@dataclass(frozen=True)
class Answer:
    text: str


def payload_from_post(post: Mapping[str, str], ask: Ask) -> dict[str, Any]:
    """`{"text": …}` from the page's form; also what a draft keeps."""
    return {"text": post.get("text", "")}


def parse(payload: dict[str, Any], ask: Ask) -> Answer:
    """The answer; ValidationError names the field that is wrong."""
    text = checked_text(payload.get("text"), "text").strip()
    if not text:
        raise ValidationError({"text": _("Write a response first.")})
    return Answer(text)


def writing(answer: Answer) -> str:
    return answer.text


def grades(answer: Answer, ask: Ask, written: Sample | None) -> list[tuple[int, str, float]]:
    """Nothing is graded: what was written stands beside no other answer."""
    return []


def recall(grades: dict[int, dict[str, float]], written: Sample | None, ask: Ask) -> dict[str, Any]:
    return {"text": written.text if written else ""}


def context(ask: Ask, draft: dict[str, Any]) -> dict[str, Any]:
    """What the template needs: the text so far and its limit."""
    return {"text": draft.get("text", ""), "limit": TEXT_LIMIT}
