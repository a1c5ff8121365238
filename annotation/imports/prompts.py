"""Prompts: what is to be answered, with where it comes from and under which licence.

{"prompt": "text"} or {"messages": [chat messages]}, with optional "system", "tools", "language", "source", "licence", "metadata".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation import chat
from annotation.columns import COMMON, PROMPT, Field
from annotation.models import Project, Prompt, content_digest
from annotation.rowfields import json_field, needed_text, text_field

TITLE = gettext_lazy("Prompts")
HELP = gettext_lazy(
    "One prompt a row: “prompt” (text) or “messages” (chat). A prompt that the project already asks is left as it is."
)
EXAMPLE = {"prompt": "Why is the sky blue?", "language": "en", "source": "handbook", "licence": "CC0-1.0"}
FIELDS = (*PROMPT, *COMMON, Field("metadata", gettext_lazy("More about the prompt")))
SIGNS = (("prompt",), ("messages",))
LENGTHS = {"language": 12, "source": 200, "licence": 120}


@dataclass(frozen=True)
class PromptRow:
    kind = "prompt"

    messages: list[chat.Message]
    tools: list[dict[str, Any]]
    language: str
    source: str
    licence: str
    metadata: dict[str, Any]

    @cached_property
    def digest(self) -> str:
        return content_digest(self.messages, self.tools)

    @property
    def preview(self) -> dict[str, Any]:
        return {"prompt": self.messages[-1]["content"], "language": self.language}


def parse(values: dict[str, Any]) -> PromptRow:
    """The prompt that a row holds. ValueError names the field that is wrong."""
    metadata = json_field(values, "metadata", {})
    if not isinstance(metadata, dict):
        raise ValueError(_("metadata: must be an object"))
    return PromptRow(
        messages=_asked(values),
        tools=chat.tools(json_field(values, "tools", [])),
        metadata=metadata,
        **{name: text_field(values, name, length) for name, length in LENGTHS.items()},
    )


def about(values: dict[str, Any], asked: list[chat.Message]) -> PromptRow:
    """The prompt that asks these messages, with what else a row says of it."""
    said = {name: values[name] for name in (*LENGTHS, "metadata") if values.get(name) is not None}
    return parse({**said, "messages": asked})


def items(values: dict[str, Any]) -> list[PromptRow]:
    """What a row holds: one prompt."""
    return [parse(values)]


def ensure(project: Project, rows: Iterable[PromptRow]) -> dict[str, int]:
    """The id of the prompt of each row, by digest; those that are missing are made."""
    unique = {row.digest: row for row in rows}
    had = known(project, unique)
    Prompt.objects.bulk_create(
        [
            Prompt(
                project=project,
                digest=digest,
                messages=row.messages,
                tools=row.tools,
                metadata=row.metadata,
                **{name: getattr(row, name) for name in LENGTHS},
            )
            for digest, row in unique.items()
            if digest not in had
        ],
        ignore_conflicts=True,
    )
    return known(project, unique)


def known(project: Project, digests: Iterable[str]) -> dict[str, int]:
    """The ids of the prompts that the project asks already, by digest."""
    return dict(project.prompts.filter(digest__in=list(digests)).values_list("digest", "pk"))


def _asked(values: dict[str, Any]) -> list[chat.Message]:
    """The messages of a row, with `system` before them."""
    if ("prompt" in values) == ("messages" in values):
        raise ValueError(_("give either “prompt” or “messages”"))
    if isinstance(values.get("prompt"), list):
        messages = chat.prompt_messages(values["prompt"])
    elif "messages" in values:
        messages = chat.prompt_messages(json_field(values, "messages", []))
    else:
        messages = [{"role": "user", "content": needed_text(values, "prompt")}]
    system = text_field(values, "system")
    if system and messages[0]["role"] == "system":
        raise ValueError(_("system: “messages” already begin with a system message"))
    return [{"role": "system", "content": system}, *messages] if system else messages
