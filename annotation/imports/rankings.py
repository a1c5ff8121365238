"""Rankings: prompts with two to nine answers that a person put in order, called acceptable or not, or both.

A prompt (see `prompts.py`) and {"answers": [{"text" or "messages", "model"}], "ranks": [1 is best, equal is a tie],
"acceptable": [true, false], "rater": name}, with optional "seconds", "created". `ranks` or `acceptable` must be there.
Rows with the same prompt and answers become one task with a filled seat for each rater. A row that says of two answers how much
better one is ("strength": 1 slightly, 2 plainly, 3 much) is a comparison; any other row is a ranking.
"""

from __future__ import annotations

import math
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation import rowfields
from annotation.columns import COMMON, JUDGED, PROMPT, Field
from annotation.imports import prompts
from annotation.judged import FEWEST, MOST, UNNAMED, Answer, Grades, Judged, below, shown
from annotation.preferences import MUCH_BETTER, SLIGHTLY, Preference

TITLE = gettext_lazy("Rankings")
HELP = gettext_lazy(
    "A prompt, its “answers”, and one rater's “ranks” (1 is best, equal is a tie), “acceptable”, or both, one a row. "
    "Of two answers “strength” may say how much better one is: 1 slightly, 2 plainly, 3 much."
)
EXAMPLE = {
    "prompt": "Why is the sky blue?",
    "answers": [{"text": "Air scatters blue light most.", "model": "a"}, {"text": "It reflects the sea.", "model": "b"}],
    "ranks": [1, 2],
    "acceptable": [True, False],
    "rater": "ana",
    "licence": "CC0-1.0",
}
FIELDS = (
    *PROMPT,
    Field("answers", gettext_lazy("Answers, a list"), ("responses", "completions", "outputs", "generations")),
    Field("ranks", gettext_lazy("Ranks, a list"), ("rank", "ranking")),
    Field("acceptable", gettext_lazy("Acceptable or not, a list")),
    Field("strength", gettext_lazy("How much better, 1 to 3"), ("margin",)),
    *JUDGED,
    *COMMON,
)
SIGNS = (("prompt", "answers", "ranks"), ("messages", "answers", "ranks"), ("prompt", "answers", "acceptable"))


def items(values: dict[str, Any]) -> list[Judged]:
    """What a row holds: one ranking, or one comparison."""
    return [parse(values)]


def parse(values: dict[str, Any]) -> Judged:
    """The ranking or comparison that a row holds. ValueError names the field that is wrong."""
    answers = _answers(rowfields.json_field(values, "answers"))
    grades = _grades(values, len(answers))
    strength = _strength(values, len(answers))
    if strength is not None:
        grades |= _compared(grades["overall"], strength)
    return Judged(
        kind="rank" if strength is None else "compare",
        prompt=prompts.parse(values),
        answers=answers,
        grades=grades,
        rater=rowfields.needed_text(values, "rater", rowfields.LONGEST_NAME),
        seconds=rowfields.duration(values),
        created=rowfields.moment(values),
    )


def _answers(value: Any) -> list[Answer]:
    if not isinstance(value, list) or not FEWEST <= len(value) <= MOST:
        counts = {"fewest": FEWEST, "most": MOST}
        raise ValueError(_("answers: must be a list of %(fewest)d to %(most)d answers") % counts)
    return shown([_answer(item, f"answers[{place}]") for place, item in enumerate(value)])


def _answer(item: Any, where: str) -> Answer:
    if not isinstance(item, dict):
        raise ValueError(_("%(where)s: must be an object with “text” or “messages”, and “model”") % {"where": where})
    try:
        messages = rowfields.answer(item, "messages" if item.get("messages") is not None else "text")
        return Answer(messages, rowfields.text_field(item, "model", 200) or UNNAMED)
    except ValueError as error:
        raise ValueError(f"{where}.{error}") from None


def _grades(values: dict[str, Any], count: int) -> Grades:
    """Aspect `overall`: how many distinct ranks lie below; aspect `acceptable`: 1 or 0, where it was said."""
    ranks, acceptable = (_list(values, name, count) for name in ("ranks", "acceptable"))
    if acceptable is not None and not all(isinstance(value, bool) for value in acceptable):
        raise ValueError(_("acceptable: must hold true or false for each answer"))
    if ranks is not None and not all(_is_rank(value) for value in ranks):
        raise ValueError(_("ranks: must hold a number for each answer, 1 for the best, equal for ties"))
    if ranks is None and acceptable is None:
        raise ValueError(_("give “ranks”, “acceptable”, or both"))
    called: list[float | None] = [float(value) for value in acceptable or []]
    overall = below(ranks) if ranks is not None else called
    return {"overall": overall} | ({"acceptable": called} if called else {})


def _list(values: dict[str, Any], name: str, count: int) -> list[Any] | None:
    value = rowfields.json_field(values, name)
    if value is not None and (not isinstance(value, list) or len(value) != count):
        raise ValueError(
            _("%(name)s: must be a list with one value for each of the %(count)d answers") % {"name": name, "count": count}
        )
    return value


def _is_rank(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _strength(values: dict[str, Any], count: int) -> int | None:
    strength = rowfields.json_field(values, "strength")
    if strength is None:
        return None
    if count != FEWEST or isinstance(strength, bool) or strength not in range(SLIGHTLY, MUCH_BETTER + 1):
        raise ValueError(_("strength: must be 1, 2 or 3, and only of two answers"))
    return int(strength)


def _compared(overall: list[float | None], strength: int) -> Grades:
    """How the desk grades a comparison, from an order of two answers."""
    better = None if overall[0] == overall[1] else overall.index(1.0)
    return Preference(better, strength).grades
