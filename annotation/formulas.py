r"""Formulas in Markdown: `$…$`, `$$…$$`, `\(…\)` and `\[…\]` become MathML; one that cannot be drawn stays as its source.

latex2mathml does the drawing. What it makes is hostile too: its text is escaped here, its attributes are for `rendering.py` to
allow, and a formula that defines macros (they can grow without bound), hides text or is not understood whole is not drawn at all.
The rules for delimiters are our own: the four pairs would need two plug-ins of mdit-py-plugins, both quadratic on hostile text.
Here every character is looked at a bounded number of times. No Django.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

# Characters. The converter takes about 8 µs for each, so that the formulas of one text cost at most some 50 ms.
FORMULA_LIMIT = 2_000
FORMULAS_LIMIT = 6_000
DEEPEST = 40  # elements inside each other

TAGS = {
    "math", "semantics", "annotation", "menclose", "mfrac", "mi", "mmultiscripts", "mn", "mo", "mover", "mroot", "mrow", "mspace",
    "msqrt", "mstyle", "msub", "msubsup", "msup", "mtable", "mtd", "mtext", "mtr", "munder", "munderover",
}  # fmt: skip
ATTRIBUTES = {
    "math": {"display"},
    "annotation": {"encoding"},
    "menclose": {"notation"},
    "mfrac": {"linethickness"},
    "mi": {"mathvariant"},
    "mn": {"mathvariant"},
    "mo": {"accent", "fence", "form", "largeop", "maxsize", "minsize", "movablelimits", "stretchy"},
    "mover": {"accent"},
    "mspace": {"width"},
    "mstyle": {"displaystyle", "scriptlevel"},
    "mtable": {"displaystyle"},
    "mtd": {"columnalign"},
    "mtext": {"mathvariant"},
    "munder": {"accentunder"},
}
# What a text may measure: a negative space would draw it over its neighbours, a large one off the page.
_LENGTHS = {"linethickness", "maxsize", "minsize", "width"}
_LENGTH = re.compile(r"0|[0-3]?(?:\.\d+)?(?:em|pt|px)")
_CHILDREN = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "mover": 2, "munder": 2, "msubsup": 3, "munderover": 3}

# A dollar sign is also money and the start of a variable: it opens a formula only before something that is not space, closes it
# only after such, and no digit may follow (as in pandoc); a number and then words between two of them is about money.
_DELIMITED = {
    "$$": re.compile(r"\$\$((?:[^\\$]|\\.|\$(?!\$))++)\$\$", re.DOTALL),
    "$": re.compile(r"(?<![0-9A-Za-z$])\$(?![\s$])((?:[^\\$]|\\.)++)(?<![\s/:])\$(?![\d$])", re.DOTALL),
    r"\(": re.compile(r"\\\(((?:[^\\]|\\[^()])++)\\\)", re.DOTALL),
    r"\[": re.compile(r"\\\[((?:[^\\]|\\[^\[\]])++)\\\]", re.DOTALL),
}
_DISPLAYED = ("$$", r"\[")
_PRICE = re.compile(r"\d[\d.,]*[^\\{]*(?<![^\s(])[^\W\d_]{2,}\s")

_REFUSED = re.compile(
    r"&#|\\(?:(?:re|provide)?newcommand|providecommand|[egx]?def|let|(?:re)?newenvironment|DeclareMathOperator"
    r"|class|cssId|href|style|unicode|url)(?![A-Za-z])"
)
_COMMENT = re.compile(r"(\\.)|%", re.DOTALL)
_NUMBERED = re.compile(r"\\(?:begin|end)\{equation\*?\}")
_ENVIRONMENT = re.compile(r"\\(begin|end)\{(align|aligned|dcases|eqnarray|gather|gathered|multline)\*?\}")
_KNOWN_AS = {"dcases": "cases", "gather": "matrix", "gathered": "matrix", "multline": "matrix"}
# Drawn upright, with a thin space to the letters beside them (Knuth, The TeXbook, chapter 18): n log n is not nlogn.
_NAMED = re.compile(
    "arc(?:cos|sin|tan)|(?:cos|cot|sin|tan)h?|sec|csc|arg|deg|det|dim|exp|gcd|hom|inf|ker|l[gn]|log|lim(?:inf|sup)?|max|min|Pr|sup"
)
_ENTITY = re.compile(r"&#x([0-9A-Fa-f]+);")


def formulas(markdown: MarkdownIt) -> None:
    """A plug-in for markdown-it: the rules that find formulas, and the one that draws them."""
    markdown.inline.ruler.before("escape", "formula", _inside_a_line)
    markdown.block.ruler.before(
        "fence", "formula_block", _on_lines_of_its_own, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    markdown.add_render_rule("formula", _drawn)
    markdown.add_render_rule("formula_block", lambda *of: f"<p>{_drawn(*of)}</p>\n")


def _inside_a_line(state: StateInline, silent: bool) -> bool:
    two = state.src[state.pos : state.pos + 2]
    opening = two if two in _DELIMITED else two[:1]
    if opening not in _DELIMITED:
        return False
    found = _DELIMITED[opening].match(state.src, state.pos, min(state.posMax, state.pos + FORMULA_LIMIT))
    if not found or not found[1].strip() or (opening == "$" and _PRICE.match(found[1])):
        return False
    if not silent:
        token = state.push("formula", "math", 0)
        token.content, token.markup = found[0], opening
    state.pos = found.end()
    return True


def _on_lines_of_its_own(state: StateBlock, first: int, end: int, silent: bool) -> bool:
    if state.is_code_block(first):
        return False
    start = state.bMarks[first] + state.tShift[first]
    opening = state.src[start : start + 2]
    found = opening in _DISPLAYED and _DELIMITED[opening].match(state.src, start, start + FORMULA_LIMIT)
    if not found or not found[1].strip():
        return False
    last = bisect_right(state.bMarks, found.end() - 1, first) - 1
    if last >= end or state.src[found.end() : state.eMarks[last]].strip() or not _of_one_container(state, first, last):
        return False
    if not silent:
        token = state.push("formula_block", "math", 0)
        rest = state.getLines(first + 1, last + 1, state.blkIndent, False)
        token.content, token.markup = f"{state.src[start : state.eMarks[first]]}\n{rest}".strip(), opening
        token.map = [first, last + 1]
    state.line = last + 1
    return True


def _of_one_container(state: StateBlock, first: int, last: int) -> bool:
    """Whether no line between them ends the list or quotation that the first is in."""
    return all(state.sCount[line] >= state.blkIndent or state.isEmpty(line) for line in range(first + 1, last + 1))


def _drawn(_renderer: Any, tokens: Sequence[Token], at: int, _options: Any, env: Any) -> str:
    """The formula as MathML, apart from the direction of the text around it; its source where that cannot be."""
    token = tokens[at]
    env["formulas"] = env.get("formulas", 0) + len(token.content)
    source = token.content[len(token.markup) : -len(token.markup)].strip()
    drawn = mathml(source, token.markup in _DISPLAYED) if env["formulas"] <= FORMULAS_LIMIT else None
    return f"<bdi>{drawn}</bdi>" if drawn else f'<code dir="ltr">{escapeHtml(token.content)}</code>'


@lru_cache(maxsize=2048)
def mathml(source: str, display: bool) -> str | None:
    """MathML of a formula in LaTeX, with its source as annotation. None where it cannot be drawn, or not as what it says."""
    from latex2mathml.converter import Converter

    if _REFUSED.search(source):
        return None
    try:
        math = Converter(display="block" if display else "inline").convert_to_element(_prepared(source))
        if not _understood(math, DEEPEST):
            return None
    except Exception:  # Hostile LaTeX makes the converter raise anything: IndexError, StopIteration, RecursionError …
        return None
    for row in math.iter("mrow"):
        _space_names(row)
    return tostring(_annotated(math, source), encoding="unicode")


def _prepared(source: str) -> str:
    """A percent sign is a percent sign, not a comment that would hide the rest; environments under the names that are known."""
    source = _COMMENT.sub(lambda found: found[1] or r"\%", source)
    source = _NUMBERED.sub(" ", source)
    return _ENVIRONMENT.sub(lambda found: rf"\{found[1]}{{{_KNOWN_AS.get(found[2], 'align*')}}}", source)


def _understood(element: Element, depth: int) -> bool:
    """Whether all of it will show as meant; on the way, text becomes text and lengths that mislead are dropped."""
    text = element.text = _ENTITY.sub(lambda found: chr(int(found[1], 16)), element.text or "")
    unknown = text in {"&", "}"} or (text.startswith("\\") and len(text) > 1 and element.tag != "mtext")
    if unknown or element.tag == "mphantom" or not depth or len(element) != _CHILDREN.get(element.tag, len(element)):
        return False
    for name in _LENGTHS & element.attrib.keys():
        if not _LENGTH.fullmatch(element.attrib[name]):
            del element.attrib[name]
    return all(_understood(child, depth - 1) for child in element)


def _space_names(row: Element) -> None:
    """A thin space on each side of a named function where a letter, a number or another name stands there."""
    spaced: list[Element] = []
    for child in row:
        if spaced and (_is_name(child) or _is_name(spaced[-1])) and _ends_a_thing(spaced[-1]) and _begins_a_thing(child):
            spaced.append(Element("mspace", width=".167em"))
        spaced.append(child)
    row[:] = spaced


def _is_name(element: Element) -> bool:
    base = element[0] if element.tag in {"msub", "msup", "msubsup", "munder", "munderover"} else element
    return _NAMED.fullmatch(base.text or "") is not None


def _begins_a_thing(element: Element) -> bool:
    return element.tag not in {"mo", "mspace"} or _is_name(element)


def _ends_a_thing(element: Element) -> bool:
    return _begins_a_thing(element) or element.text in {")", "]", "!"}


def _annotated(math: Element, source: str) -> Element:
    """<math> around <semantics>: what is shown, then where it comes from, for whoever copies or reads the page by program."""
    shown = list(math)
    for child in shown:
        math.remove(child)
    semantics = SubElement(math, "semantics")
    semantics.extend(shown)
    SubElement(semantics, "annotation", encoding="application/x-tex").text = source
    return math
