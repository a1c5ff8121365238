"""The one way in which text by models and raters becomes HTML.

Markdown without raw HTML and without images, cleaned once more by nh3; characters that cannot be seen (direction overrides, zero
widths, tags, controls) are shown as what they are, so that two answers that look equal are equal.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import nh3
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from markdown_it import MarkdownIt

# Beyond this many characters the Markdown parser can be made to take seconds: the text is then shown as it is.
MARKDOWN_LIMIT = 20_000
SHOWN_LIMIT = 200_000

TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s", "strong",
    "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
_markdown = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": 12}).enable(["table", "strikethrough"])
_markdown.disable("image")

_TAG_RUN = re.compile("[\U000e0000-\U000e007f]+")
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0080-\U000e0fff]"
)
# A joiner between two letters or emoji has work to do; anywhere else it only hides.
_IDLE_JOINER = re.compile("(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])")


def visible(text: str) -> str:
    """`text` with a glyph like ⟨U+202E⟩ for each character that would not be seen; hidden tag letters are spelled out."""
    text = _TAG_RUN.sub(_spelled, text)
    return _IDLE_JOINER.sub(_glyph, _UNSEEN.sub(_glyph, text))


def _glyph(found: re.Match[str]) -> str:
    return f"⟨U+{ord(found[0]):04X}⟩"


def _spelled(found: re.Match[str]) -> str:
    letters = "".join(chr(ord(letter) - 0xE0000) for letter in found[0])
    return f"⟨tags: {''.join(letter if letter.isprintable() else '·' for letter in letters)}⟩"


@lru_cache(maxsize=512)
def render(text: str) -> SafeString:
    """Safe HTML of `text`; the same text is rendered once per process while it is among the last 512."""
    if len(text) > MARKDOWN_LIMIT:
        return _as_it_is(text)
    html = _markdown.render(visible(text))
    clean = nh3.clean(
        html,
        tags=TAGS,
        attributes={"a": {"href"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    return mark_safe(clean)


def _as_it_is(text: str) -> SafeString:
    shown, rest = visible(text[:SHOWN_LIMIT]), len(text) - SHOWN_LIMIT
    if rest <= 0:
        return format_html('<pre class="as-it-is">{}</pre>', shown)
    note = _("… and %(count)d more characters.") % {"count": rest}
    return format_html('<pre class="as-it-is">{}</pre><p>{}</p>', shown, note)


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


def turns(messages: list[dict[str, Any]]) -> list[Turn]:
    """Chat messages in OpenAI's shape as turns; what is not understood is shown as JSON rather than dropped."""
    return [_turn(message) for message in messages]


def _turn(message: dict[str, Any]) -> Turn:
    role = str(message.get("role", ""))
    calls = tuple(_call(call) for call in message.get("tool_calls") or [])
    return Turn(role, _role_label(role), _content_text(message.get("content")), calls)


def _role_label(role: str) -> str:
    labels = {
        "system": pgettext("chat role", "System"),
        "user": pgettext("chat role", "User"),
        "assistant": pgettext("chat role", "Assistant"),
        "tool": pgettext("chat role", "Tool"),
    }
    return labels.get(role, visible(role))


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
