"""Single answers with a thumb up or down, for KTO: one row an answer that was called acceptable or not.

{"prompt": [messages], "completion": [messages], "label": true | false}

From a snapshot with `reliability` also "weight": the rater's.
"""

from collections.abc import Iterator
from typing import Any

from annotation.formats import offered, weighed

TITLE = "Acceptable or not (KTO)"


def rows(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One row for each answer with a grade in the aspect `acceptable`."""
    for answer in row["answers"]:
        if "acceptable" in answer["grades"]:
            label = answer["grades"]["acceptable"] > 0
            yield {"prompt": row["prompt"], "completion": answer["messages"], "label": label, **weighed(row), **offered(row)}
