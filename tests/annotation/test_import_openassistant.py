"""OpenAssistant's trees become prompts, demonstrations and rankings."""

import gzip
import io
import json

import pytest

from annotation import importing
from annotation.models import Sample
from tests.annotation.importer import judged, looks_like, reason, take


def message(name, role, *replies, **facts):
    known = {"message_id": name, "text": name, "role": role, "lang": "es", "user_id": f"of {name}", "synthetic": False}
    return known | {"deleted": False, "review_result": True, "rank": None, "replies": list(replies)} | facts


def tree(root):
    return {"message_tree_id": root["message_id"], "tree_state": "ready_for_export", "prompt": root}


TREE = tree(
    message(
        "hi",
        "prompter",
        message("hello", "assistant", message("why?", "prompter", message("so", "assistant")), rank=1),
        message("good day", "assistant", synthetic=True, model_name="oasst-sft-1", rank=0),
        message("rude", "assistant", message("never asked", "prompter"), rank=2, deleted=True),
        message("spam", "assistant", rank=3, review_result=False),
    )
)


def test_a_tree_is_its_demonstrations_and_its_ranking(project):
    outcome = take(project, "openassistant", TREE)
    assert outcome.report.becomes == {"write": 2, "rank": 1}
    assert judged(project) == [
        {"kind": "write", "rater": "of hello", "wrote": "hello"},
        {"kind": "rank", "rater": "open-assistant", "grades": {"good day": {"overall": 1.0}, "hello": {"overall": 0.0}}},
        {"kind": "write", "rater": "of so", "wrote": "so"},
    ]


def test_a_prompt_has_the_conversation_before_it(project):
    take(project, "openassistant", TREE)
    first, second = project.prompts.order_by("pk")
    assert [message["content"] for message in second.messages] == ["hi", "hello", "why?"]
    assert (first.language, first.metadata) == ("es", {"message_id": "hi"})


def test_people_are_authors_and_models_are_models(project):
    take(project, "openassistant", TREE)
    origins = {sample.text: sample.model or sample.author.username.rpartition(":")[2] for sample in Sample.objects.all()}
    assert origins == {"hello": "of hello", "good day": "oasst-sft-1", "so": "of so"}


def test_equal_ranks_tie_and_of_many_replies_the_best_nine_count(project):
    replies = [message(f"r{n:02}", "assistant", synthetic=True, rank=n // 2) for n in range(11)]
    take(project, "openassistant", tree(message("hi", "prompter", *replies)))
    (only,) = judged(project)
    assert [grade["overall"] for grade in only["grades"].values()] == [4.0, 4.0, 3.0, 3.0, 2.0, 2.0, 1.0, 1.0, 0.0]


def test_a_prompt_that_nobody_answered_comes_alone(project):
    assert take(project, "openassistant", tree(message("hi", "prompter"))).report.becomes == {"prompt": 1}


def test_the_packed_lines_of_the_release_are_read_twice_and_added_once(project):
    packed = io.BytesIO(gzip.compress((json.dumps(TREE) + "\n").encode()))
    reading = importing.Reading("openassistant")
    assert importing.commit(project, reading, packed, "2023-04-12_oasst_ready.trees.jsonl.gz").added == 3
    again = importing.commit(project, reading, packed, "2023-04-12_oasst_ready.trees.jsonl.gz")
    assert (again.added, again.known) == (0, 3)


def test_a_tree_is_recognised():
    assert looks_like(TREE) == "openassistant"


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (message("a", "prompter"), "is not a message tree: take the file whose name ends in “.trees.jsonl.gz”"),
        (tree(message("a", "prompter", deleted=True)), "every message of this tree was deleted or turned down"),
        (tree(message("a", "god")), "message a: needs a “role”, prompter or assistant, and a “text”"),
        (tree(message("a", "prompter", replies="none")), "replies: must be a list"),
        (tree(message(" ", "prompter")), "messages[0].content: is empty"),
        (tree(message("a", "prompter", lang="x" * 13)), "language: is longer than 12 characters"),
    ],
)
def test_broken_trees_are_refused_with_a_reason(row, sentence):
    assert reason("openassistant", row) == sentence
