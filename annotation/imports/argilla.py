"""Argilla 2.x records, with the responses of every person.

Reads what `dataset.records.to_json(path)` writes (a JSON array; argilla/src/argilla/records/_resource.py, Record.to_dict), lines
of `to_list()`, and the flat columns of `to_list(flatten=True)` and `to_datasets()` (records/_io/_generic.py), from version 2.0
on. A record:

{"id": "1", "fields": {"prompt": "Hi", "response_1": "Hello.", "response_2": "No."}, "metadata": {}, "suggestions": {},
 "responses": {"ranking": [{"value": ["response_1", "response_2"], "user_id": "u"}]}}

The field called prompt, instruction or the like (or the one chosen on the page) is the prompt, a chat field too; fields called
response, answer, completion or the like are the answers, and where none is, all the other fields are. `annotation/questions.py`
says what rating, ranking, label and text questions become. A ranking as 2.x exports it has no ties (it keeps the order alone);
where an export says "rank" with each "value", as 1.x does, equal ranks are ties. Drafts, discarded responses, suggestions and
spans are left out. An answer's model is the metadata “<field>_model” or “<field>-model”, if there is one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation import rowfields
from annotation.columns import COMMON, PROMPT
from annotation.imports import prompts
from annotation.judged import FEWEST, MOST, UNNAMED, Answer, Judged
from annotation.preferences import preference
from annotation.questions import BAD, GOOD, Said, Sitting, named, words

TITLE = gettext_lazy("Argilla records")
HELP = gettext_lazy(
    "Records of Argilla 2 as its “to_json”, “to_list” or “to_datasets” export them: rankings, ratings, labels and texts."
)
EXAMPLE = {
    "id": "1",
    "fields": {"prompt": "Hi", "response_1": "Hello.", "response_2": "No."},
    "responses": {"ranking": [{"value": ["response_1", "response_2"], "user_id": "u"}]},
}
FIELDS = (*PROMPT[:3], *COMMON)
SIGNS = (("fields", "responses", "suggestions"), ("fields", "responses"), ("id", "status", "_server_id"))
ANSWERS = {"response", "answer", "completion", "generation", "output", "reply", "candidate", "chosen", "rejected", "responses"}
NO_FIELDS = {"id", "status", "_server_id", "metadata", "suggestions", "responses", "vectors", "fields", "score"}
ASKED = ("prompt", "messages", "system")
LONGEST_LABEL = 60

Responses = dict[str, list[tuple[str, Any]]]  # by question: (user, value)


def items(values: dict[str, Any]) -> list[Judged | prompts.PromptRow]:
    """What a record holds: the judgements of each person; its prompt where nobody has answered."""
    metadata = rowfields.json_field(values, "metadata", {})
    fields, responses = _nested(values) if "fields" in values else _flat(values)
    prompt, name = _prompt(values, fields)
    answers = _answers({key: value for key, value in fields.items() if key not in {name, *ASKED}}, metadata)
    sittings: dict[str, Sitting] = {}
    for question, given in responses.items():
        for user, value in given:
            sitting = sittings.setdefault(user, Sitting(prompt, answers, user))
            sitting.said += _said(question, value, answers)
    return [judgement for sitting in sittings.values() for judgement in sitting.judgements()] or [prompt]


def _nested(values: dict[str, Any]) -> tuple[dict[str, Any], Responses]:
    fields, responses = rowfields.json_field(values, "fields"), rowfields.json_field(values, "responses", {})
    if not isinstance(fields, dict) or not isinstance(responses, dict):
        raise ValueError(_("is no Argilla record: “fields” and “responses” must be objects"))
    return fields, {question: list(_submitted(given)) for question, given in responses.items() if isinstance(given, list)}


def _submitted(given: list[Any]) -> Iterator[tuple[str, Any]]:
    for response in given:
        if isinstance(response, dict) and response.get("status") in {None, "submitted"} and response.get("value") is not None:
            yield rowfields.person(response, "user_id") or UNNAMED, response["value"]


def _flat(values: dict[str, Any]) -> tuple[dict[str, Any], Responses]:
    """The same of a flattened record: “q.responses”, “q.responses.users” and “q.responses.status” run side by side."""
    responses: Responses = defaultdict(list)
    for column in values:
        question, dot, rest = column.partition(".responses")
        if not dot or rest:
            continue
        said, users, status = (rowfields.json_field(values, column + end) or [] for end in ("", ".users", ".status"))
        if not len(said) == len(users) == len(status or users):
            raise ValueError(_("%(name)s: must hold as many values as users") % {"name": column})
        given = zip(said, users, status or [None] * len(said), strict=True)
        responses[question] = list(_submitted([{"value": value, "user_id": user, "status": state} for value, user, state in given]))
    fields = {name: value for name, value in values.items() if name not in NO_FIELDS and "." not in name}
    return fields, responses


def _prompt(values: dict[str, Any], fields: dict[str, Any]) -> tuple[prompts.PromptRow, str]:
    """The prompt, and the field that holds it."""
    given = {name: values[name] for name in ASKED if name in values}
    named = next((name for field in PROMPT[:2] for name in (field.name, *field.synonyms) if fields.get(name)), "")
    if not given and not named:
        raise ValueError(_("no field is called prompt, instruction or the like: choose the one that is"))
    about = {name: values[name] for name in prompts.LENGTHS if name in values}
    held = next((name for name, value in fields.items() if value in given.values()), named)
    return prompts.parse({**about, **(given or {"prompt": fields[named]})}), held


def _answers(fields: dict[str, Any], metadata: dict[str, Any]) -> dict[str, Answer]:
    texts = {name: value for name, value in fields.items() if isinstance(value, str) and name not in prompts.LENGTHS}
    called = {name: text for name, text in texts.items() if words(name) & ANSWERS} or texts
    return {name: Answer(rowfields.answer(called, name), _model(metadata, name)) for name in list(called)[:MOST]}


def _model(metadata: Any, name: str) -> str:
    held = metadata if isinstance(metadata, dict) else {}
    model = held.get(f"{name}_model") or held.get(f"{name}-model")
    return model[:200] if isinstance(model, str) else UNNAMED


def _said(question: str, value: Any, answers: dict[str, Answer]) -> list[Said]:
    """What a value says; the exports do not tell the type of a question, its value does."""
    if isinstance(value, bool) or value is None:
        return []
    if isinstance(value, (int, float)):
        return [Said(question, "rating", value)]
    if isinstance(value, str):
        return [Said(question, "choice" if _is_choice(value, answers) else "text", value)]
    return [Said(question, "ranking", tiers)] if (tiers := _tiers(value, answers)) else []


def _is_choice(value: str, answers: dict[str, Answer]) -> bool:
    """A label is short and says which answer is better, or good or bad; every other text is one that a person wrote."""
    if len(answers) == 1:
        return len(value.split()) == 1 and bool(words(value) & (GOOD | BAD))
    if len(value) > LONGEST_LABEL or len(answers) != FEWEST:
        return False
    first, second = answers
    try:
        preference(value, (first, second))
    except ValueError:
        return False
    return True


def _tiers(value: Any, answers: dict[str, Answer]) -> list[list[str]]:
    """The tiers of a ranking, best first; nothing where a list is of labels or spans."""
    if not isinstance(value, list):
        return []
    if value and all(isinstance(one, dict) and isinstance(one.get("rank"), int) and "value" in one for one in value):
        ranks = sorted({one["rank"] for one in value})
        return [[str(one["value"]) for one in value if one["rank"] == rank] for rank in ranks]
    return [[name] for name in value] if any(named(answers, str(name)) for name in value) else []
