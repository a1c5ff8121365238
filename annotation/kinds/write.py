"""`write`: the rater writes the ideal response to the prompt. Its text becomes a new Sample, with the rater as author."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.models import Judgement, Sample, Seat
from annotation.written import TEXT_LIMIT, checked_text

TITLE = gettext_lazy("Write the ideal response")
TEMPLATE = "annotation/kinds/write.html"


@dataclass(frozen=True)
class Answer:
    text: str


def payload_from_post(post: Mapping[str, str], seat: Seat) -> dict[str, Any]:
    """`{"text": …}` from the page's form; also what a draft keeps."""
    return {"text": post.get("text", "")}


def parse(payload: Any, samples: Iterable[Sample]) -> Answer:
    """The answer; ValidationError names the field that is wrong."""
    if not isinstance(payload, dict) or set(payload) - {"text"}:
        raise ValidationError({"text": _('Send one field: {"text": "…"}.')})
    text = checked_text(payload.get("text"), "text").strip()
    if not text:
        raise ValidationError({"text": _("Write a response first.")})
    return Answer(text)


def record(judgement: Judgement, answer: Answer) -> None:
    """Saves the judgement together with what was written."""
    messages = [{"role": "assistant", "content": answer.text}]
    judgement.written = Sample.objects.create(prompt_id=judgement.task.prompt_id, messages=messages, author=judgement.rater)
    judgement.save()


def context(samples: list[Sample], payload: dict[str, Any]) -> dict[str, Any]:
    """What the template needs: the text so far and its limit."""
    return {"text": payload.get("text", ""), "limit": TEXT_LIMIT}
