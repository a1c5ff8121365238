"""Chat messages and tools in OpenAI's shape, checked where they come in. Every ValueError is a sentence for their sender."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

ROLES = ("system", "user", "assistant", "tool")
KEPT = ("role", "content", "name", "tool_calls", "tool_call_id", "weight")

Message = dict[str, Any]


def prompt_messages(value: Any) -> list[Message]:
    """What is asked: messages whose last one is by the user or a tool."""
    messages = _messages(value, "messages")
    if messages[-1]["role"] not in {"user", "tool"}:
        raise ValueError(_("messages: the last one must be by “user” or “tool”, so that there is something to answer"))
    return messages


def answer_messages(value: Any, field: str = "messages") -> list[Message]:
    """What is answered: messages by the assistant (and tools), the first and the last by the assistant."""
    messages = _messages(value, field)
    if {messages[0]["role"], messages[-1]["role"]} != {"assistant"}:
        raise ValueError(_("%(field)s: an answer begins and ends with a message by “assistant”") % {"field": field})
    return messages


def said(text: str) -> list[Message]:
    """An answer of one turn."""
    return [{"role": "assistant", "content": text}]


def tools(value: Any) -> list[dict[str, Any]]:
    """Function tools: [{"type": "function", "function": {"name", "description", "parameters"}}]."""
    if not isinstance(value, list) or not all(_is_function(tool) for tool in value):
        raise ValueError(_("tools: must be a list of {“type”: “function”, “function”: {“name”: …}}"))
    return value


def _messages(value: Any, field: str) -> list[Message]:
    if not isinstance(value, list) or not value:
        raise ValueError(_("%(field)s: must be a list of chat messages with at least one in it") % {"field": field})
    return [_message(message, f"{field}[{place}]") for place, message in enumerate(value)]


def _message(value: Any, where: str) -> Message:
    """One message with the keys that we know; a key without a value (as Parquet makes them) is no key."""
    if not isinstance(value, dict):
        raise ValueError(_("%(where)s: must be an object with “role” and “content”") % {"where": where})
    message = {key: value[key] for key in KEPT if value.get(key) is not None}
    if message.get("role") not in ROLES:
        raise ValueError(_("%(where)s.role: must be one of %(roles)s") % {"where": where, "roles": ", ".join(ROLES)})
    if message.get("weight", 1) not in (0, 1) or ("weight" in message and message["role"] != "assistant"):
        raise ValueError(_("%(where)s.weight: must be 0 or 1, and of a message by “assistant”") % {"where": where})
    calls = message.get("tool_calls")
    if calls is not None and (not isinstance(calls, list) or not all(_is_function(call) for call in calls)):
        raise ValueError(
            _("%(where)s.tool_calls: must be a list of {“type”: “function”, “function”: {“name”: …}}") % {"where": where}
        )
    if not isinstance(message.setdefault("content", "" if calls else None), str):
        raise ValueError(_("%(where)s.content: must be text") % {"where": where})
    # A model may answer nothing, and be judged for it; nobody can be asked nothing.
    if message["role"] in {"system", "user"} and not message["content"].strip():
        raise ValueError(_("%(where)s.content: is empty") % {"where": where})
    return message


def _is_function(value: Any) -> bool:
    function = value.get("function") if isinstance(value, dict) else None
    return isinstance(function, dict) and isinstance(function.get("name"), str) and bool(function["name"])
