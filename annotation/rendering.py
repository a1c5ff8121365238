"""The one way in which text by models and raters becomes HTML.

Markdown without raw HTML and without images, its formulas as MathML, cleaned once more by nh3; characters that cannot be seen are
shown as what they are (`unseen.py`), and every block runs in the direction of its own text (`directions.py`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import nh3
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy
from markdown_it import MarkdownIt

from annotation import formulas
from annotation.directions import CONTAINERS, directions
from annotation.unseen import visible

# Beyond this many characters the Markdown parser can be made to take seconds: the text is then shown as it is.
MARKDOWN_LIMIT = 20_000
SHOWN_LIMIT = 200_000

TAGS = {
    "a", "bdi", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s",
    "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
ATTRIBUTES = {"a": {"href"}, "code": {"dir"}, "ol": {"start", "dir"}} | {tag: {"dir"} for tag in CONTAINERS}
_cleaner = nh3.Cleaner(
    tags=TAGS | formulas.TAGS,
    attributes=ATTRIBUTES | formulas.ATTRIBUTES,
    set_tag_attribute_values={tag: {"dir": "auto"} for tag in ("h1", "h2", "h3", "h4", "h5", "h6", "p", "td", "th")},
    url_schemes={"http", "https", "mailto"},
    link_rel="noopener noreferrer nofollow",
)
_markdown = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": 12}).enable(["table", "strikethrough"])
_markdown.disable("image").use(formulas.formulas).use(directions)


@lru_cache(maxsize=512)
def render(text: str) -> SafeString:
    """Safe HTML of `text`; the same text is rendered once per process while it is among the last 512."""
    if len(text) > MARKDOWN_LIMIT:
        return _as_it_is(text)
    html = _markdown.render(visible(text))
    # Once more: Markdown has turned entities such as &#x202E; into what they stand for.
    return mark_safe(visible(_cleaner.clean(html)))


def _as_it_is(text: str) -> SafeString:
    shown, rest = visible(text[:SHOWN_LIMIT]), len(text) - SHOWN_LIMIT
    if rest <= 0:
        return format_html('<pre class="as-it-is" dir="auto">{}</pre>', shown)
    note = _("… and %(count)d more characters.") % {"count": rest}
    return format_html('<pre class="as-it-is" dir="auto">{}</pre><p>{}</p>', shown, note)


ROLES = {
    "system": pgettext_lazy("chat role", "System"),
    "user": pgettext_lazy("chat role", "User"),
    "assistant": pgettext_lazy("chat role", "Assistant"),
    "tool": pgettext_lazy("chat role", "Tool"),
}


@dataclass(frozen=True)
class Call:
    """A tool call inside a turn: the tool's name and its arguments, as text."""

    name: str
    arguments: str


@dataclass(frozen=True)
class Turn:
    """One chat message, ready to be shown."""

    role: str
    label: str
    text: str
    calls: tuple[Call, ...] = ()

    @property
    def raw(self) -> str:
        """The text as it was sent, with glyphs for what cannot be seen."""
        return visible(self.text)


def plain(messages: list[dict[str, Any]]) -> str:
    """An answer as one text, as it was sent: where differences are looked for. Roles are named where there are several turns."""
    shown = turns(messages)
    return "\n\n".join(_plain(turn, labelled=len(shown) > 1) for turn in shown)


def _plain(turn: Turn, *, labelled: bool) -> str:
    calls = [f"{call.name} {call.arguments}" for call in turn.calls]
    return "\n".join(part for part in (f"{turn.label}:" if labelled else "", turn.text, *calls) if part)


def turns(messages: list[dict[str, Any]]) -> list[Turn]:
    """Chat messages in OpenAI's shape as turns; what is not understood is shown as JSON rather than dropped."""
    return [_turn(message) for message in messages]


def _turn(message: dict[str, Any]) -> Turn:
    role = str(message.get("role", ""))
    calls = tuple(_call(call) for call in message.get("tool_calls") or [])
    return Turn(role, _role_label(role), _content_text(message.get("content")), calls)


def _role_label(role: str) -> str:
    return str(ROLES[role]) if role in ROLES else visible(role)


def _content_text(content: Any) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    if isinstance(content, list):
        return "\n\n".join(_piece_text(piece) for piece in content)
    return _as_json(content)


def _piece_text(piece: Any) -> str:
    if isinstance(piece, dict) and isinstance(piece.get("text"), str):
        return piece["text"]
    return _as_json(piece)


def _call(call: Any) -> Call:
    function = call.get("function", call) if isinstance(call, dict) else {"arguments": call}
    arguments = function.get("arguments", "")
    return Call(visible(str(function.get("name", ""))), visible(arguments if isinstance(arguments, str) else _as_json(arguments)))


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
