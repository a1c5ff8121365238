"""HH-RLHF transcripts: the preferences of Bai et al. 2022, §2 (huggingface.co/datasets/Anthropic/hh-rlhf).

Reads the `*.jsonl(.gz)` files of the folders harmless-base, helpful-base, helpful-online and helpful-rejection-sampled (2022, the
only version), or the same columns as Parquet or CSV. The red-team attempts there have another shape and are not read. A line:

{"chosen": "\\n\\nHuman: Hi \\n\\nAssistant: Hello.", "rejected": "\\n\\nHuman: Hi \\n\\nAssistant: No."}

The turns that both share are the prompt, the last of each is an answer; the two become a `compare` task whose chosen answer is
plainly better (the data does not say how much). Nobody is named: all judgements are by “unnamed”, all answers by the model
“unnamed”.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy

from annotation import chat, rowfields, transcripts
from annotation.columns import COMMON, JUDGED, Field
from annotation.imports import prompts
from annotation.judged import UNNAMED, Answer, Judged
from annotation.preferences import Preference, compared

TITLE = gettext_lazy("HH-RLHF transcripts")
HELP = gettext_lazy(
    "Two whole conversations a row, “chosen” and “rejected”, written “Human: … Assistant: …” or as chat messages; their last "
    "answers are compared."
)
EXAMPLE = {"chosen": "\n\nHuman: Hi \n\nAssistant: Hello.", "rejected": "\n\nHuman: Hi \n\nAssistant: No."}
FIELDS = (
    Field("chosen", gettext_lazy("Chosen transcript")),
    Field("rejected", gettext_lazy("Rejected transcript")),
    *JUDGED,
    *COMMON,
)
SIGNS = (("chosen", "rejected"),)


def items(values: dict[str, Any]) -> list[Judged]:
    """What a row holds: one comparison."""
    chosen, rejected = (_conversation(values, name) for name in ("chosen", "rejected"))
    asked, *answers = transcripts.parted(chosen, rejected)
    return [
        compared(
            prompts.about(values, asked),
            [Answer(answer, UNNAMED) for answer in answers],
            Preference(0),
            rater=rowfields.person(values) or UNNAMED,
            seconds=rowfields.duration(values),
            created=rowfields.moment(values),
        )
    ]


def _conversation(values: dict[str, Any], name: str) -> list[chat.Message]:
    if isinstance(values.get(name), list):
        return transcripts.messages(values[name], name)
    return transcripts.transcript(rowfields.needed_text(values, name), name)
