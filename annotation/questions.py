"""What people answered to the questions of another tool, as judgements: texts, ratings, rankings and choices about named answers.

text     a demonstration; of a question that asks why, the comment of that person's other judgements
rating   a `rate` judgement; the question's name is its aspect, save that “rating”, “quality” and the like are `overall`
ranking  a `rank` judgement; answers of one rank are a tier
choice   of two answers a `compare` judgement; of one, where it says good or bad, a `rate` judgement of aspect `acceptable`
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from annotation import chat
from annotation.imports.prompts import PromptRow
from annotation.judged import FEWEST, Answer, Judged, below, shown, written
from annotation.preferences import compared, preference

OVERALL = {"rating", "quality", "overall", "score", "overall_rating", "overall_quality"}
REASONS = {"comment", "comments", "rationale", "reason", "reasons", "reasoning", "explanation", "why", "feedback", "note", "notes"}
GOOD, BAD = {"good", "yes", "acceptable", "accept", "up", "positive"}, {"bad", "no", "unacceptable", "reject", "down", "negative"}
LONGEST_ASPECT = 60


@dataclass(frozen=True)
class Said:
    """One answer to one question. `value` is a text, a number, tiers of answers' names (best first), or the word chosen."""

    question: str
    form: str  # text, rating, ranking, choice
    value: Any


@dataclass
class Sitting:
    """All that one person said of the answers to one prompt; `answers` are by the names that the tool gives them."""

    prompt: PromptRow
    answers: dict[str, Answer]
    rater: str
    said: list[Said] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)  # seconds, created

    def judgements(self) -> list[Judged]:
        """What it becomes. ValueError says what of it cannot be understood."""
        reasons = [said.value for said in self._of("text") if words(said.question) & REASONS]
        facts = self.facts | {"comment": "\n".join(reasons)[:5000]}
        texts = [said.value for said in self._of("text") if not words(said.question) & REASONS]
        return [
            *(written(self.prompt, chat.said(text), self.rater, **self.facts) for text in texts if text.strip()),
            *(self._ranked(said, facts) for said in self._of("ranking")),
            *(self._compared(said, facts) for said in self._of("choice") if len(self.answers) == FEWEST),
            *self._rated(facts),
        ]

    def _of(self, form: str) -> list[Said]:
        return [said for said in self.said if said.form == form]

    def _ranked(self, said: Said, facts: dict[str, Any]) -> Judged:
        tier_of = {self._named(name): tier for tier, names in enumerate(said.value, 1) for name in names}
        answers = shown([self.answers[name] for name in tier_of])
        return Judged("rank", self.prompt, answers, {"overall": below(list(tier_of.values()))}, rater=self.rater, **facts)

    def _named(self, name: Any) -> str:
        found = named(self.answers, str(name))
        if not found:
            raise ValueError(_("“%(name)s” is none of the answers: %(names)s") % {"name": name, "names": ", ".join(self.answers)})
        return found

    def _compared(self, said: Said, facts: dict[str, Any]) -> Judged:
        first, second = self.answers
        return compared(
            self.prompt, list(self.answers.values()), preference(said.value, (first, second)), rater=self.rater, **facts
        )

    def _rated(self, facts: dict[str, Any]) -> Iterable[Judged]:
        """One judgement of all ratings: in it they can be compared with each other."""
        names = list(self.answers)
        grades: dict[str, list[float | None]] = {}
        for place, aspect, value in self._ratings(names):
            grades.setdefault(aspect, [None] * len(names))[place] = value
        if grades:
            yield Judged("rate", self.prompt, list(self.answers.values()), grades, rater=self.rater, **facts)

    def _ratings(self, names: list[str]) -> Iterable[tuple[int, str, float]]:
        for said in self._of("rating"):
            place, aspect = _rated_of(said.question, names)
            yield place, aspect, _number(said)
        for said in self._of("choice"):
            if len(names) == 1 and (spoken := words(str(said.value))) & (GOOD | BAD):
                yield 0, "acceptable", float(not spoken & BAD)


def _rated_of(question: str, names: list[str]) -> tuple[int, str]:
    """Which answer a rating question is about, and the aspect: “helpful_2” is `helpful` of the answer whose name ends in 2."""
    if len(names) == 1:
        return 0, _aspect(question)
    for place, name in enumerate(names):
        if name in question:
            return place, _aspect(question.replace(name, ""))
    ends = [place for place, name in enumerate(names) if ending(name) and ending(name) == ending(question)]
    if len(ends) != 1:
        raise ValueError(
            _("%(question)s: which of %(names)s it rates cannot be seen") % {"question": question, "names": ", ".join(names)}
        )
    return ends[0], _aspect(question[: -len(ending(question))])


def _aspect(question: str) -> str:
    plain = "_".join(re.findall(r"[^\W_]+", question.lower()))[:LONGEST_ASPECT]
    return "overall" if plain in OVERALL or not plain else plain


def _number(said: Said) -> float:
    try:
        value = float("nan") if isinstance(said.value, bool) else float(said.value)
    except (TypeError, ValueError):
        value = float("nan")
    if not math.isfinite(value):
        raise ValueError(_("%(name)s: must be a number") % {"name": said.question})
    return value


def named(answers: Iterable[str], name: str) -> str:
    """Which of the answers a name means: its own, else the one that ends in the same number or letter; empty when none does."""
    answers = list(answers)
    ends = [own for own in answers if ending(own) and ending(own) == ending(name)]
    return name if name in answers else ends[0] if len(ends) == 1 else ""


def words(text: str) -> set[str]:
    """The words of a name or a phrase, in small letters."""
    return set(re.findall(r"[a-z]+", text.lower()))


def ending(name: str) -> str:
    """The number, or the single letter, that ends a name; empty where there is none."""
    found = re.search(r"(\d+|(?<![^\W_])[a-zA-Z])$", name)
    return found[0].lower() if found else ""
