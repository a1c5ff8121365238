"""Demonstrations: prompts with an ideal answer that a person wrote.

A prompt (see `prompts.py`) and {"response": "text" or [chat messages]}, with optional "rater", "seconds", "created". Or a whole
conversation, {"messages": [… the last by the assistant]}, as files for fine-tuning have it: what follows its last user message is
the answer. They become filled seats of write tasks.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation import judged, rowfields
from annotation.columns import COMMON, JUDGED, PROMPT, Field
from annotation.imports import prompts

TITLE = gettext_lazy("Demonstrations")
HELP = gettext_lazy(
    "A prompt and the “response” that a person wrote to it, one a row, or “messages” of which the last is by the assistant; "
    "“rater” says who, if known."
)
EXAMPLE = {"prompt": "Why is the sky blue?", "response": "Air scatters blue light most.", "rater": "ana", "licence": "CC0-1.0"}
RESPONSES = ("output", "answer", "completion", "target", "assistant", "demonstration")
FIELDS = (*PROMPT, Field("response", gettext_lazy("Response"), RESPONSES), *JUDGED, *COMMON)
SIGNS = (("prompt", "response"), ("messages", "response"), ("messages",))


def items(values: dict[str, Any]) -> list[judged.Judged]:
    """What a row holds: one demonstration."""
    return [parse(values)]


def parse(values: dict[str, Any]) -> judged.Judged:
    """The demonstration that a row holds. ValueError names the field that is wrong."""
    values = _split(values)
    return judged.written(
        prompts.parse(values),
        rowfields.answer(values, "response"),
        rowfields.person(values),
        seconds=rowfields.duration(values),
        created=rowfields.moment(values),
    )


def _split(values: dict[str, Any]) -> dict[str, Any]:
    """A row that is a whole conversation, as its prompt and its response."""
    messages = rowfields.json_field(values, "messages", None) if values.get("response") is None else None
    if not isinstance(messages, list) or not messages:
        return values
    asked = max((place for place, one in enumerate(messages, 1) if isinstance(one, dict) and one.get("role") == "user"), default=0)
    if asked == len(messages):
        raise ValueError(_("messages: the last one must be by “assistant”, or give a “response”"))
    return {**values, "messages": messages[:asked], "response": messages[asked:]}
