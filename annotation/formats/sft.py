"""Conversations for supervised fine-tuning: the prompt followed by each answer that the rater wrote.

{"messages": [messages of the prompt, then of the answer]}
"""

from collections.abc import Iterator
from typing import Any

from annotation.formats import offered

TITLE = "Demonstrations (SFT)"


def rows(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One conversation for each answer written in this judgement."""
    for answer in row["answers"]:
        if answer["written"]:
            yield {"messages": [*row["prompt"], *answer["messages"]], **offered(row)}
