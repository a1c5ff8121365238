"""Logged rewards: answers that were given somewhere, each with a number that says how good it was, for the recipe `awr`.

A prompt (see `prompts.py`) and {"response": "text" or [chat messages], "reward": number}, with optional "model" (that answered),
"rater" (who or what gave the reward), "seconds", "created". They become filled seats of rate tasks in the aspect `reward`.
"""

from __future__ import annotations

import math
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation import rowfields
from annotation.columns import COMMON, JUDGED, PROMPT, Field
from annotation.imports import prompts
from annotation.imports.demonstrations import RESPONSES
from annotation.judged import UNNAMED, Answer, Judged

ASPECT = "reward"

TITLE = gettext_lazy("Logged rewards")
HELP = gettext_lazy(
    "A prompt, the “response” that it got, and its “reward” (a number; higher is better), one a row; “model” says who answered, "
    "“rater” who or what gave the reward."
)
EXAMPLE = {"prompt": "Why is the sky blue?", "response": "It reflects the sea.", "reward": -0.4, "model": "b", "licence": "CC0-1.0"}
FIELDS = (
    *PROMPT,
    Field("response", gettext_lazy("Response"), RESPONSES),
    Field("reward", gettext_lazy("Reward"), ("score", "return")),
    Field("model", gettext_lazy("Model that answered")),
    *JUDGED,
    *COMMON,
)
SIGNS = (("prompt", "response", "reward"), ("messages", "response", "reward"))


def items(values: dict[str, Any]) -> list[Judged]:
    """What a row holds: one answer with its reward."""
    return [parse(values)]


def parse(values: dict[str, Any]) -> Judged:
    """The rewarded answer that a row holds. ValueError names the field that is wrong."""
    model = rowfields.text_field(values, "model", 200) or UNNAMED
    return Judged(
        kind="rate",
        prompt=prompts.parse(values),
        answers=[Answer(rowfields.answer(values, "response"), model)],
        grades={ASPECT: [_reward(values)]},
        rater=rowfields.person(values) or UNNAMED,
        seconds=rowfields.duration(values),
        created=rowfields.moment(values),
    )


def _reward(values: dict[str, Any]) -> float:
    """The reward; in CSV a number is written as text."""
    given = values.get("reward")
    try:
        value = math.nan if isinstance(given, bool) or given is None else float(given)
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(_("reward: must be a finite number"))
    return value
