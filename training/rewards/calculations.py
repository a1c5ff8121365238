"""Share of an answer's calculator annotations that are right: GSM8K writes `48/2 = <<48/2=24>>24` (Cobbe et al. 2021, §3).

An annotation is right when its left side is arithmetic (+ - * / and brackets, at least one of them) whose exact value is what
stands on the right: exactly for a whole number, rounded or cut at its last digit for one with decimals. An answer without
annotations is worth 0. The rule does not look at the question: a model may learn to write sums that are right and beside the point.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from training.rewards.numbers import number

if TYPE_CHECKING:
    from training.rewards import Answer

TITLE = "Right calculations"
ANNOTATION = re.compile(r"<<([^<>\n]*)>>")
LONGEST = 100  # characters of an annotation
TOKEN = re.compile(r"\s*(?:(\d{1,20}(?:\.\d{0,20})?|\.\d{1,20})|([-+*/()]))")


def check(metadata: dict[str, Any]) -> None:
    """Nothing is needed of the prompt."""


def reward(answer: Answer) -> float:
    """Share of the annotations that are right, 0 where there is none."""
    found = ANNOTATION.findall(answer.text)
    return sum(map(right, found)) / len(found) if found else 0.0


def right(annotation: str) -> bool:
    """True where `a*b=c` holds."""
    if len(annotation) > LONGEST:
        return False
    left, equals, claim = annotation.replace(",", "").rpartition("=")
    claimed = number(claim)
    if not equals or claimed is None or not re.search(r"\d[\d.\s)]*[-+*/]", left):
        return False
    try:
        exact = value(left)
    except (ValueError, ZeroDivisionError):
        return False
    decimals = len(claim.strip().partition(".")[2])
    return exact == claimed if not decimals else abs(exact - claimed) < Fraction(1, 10**decimals)


def value(expression: str) -> Fraction:
    """The exact value of an arithmetic expression. ValueError where it is none, ZeroDivisionError where it divides by 0."""
    tokens = _tokens(expression)
    found = _sum(tokens)
    if tokens:
        raise ValueError(f"{tokens[-1]!r} is out of place")
    return found


def _tokens(expression: str) -> list[str]:
    """Numbers and signs, the first one last: what reads them pops them."""
    found, at = [], 0
    bare = expression.rstrip()
    while at < len(bare):
        token = TOKEN.match(bare, at)
        if token is None:
            raise ValueError(f"{bare[at]!r} is no arithmetic")
        found.append(token[1] or token[2])
        at = token.end()
    return found[::-1]


def _sum(tokens: list[str]) -> Fraction:
    total = _product(tokens)
    while tokens and tokens[-1] in "+-":
        total = total + _product(tokens) if tokens.pop() == "+" else total - _product(tokens)
    return total


def _product(tokens: list[str]) -> Fraction:
    total = _factor(tokens)
    while tokens and tokens[-1] in "*/":
        total = total * _factor(tokens) if tokens.pop() == "*" else total / _factor(tokens)
    return total


def _factor(tokens: list[str]) -> Fraction:
    """A number, a bracket, or either with a sign before it."""
    token = tokens.pop() if tokens else "nothing"
    if token in "+-":
        return _factor(tokens) if token == "+" else -_factor(tokens)
    if token == "(":
        found = _sum(tokens)
        if not tokens or tokens.pop() != ")":
            raise ValueError("a bracket is not closed")
        return found
    return Fraction(token)
