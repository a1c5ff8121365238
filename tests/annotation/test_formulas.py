"""Formulas are drawn as MathML, money is left alone, and what cannot be drawn faithfully is shown as its source."""

from __future__ import annotations

import re
import time
from xml.etree.ElementTree import fromstring

import pytest

from annotation.formulas import FORMULAS_LIMIT, mathml
from annotation.rendering import MARKDOWN_LIMIT, render

SQUARE = (
    '<bdi><math display="{}"><semantics><mrow><msup><mi>x</mi><mn>2</mn></msup></mrow>'
    '<annotation encoding="application/x-tex">x^2</annotation></semantics></math></bdi>'
)


def block(inside: str) -> str:
    return f'<p dir="auto">{inside}</p>\n'


def source(text: str) -> str:
    return f'<code dir="ltr">{text}</code>'


def drawn(html: str) -> str:
    """What is shown of a formula: its text without the annotation."""
    return re.sub("<[^>]+>", "", re.sub("<annotation.*?</annotation>", "", html, flags=re.DOTALL))


@pytest.mark.parametrize(
    ("text", "display"), [("$x^2$", "inline"), (r"\(x^2\)", "inline"), ("$$x^2$$", "block"), (r"\[ x^2 \]", "block")]
)
def test_each_pair_of_delimiters_makes_a_formula(text, display):
    assert render(text) == block(SQUARE.format(display))


@pytest.mark.parametrize(
    "text", ["$5 and $10", "US$5–$10", "$HOME/$USER", "$5 (or 7 A$)", r"\$5 or \$6", "a $ b $ c", "$$", "$ $", "$", "5$ or 6$."]
)
def test_money_and_variables_are_no_formulas(text):
    assert render(text) == block(text.replace("\\", ""))


@pytest.mark.parametrize(("text", "plain"), [("`$x$`", source("$x$")), ("a\\$x$", "a$x$")])
def test_code_and_escapes_are_no_formulas(text, plain):
    assert render(text) == block(plain)


@pytest.mark.parametrize("text", ["the $n$th", "设$n$为", "($n$)", "**$n$**"])
def test_a_formula_may_touch_words(text):
    assert "<math" in render(text)


@pytest.mark.parametrize("text", ["So:\n\\[\na\n+ b\n= c\n\\]\nfor all", "So:\n$$ a\n\n+ b\n= c $$\nfor all"])
def test_a_formula_on_lines_of_its_own_is_neither_list_nor_heading(text):
    before, formula, after = render(text).strip().split("</p>\n")
    assert (before, drawn(formula), after) == ('<p dir="auto">So:', "a+b=c", '<p dir="auto">for all</p>')


def test_a_formula_stays_in_its_list_and_in_its_quotation():
    html = render("- one\n  $$\n  x\n  $$\n- two\n\n> \\[\n> y\n> \\]")
    assert re.findall("</?(?:li|ul|blockquote|math)", html) == [
        "<ul", "<li", "<math", "</math", "</li", "<li", "</li", "</ul", "<blockquote", "<math", "</math", "</blockquote",
    ]  # fmt: skip
    assert "&gt; y" not in html


def test_a_formula_does_not_reach_out_of_its_list():
    assert "<math" not in render("- \\[\n  x\n\ny \\]")


@pytest.mark.parametrize("name", ["align", "align*", "aligned", "gather", "gathered", "cases", "dcases", "pmatrix", "equation"])
def test_environments_are_drawn(name):
    html = render(f"$$\\begin{{{name}}} a \\\\ b \\end{{{name}}}$$")
    assert drawn(html).strip().strip("(){") == "ab"


@pytest.mark.parametrize(
    "formula",
    ["\\foo", "a_b_c", "{", "\\left(x", "\\frac{a}", "a & b", "\\phantom{x}", "\\begin{phantom}x\\end{phantom}", "\\ce{H2O}"],
)
def test_what_cannot_be_drawn_whole_is_shown_as_its_source(formula):
    assert render(f"\\({formula}\\)") == block(source(f"\\({formula}\\)".replace("&", "&amp;")))


@pytest.mark.parametrize(
    "formula",
    [
        "\\def\\a{\\b\\b}\\def\\b{\\c\\c}\\a",
        "\\newcommand{\\a}{x}\\a",
        "\\href{javascript:alert(1)}{x}",
        "\\style{position:fixed}{x}",
        "\\class{notice}{x}",
        "\\unicode{x202E}",
        "\\text{&#x202E;}",
    ],
)
def test_a_formula_that_could_act_grow_or_deceive_is_not_drawn(formula):
    assert mathml(formula, display=False) is None
    assert "<math" not in render(f"${formula}$")


def test_a_formula_holds_no_markup_and_no_style():
    html = render(r"$\text{<img src=x onerror=alert(1)>} \color{red}{x} \hspace{-9em} \rule{99em}{99em} \hspace{1em}$")
    assert "<img" not in html
    inside = re.search("<math.*<annotation", html)[0]
    assert set(re.findall(r" ([a-z]+)=\"", inside)) == {"display", "width"}
    assert '<mspace width="1em">' in html


@pytest.mark.parametrize(
    ("formula", "drawn"),
    [
        (r"n \log n", "n_log_n"),
        (r"2\ln(x)", "2_ln(x)"),
        (r"f(x)\sin^2 y", "f(x)_sin2_y"),
        (r"\max_i a+\cos b", "maxi_a+cos_b"),
        (r"\log\log n", "log_log_n"),
    ],
)
def test_a_named_function_stands_apart_from_letters_beside_it(formula, drawn):
    shown = fromstring(mathml(formula, display=False))[0][0]
    assert "".join("_" if element.tag.endswith("mspace") else element.text or "" for element in shown.iter()) == drawn


def test_a_percent_sign_hides_nothing():
    assert drawn(render("$x = 50% y$ $50\\%$ $a\\\\%b$")) == "x=50%y 50% a%b\n"


def test_what_cannot_be_seen_gets_a_glyph_in_a_formula_too():
    assert "⟨U+202E⟩" in drawn(render("$\\text{a\u202eb}$"))


def test_formulas_beyond_the_limit_are_shown_as_their_source():
    html = render("$x_1 + y$ " * (FORMULAS_LIMIT // 9 + 2))
    assert html.count("<math") == FORMULAS_LIMIT // 9
    assert html.count("<code") == 2


@pytest.mark.parametrize(
    "unit",
    [
        "$", "$$", "$x", "\\(", "\\[", "\\[\n", "$$\n", "$$\n\n", "> \\[\n", "- \\[\n", "> \\[\na\n", "\\[ a\n\n", "$x$ ", "\\(\\)",
        "$1 ", f"${'{' * 900}{'}' * 900}$ ", f"${'x^{' * 300}{'}' * 300}$ ", f"${'a&' * 900}$ ", "$\\verb|",
        "$\\sqrt" + "\\sqrt" * 300 + " x$ ", "$" + "\\left(" * 100 + "\\right)" * 100 + "$ ", "$\\text{$x$}$",
    ],
)  # fmt: skip
def test_hostile_formulas_are_rendered_quickly(unit):
    began = time.thread_time()
    render((unit * MARKDOWN_LIMIT)[:MARKDOWN_LIMIT])
    assert time.thread_time() - began < 2
