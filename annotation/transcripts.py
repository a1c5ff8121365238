"""Two conversations that begin alike: what both were asked, and what each answered."""

from __future__ import annotations

import re
from typing import Any

from django.utils.translation import gettext as _

from annotation import chat

SPEAKERS = {"Human": "user", "Assistant": "assistant"}
_TURN = re.compile(r"\n\n(Human|Assistant):")


def transcript(text: str, name: str) -> list[chat.Message]:
    """The messages of a transcript “\\n\\nHuman: … \\n\\nAssistant: …”. ValueError when it is none."""
    before, *turns = _TURN.split(text)
    if before.strip() or not turns:
        raise ValueError(_("%(name)s: must begin with an empty line and “Human:”, and go on with “Assistant:”") % {"name": name})
    return [{"role": SPEAKERS[who], "content": said.strip()} for who, said in zip(turns[::2], turns[1::2], strict=True)]


def messages(value: Any, name: str) -> list[chat.Message]:
    """The messages of a conversation written as a list of {"role", "content"}."""
    if not isinstance(value, list) or not all(isinstance(message, dict) for message in value):
        raise ValueError(_("%(name)s: must be a list of chat messages with at least one in it") % {"name": name})
    return [{"role": message.get("role"), "content": message.get("content")} for message in value]


def parted(
    first: list[chat.Message], second: list[chat.Message]
) -> tuple[list[chat.Message], list[chat.Message], list[chat.Message]]:
    """What both conversations were asked, and the one answer of each to it.

    ValueError when they part earlier than at their last answers: what comes after has then been asked of one of them only, and a
    preference between the two says nothing about a single prompt.
    """
    shared = 0
    while shared < min(len(first), len(second)) - 1 and first[shared] == second[shared]:
        shared += 1
    asked, answers = first[:shared], (first[shared:], second[shared:])
    if not asked or asked[-1]["role"] == "assistant":
        raise ValueError(_("the two conversations have no question in common that both answer"))
    if any(len(answer) != 1 or answer[0]["role"] != "assistant" for answer in answers):
        raise ValueError(_("the two conversations part before their last answers, so that these answer different questions"))
    return asked, *answers
