"""Which of two answers a person prefers and how much, from the words in which files say it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from annotation.imports.prompts import PromptRow
from annotation.judged import Answer, Grades, Judged, shown

SIDES = (("left", "right"), ("first", "second"), ("a", "b"), ("1", "2"))
TIES = {"tie", "tied", "equal", "equally", "same", "draw", "both"}
SLIGHT = {"slightly", "marginally", "negligibly"}
MUCH = {"much", "far", "clearly", "significantly", "strongly", "definitely"}
SLIGHTLY, BETTER, MUCH_BETTER = 1, 2, 3


@dataclass(frozen=True)
class Preference:
    """`better` is the place of the preferred answer, 0 or 1; None is a tie. `strength` runs from 1, slightly, to 3, much."""

    better: int | None
    strength: int = BETTER
    both_bad: bool = False

    @property
    def grades(self) -> Grades:
        """As the desk grades a comparison: the preferred answer has the strength, the other 0; both bad are not acceptable."""
        overall: list[float | None] = [float(self.strength) if place == self.better else 0.0 for place in (0, 1)]
        return {"overall": overall} | ({"acceptable": [0.0, 0.0]} if self.both_bad else {})


def preference(value: Any, names: tuple[str, str] = ("", "")) -> Preference:
    """The preference that a word or phrase states; `names` are the two answers' own. ValueError when it states none.

    “a-is-slightly-better”, “model_b”, “left”, “Response 2 is much better”, “tie”, “tie (bothbad)”, “neither”. Where nothing is
    said of how much, it is plainly better, the middle of the three strengths.
    """
    said = str(value).strip().lower()
    named = [name.strip().lower() for name in names]
    if said and said in named and named[0] != named[1]:
        return Preference(named.index(said))
    words = set(re.findall(r"[a-z]+|[0-9]+", said))
    if words & {"bothbad", "neither"} or {"both", "bad"} <= words:
        return Preference(None, both_bad=True)
    if words & TIES:
        return Preference(None)
    for first, second in SIDES:
        if (first in words) != (second in words):
            return Preference(int((second in words) != ("worse" in words)), _strength(words))
    raise ValueError(_("preference: “%(value)s” says neither which answer is better nor that they tie") % {"value": said[:60]})


def _strength(words: set[str]) -> int:
    return SLIGHTLY if words & SLIGHT else MUCH_BETTER if words & MUCH else BETTER


def compared(prompt: PromptRow, answers: list[Answer], said: Preference, **facts: Any) -> Judged:
    """The judgement of a comparison."""
    return Judged("compare", prompt, shown(answers), said.grades, **facts)
