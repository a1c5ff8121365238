"""Which way a text runs: every block by its own first letter, so that Arabic and English side by side both read right. No Django.

Blocks that hold words get `dir="auto"` (`rendering.py`). That word looks past children that have a direction of their own, so
a list, a quotation or a table would never find one: theirs is worked out here. Code runs from left to right, and does not decide.
"""

from __future__ import annotations

import unicodedata

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

CONTAINERS = ("ul", "ol", "li", "blockquote", "table")


def direction(text: str) -> str:
    """`rtl` or `ltr`, by the first letter that has a direction; empty where none has."""
    for character in text:
        strong = unicodedata.bidirectional(character)
        if strong in {"R", "AL"}:
            return "rtl"
        if strong == "L":
            return "ltr"
    return ""


def directions(markdown: MarkdownIt) -> None:
    """A plug-in for markdown-it that gives containers the direction of the first words in them."""
    markdown.core.ruler.push("directions", _direct)


def _direct(state: StateCore) -> None:
    following = "ltr"
    for token in reversed(state.tokens):
        if token.type == "inline":
            following = _of_words(token) or following
            _left_to_right_code(token)
        elif token.nesting == 1 and token.tag in CONTAINERS:
            token.attrSet("dir", following)
        elif token.type in {"fence", "code_block"}:
            token.attrSet("dir", "ltr")


def _of_words(inline: Token) -> str:
    return direction("".join(child.content for child in inline.children or [] if child.type == "text"))


def _left_to_right_code(inline: Token) -> None:
    for child in inline.children or []:
        if child.type == "code_inline":
            child.attrSet("dir", "ltr")
