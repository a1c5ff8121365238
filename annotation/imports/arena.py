"""Chatbot-Arena votes: two models answer, a visitor votes (Zheng et al. 2023, §3.2; Chiang et al. 2024).

Reads two published exports, as JSONL, JSON, CSV or Parquet:

- `lmsys/chatbot_arena_conversations` (33,000 votes of April to June 2023; lmsys.org/blog/2023-07-20-dataset):
  {"model_a": "m", "model_b": "n", "winner": "model_a", "judge": "arena_user_1",
   "conversation_a": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}], "conversation_b": […],
   "turn": 1, "language": "English", "tstamp": 1682351591.1}
- `lmsys-arena-human-preference-55k` and the Kaggle competition's `train.csv` (2024): "prompt", "response_a", "response_b" hold one
  string a turn as a JSON list, and of "winner_model_a", "winner_model_b", "winner_tie" one is 1. It names no judge and no language.

Each vote becomes a judgement of a `compare` task: plainly better (an Arena vote does not say how much), a tie, or both bad. A
conversation of several turns is refused, unless the two differ only in their last answer: each model was then asked
something else than the other.
"""

from __future__ import annotations

from typing import Any

from django.conf.locale import LANG_INFO
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation import chat, rowfields, transcripts
from annotation.columns import COMMON, JUDGED, Field
from annotation.imports import prompts
from annotation.judged import UNNAMED, Answer, Judged
from annotation.preferences import Preference, compared, preference

TITLE = gettext_lazy("Chatbot Arena votes")
HELP = gettext_lazy(
    "Two models' conversations a row and which one won, as LMSYS publishes them (2023 conversations, 2024 Kaggle CSV)."
)
EXAMPLE = {
    "model_a": "koala-13b",
    "model_b": "vicuna-13b",
    "winner": "tie (bothbad)",
    "judge": "arena_user_1",
    "conversation_a": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}],
    "conversation_b": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "No."}],
    "language": "English",
    "tstamp": 1682351591.1,
}
ONE_HOT = {"winner_model_a": "model_a", "winner_model_b": "model_b", "winner_tie": "tie"}
FIELDS = (
    *(
        Field(name, title)
        for name, title in (
            ("model_a", gettext_lazy("Model A")),
            ("model_b", gettext_lazy("Model B")),
            ("winner", gettext_lazy("Winner")),
            ("conversation_a", gettext_lazy("Conversation of model A")),
            ("conversation_b", gettext_lazy("Conversation of model B")),
            ("prompt", gettext_lazy("Prompts, one a turn")),
            ("response_a", gettext_lazy("Answers of model A, one a turn")),
            ("response_b", gettext_lazy("Answers of model B, one a turn")),
        )
    ),
    *JUDGED,
    *COMMON,
)
SIGNS = (
    ("model_a", "model_b", "winner", "conversation_a", "conversation_b"),
    ("prompt", "response_a", "response_b", *ONE_HOT),
)
LANGUAGES = {info["name"].lower(): code for code, info in LANG_INFO.items() if "name" in info} | {
    "chinese": "zh",
    "norwegian": "no",
}


def items(values: dict[str, Any]) -> list[Judged]:
    """What a row holds: one vote."""
    asked, *answers = transcripts.parted(*(_conversation(values, side) for side in ("a", "b")))
    models = [rowfields.text_field(values, name, 200) or UNNAMED for name in ("model_a", "model_b")]
    language = _language(rowfields.text_field(values, "language"))
    return [
        compared(
            prompts.about({**values, "language": language}, asked),
            [Answer(answer, model) for answer, model in zip(answers, models, strict=True)],
            _vote(values),
            rater=rowfields.person(values) or UNNAMED,
            seconds=rowfields.duration(values),
            created=rowfields.moment(values),
        )
    ]


def _vote(values: dict[str, Any]) -> Preference:
    if rowfields.text_field(values, "winner"):
        return preference(values["winner"])
    won = [word for name, word in ONE_HOT.items() if str(values.get(name, "")).strip().lower() in {"1", "1.0", "true"}]
    if len(won) != 1:
        raise ValueError(_("winner: is missing, and of “winner_model_a”, “winner_model_b” and “winner_tie” not exactly one is 1"))
    return preference(won[0])


def _conversation(values: dict[str, Any], side: str) -> list[chat.Message]:
    name = f"conversation_{side}"
    if values.get(name) is not None:
        return transcripts.messages(rowfields.json_field(values, name), name)
    asked, answered = _turns(values, "prompt"), _turns(values, f"response_{side}")
    if len(asked) != len(answered):
        raise ValueError(_("response_%(side)s: must hold as many turns as “prompt”") % {"side": side})
    pairs = zip(asked, answered, strict=True)
    return [message for ask, said in pairs for message in ({"role": "user", "content": ask}, *chat.said(said))]


def _turns(values: dict[str, Any], name: str) -> list[str]:
    """One text a turn; a model that answered nothing is written null."""
    turns = rowfields.json_field(values, name)
    if not isinstance(turns, list) or not all(turn is None or isinstance(turn, str) for turn in turns):
        raise ValueError(_("%(name)s: must be a list with the text of each turn") % {"name": name})
    return [turn or "" for turn in turns]


def _language(said: str) -> str:
    """“English” as “en”; what is no language we know of is left out."""
    code = LANGUAGES.get(said.strip().lower(), said.strip())
    return code if len(code) <= prompts.LENGTHS["language"] and code.lower() != "unknown" else ""
