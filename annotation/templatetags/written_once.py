"""Template words whose result stays the same, found once: Django looks up the same sentences and paths again on every page.

Every `{% load i18n %}` gets this library (`config/settings.py`): Django's own, with a `translate` that remembers.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache
from typing import Any

from django.template import Context, Library, Node, NodeList, defaulttags
from django.template.base import FilterExpression, Parser, Token
from django.templatetags import i18n
from django.urls import get_script_prefix, get_urlconf, reverse
from django.utils.translation import get_language

MOST = 500  # of what one node remembers
FIRST_STAND_IN = 7_000_001

register = Library()
register.tags.update(i18n.register.tags)
register.filters.update(i18n.register.filters)


class Remembered(Node):
    """What a node says, by language and by values."""

    def __init__(self, said: Node | NodeList, values: list[FilterExpression]):
        self.said, self.values = said, values
        self.known: dict[Hashable, str] = {}

    def render(self, context: Context) -> str:
        key = (get_language(), *(str(value.resolve(context)) for value in self.values))
        if key not in self.known:
            if len(self.known) >= MOST:
                self.known.clear()
            self.known[key] = self.said.render(context)
        return self.known[key]


@register.tag("translate")
@register.tag("trans")
def translate(parser: Parser, token: Token) -> Node:
    """Django's `translate`; a sentence that the template spells out is looked up once a language."""
    node = i18n.do_translate(parser, token)
    return Remembered(node, []) if _spelled_out(node) else node


def _spelled_out(node: Any) -> bool:
    said = node.filter_expression
    return said.var.literal is not None and not (said.filters or node.asvar or node.message_context or node.noop)


@register.tag
def once(parser: Parser, token: Token) -> Node:
    """`{% once a b %}…{% endonce %}`: drawn once for each language and each `a` and `b`. What is inside must follow from these."""
    values = [parser.compile_filter(word) for word in token.split_contents()[1:]]
    inside = parser.parse(("endonce",))
    parser.delete_first_token()
    return Remembered(inside, values)


class Path(defaulttags.URLNode):
    """A path with numbers in it, which Django's resolver writes once; every other as Django does."""

    def render(self, context: Any) -> str:
        args = [arg.resolve(context) for arg in self.args]
        name = self.view_name.resolve(context)
        if self.kwargs or self.asvar or ":" in name or any(type(arg) is not int for arg in args):
            return super().render(context)
        pieces = _pieces(name, len(args), get_urlconf(), get_script_prefix())
        return "".join([piece + end for piece, end in zip(pieces, [*map(str, args), ""], strict=True)])


@lru_cache(maxsize=MOST)
def _pieces(name: str, count: int, urlconf: str | None, _prefix: str) -> list[str]:
    """The path's text before, between and after its numbers."""
    stand_ins = [FIRST_STAND_IN + number for number in range(count)]
    rest, pieces = reverse(name, urlconf=urlconf, args=stand_ins), []
    for stand_in in stand_ins:
        piece, rest = rest.split(str(stand_in))
        pieces.append(piece)
    return [*pieces, rest]


@register.tag
def url(parser: Parser, token: Token) -> Node:
    """Django's `url`, by `Path`."""
    node = defaulttags.url(parser, token)
    return Path(node.view_name, node.args, node.kwargs, node.asvar)
