"""Comparisons: prompts with two answers, each in a column of its own, of which a person preferred one.

A prompt (see `prompts.py`) and {"answer_a", "answer_b": text or [chat messages], "preference": "a-is-slightly-better" or the
like}, with optional "model_a", "model_b", "acceptable_a", "acceptable_b", "rater", "seconds", "created", "comment"; or {"chosen",
"rejected"} in place of the answers and the preference, as in TRL's preference format (huggingface.co/docs/trl/dataset_formats).
`annotation/preferences.py` says which words state a preference.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation import rowfields
from annotation.columns import COMMON, JUDGED, PROMPT, Field
from annotation.imports import prompts
from annotation.judged import UNNAMED, Answer, Grades, Judged, shown
from annotation.preferences import Preference, preference

TITLE = gettext_lazy("Comparisons")
HELP = gettext_lazy(
    "A prompt, two answers and which is better: “answer_a”, “answer_b” and “preference” (a-is-better, a-is-slightly-better, tie, "
    "b-is-much-better, both bad …), or “chosen” and “rejected”."
)
EXAMPLE = {
    "prompt": "Why is the sky blue?",
    "answer_a": "Air scatters blue light most.",
    "answer_b": "It reflects the sea.",
    "preference": "a-is-much-better",
    "rater": "ana",
}
SIDES = ("a", "b")
WORDS = ("answer", "response", "completion", "output")
FIELDS = (
    *PROMPT,
    Field("answer_a", gettext_lazy("Answer A"), tuple(f"{word}{end}" for word in WORDS for end in ("_a", "_1", "1"))),
    Field("answer_b", gettext_lazy("Answer B"), tuple(f"{word}{end}" for word in WORDS for end in ("_b", "_2", "2"))),
    Field("preference", gettext_lazy("Which is better"), ("preferred", "choice", "winner", "label", "better", "verdict")),
    Field("chosen", gettext_lazy("Chosen answer"), ("accepted", "preferred_response", "better_response")),
    Field("rejected", gettext_lazy("Rejected answer"), ("dispreferred_response", "worse_response")),
    Field("model_a", gettext_lazy("Model of answer A"), ("model_1", "chosen_model")),
    Field("model_b", gettext_lazy("Model of answer B"), ("model_2", "rejected_model")),
    Field("acceptable_a", gettext_lazy("Answer A is acceptable"), ("completion_a_is_acceptable",)),
    Field("acceptable_b", gettext_lazy("Answer B is acceptable"), ("completion_b_is_acceptable",)),
    Field("comment", gettext_lazy("Comment"), ("rationale", "reason", "explanation")),
    *JUDGED,
    *COMMON,
)  # fmt: skip
SIGNS = tuple(
    (asked, *judged)
    for asked in ("prompt", "messages")
    for judged in (("answer_a", "answer_b", "preference"), ("chosen", "rejected"))
)
YES, NO = ("yes", "true", "1", "acceptable"), ("no", "false", "0", "unacceptable")


def items(values: dict[str, Any]) -> list[Judged]:
    """What a row holds: one comparison."""
    prompt = prompts.parse(values)
    columns, said = _said(values)
    answers = [Answer(rowfields.answer(values, column), _model(values, side)) for column, side in zip(columns, SIDES, strict=True)]
    return [
        Judged(
            kind="compare",
            prompt=prompt,
            answers=shown(answers),
            grades=said.grades | _acceptable(values),
            rater=rowfields.person(values) or UNNAMED,
            seconds=rowfields.duration(values),
            created=rowfields.moment(values),
            comment=rowfields.text_field(values, "comment", 5000),
        )
    ]


def _said(values: dict[str, Any]) -> tuple[tuple[str, str], Preference]:
    """The columns of the two answers, and which of them is better."""
    pair, pairs = ("chosen", "rejected"), ("answer_a", "answer_b", "preference")
    if all(name in values for name in pair):
        return pair, Preference(0)
    if missing := [name for name in pairs if name not in values]:
        raise ValueError(_("%(name)s: is missing or empty") % {"name": missing[0]})
    return ("answer_a", "answer_b"), preference(values["preference"], (_model(values, "a"), _model(values, "b")))


def _model(values: dict[str, Any], side: str) -> str:
    return rowfields.text_field(values, f"model_{side}", 200) or UNNAMED


def _acceptable(values: dict[str, Any]) -> Grades:
    """1 or 0 for each answer of which it was said whether it is acceptable."""
    called = [_flag(values, f"acceptable_{side}") for side in SIDES]
    return {} if called == [None, None] else {"acceptable": called}


def _flag(values: dict[str, Any], name: str) -> float | None:
    word = str(values.get(name, "")).strip().lower()
    if word in YES or word in NO:
        return float(word in YES)
    if word:
        raise ValueError(_("%(name)s: must be yes or no") % {"name": name})
    return None
