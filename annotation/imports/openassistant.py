"""OpenAssistant message trees: a prompt and all that people and models said after it (Köpf et al. 2023).

Reads the `*.trees.jsonl(.gz)` files of OASST1 (2023-04-12) and OASST2 (2023-11-05), as `oasst-data` of the repository
LAION-AI/Open-Assistant describes and writes them (oasst-data/README.md §3, oasst_data/schemas.py: ExportMessageTree). A line:

{"message_tree_id": "t", "prompt": {"message_id": "t", "text": "Hi", "role": "prompter", "lang": "en", "replies": [
 {"message_id": "r", "user_id": "u", "text": "Hello.", "role": "assistant", "synthetic": false, "rank": 0, "replies": []}]}}

Every message by a prompter becomes a prompt with the conversation before it. What a person replied is a demonstration by them;
two or more ranked replies (rank 0 is best) are a `rank` task, judged by “open-assistant”: the exports hold the merged ranking,
not whose it was. Synthetic replies are by their `model_name`. Deleted messages, and those that the reviewers turned down, are
left out with all that follows them. Of more than nine ranked replies the best nine count.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation import chat, rowfields
from annotation.columns import COMMON, Field
from annotation.imports import prompts
from annotation.judged import FEWEST, MOST, UNNAMED, Answer, Judged, below, shown, written

TITLE = gettext_lazy("OpenAssistant trees")
HELP = gettext_lazy(
    "One message tree a row, as in the “trees.jsonl.gz” files of OASST1 and OASST2: prompts, people's replies, rankings."
)
EXAMPLE = {
    "message_tree_id": "t",
    "prompt": {
        "message_id": "t",
        "text": "Hi",
        "role": "prompter",
        "lang": "en",
        "replies": [
            {
                "message_id": "r",
                "user_id": "u",
                "text": "Hello.",
                "role": "assistant",
                "synthetic": False,
                "rank": 0,
                "replies": [],
            },
            {
                "message_id": "s",
                "text": "Yo.",
                "role": "assistant",
                "synthetic": True,
                "model_name": "sft",
                "rank": 1,
                "replies": [],
            },
        ],
    },
}
FIELDS = (Field("message_tree_id", gettext_lazy("Tree")), Field("prompt", gettext_lazy("First message of the tree")), *COMMON[1:])
SIGNS = (("message_tree_id", "prompt", "prompt.replies"), ("message_tree_id", "prompt", "tree_state"))
RANKED_BY = "open-assistant"
SPEAKERS = {"prompter": "user", "assistant": "assistant"}

Node = dict[str, Any]


def items(values: dict[str, Any]) -> list[Judged | prompts.PromptRow]:
    """What a tree holds: its demonstrations and rankings, and the prompts that nobody answered."""
    root = values.get("prompt")
    if "message_tree_id" not in values or not isinstance(root, dict):
        raise ValueError(_("is not a message tree: take the file whose name ends in “.trees.jsonl.gz”"))
    found: list[Judged | prompts.PromptRow] = []
    for asked, node in _asked(root):
        facts = {"language": node.get("lang") or values.get("language"), "metadata": {"message_id": node.get("message_id")}}
        prompt = prompts.about({**values, **facts}, asked)
        found += _judged(prompt, [reply for reply in _replies(node) if reply.get("role") == "assistant"]) or [prompt]
    if not found:
        raise ValueError(_("every message of this tree was deleted or turned down"))
    return found


def _asked(root: Node) -> Iterator[tuple[list[chat.Message], Node]]:
    """Each message by a prompter with the conversation that ends in it; parents before children."""
    waiting: list[tuple[list[chat.Message], Node]] = [([], root)] if _stands(root) else []
    while waiting:
        before, node = waiting.pop(0)
        path = [*before, _message(node)]
        if node["role"] == "prompter":
            yield path, node
        waiting += [(path, reply) for reply in _replies(node)]


def _stands(node: Any) -> bool:
    return isinstance(node, dict) and not node.get("deleted") and node.get("review_result") is not False


def _replies(node: Node) -> list[Node]:
    replies = node.get("replies") or []
    if not isinstance(replies, list):
        raise ValueError(_("%(name)s: must be a list") % {"name": "replies"})
    return [reply for reply in replies if _stands(reply)]


def _message(node: Node) -> chat.Message:
    role, text = str(node.get("role")), node.get("text")
    if role not in SPEAKERS or not isinstance(text, str):
        names = {"id": str(node.get("message_id"))[:40]}
        raise ValueError(_("message %(id)s: needs a “role”, prompter or assistant, and a “text”") % names)
    return {"role": SPEAKERS[role], "content": text}


def _judged(prompt: prompts.PromptRow, replies: list[Node]) -> list[Judged]:
    people = [reply for reply in replies if not reply.get("synthetic") and _message(reply)["content"].strip()]
    demonstrations = [written(prompt, [_message(reply)], _author(reply)) for reply in people]
    ranked = sorted((reply for reply in replies if isinstance(reply.get("rank"), int)), key=lambda reply: reply["rank"])[:MOST]
    if len(ranked) < FEWEST:
        return demonstrations
    grades = {"overall": below([reply["rank"] for reply in ranked])}
    return [*demonstrations, Judged("rank", prompt, shown([_answer(reply) for reply in ranked]), grades, rater=RANKED_BY)]


def _answer(reply: Node) -> Answer:
    if reply.get("synthetic"):
        return Answer([_message(reply)], model=(rowfields.text_field(reply, "model_name") or UNNAMED)[:200])
    return Answer([_message(reply)], author=_author(reply))


def _author(reply: Node) -> str:
    return rowfields.person(reply, "user_id") or UNNAMED
