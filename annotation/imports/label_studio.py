"""Label Studio exports, JSON and JSON_MIN, with every annotator's results.

Reads the export formats JSON and JSON_MIN of Label Studio 1.x (labelstud.io/guide/export, guide/task_format; JSON_MIN as written by
label_studio_sdk/converter/converter.py, convert_to_json_min). A task of a JSON export, and the same annotation in JSON_MIN:

{"id": 1, "data": {"prompt": "Hi", "answer1": "Hello.", "answer2": "No."}, "annotations": [{"completed_by": 7, "lead_time": 4.3,
 "result": [{"from_name": "pw", "to_name": "a,b", "type": "pairwise", "value": {"selected": "left"}}]}]}
{"id": 1, "prompt": "Hi", "answer1": "Hello.", "answer2": "No.", "pw": [{"selected": "left"}], "annotator": 7, "lead_time": 4.3}

Results of the tags Pairwise, Ranker (a list of ids, or buckets as tiers in their order), Rating, Choices and TextArea are read
(tag pages: labelstud.io/tags); `annotation/questions.py` says what they become. An export does not hold the labelling config:
which columns of `data` are the prompt, the two answers or the list that was ranked ({"id", "title" or "body"}) is guessed from
their names or chosen on the page. In JSON_MIN a text alone may be a Choices or a TextArea result: its column is chosen as
`choices` or as `textarea`. Cancelled annotations and predictions are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation import rowfields
from annotation.columns import COMMON, PROMPT, Field
from annotation.imports import prompts
from annotation.judged import UNNAMED, Answer, Judged
from annotation.questions import Said, Sitting

TITLE = gettext_lazy("Label Studio tasks")
HELP = gettext_lazy("A Label Studio export, JSON or JSON_MIN: results of Pairwise, Ranker, Rating, Choices and TextArea.")
EXAMPLE = {
    "id": 1,
    "data": {"prompt": "Hi", "answer1": "Hello.", "answer2": "No."},
    "annotations": [
        {
            "completed_by": 7,
            "lead_time": 4.3,
            "result": [{"from_name": "pw", "to_name": "a,b", "type": "pairwise", "value": {"selected": "left"}}],
        }
    ],
}
FIRST = (
    "answer1",
    "answer_1",
    "response1",
    "response_1",
    "text1",
    "response_a",
    "left",
    "response",
    "output",
    "completion",
    "answer",
)
SECOND = ("answer2", "answer_2", "response2", "response_2", "text2", "response_b", "right")
FIELDS = (
    *PROMPT,
    Field("answer_a", gettext_lazy("Left or only answer"), FIRST),
    Field("answer_b", gettext_lazy("Right answer"), SECOND),
    Field("answers", gettext_lazy("List that was ranked"), ("items", "responses", "completions", "options")),
    Field("model_a", gettext_lazy("Model of answer A"), ("model1", "model_1")),
    Field("model_b", gettext_lazy("Model of answer B"), ("model2", "model_2")),
    Field("choices", gettext_lazy("Choices result (JSON_MIN)")),
    Field("textarea", gettext_lazy("TextArea result (JSON_MIN)")),
    *COMMON,
)
SIGNS = (("data", "annotations"), ("annotation_id", "annotator", "lead_time"))
FORMS = {"pairwise": "selected", "ranker": "ranker", "rating": "rating", "choices": "choices", "textarea": "text"}

Result = tuple[str, str, Any]  # the tag's name, its type, its value


def items(values: dict[str, Any]) -> list[Judged | prompts.PromptRow]:
    """What a task holds: the judgements of each annotator; its prompt where nobody has annotated it."""
    asked = {name: values[name] for name in ("prompt", "messages", "system", *prompts.LENGTHS) if name in values}
    prompt = prompts.parse(asked)
    answers = _answers(values)
    found: list[Judged | prompts.PromptRow] = []
    for annotation, results in _annotations(values):
        facts = {"seconds": rowfields.duration(annotation, "lead_time"), "created": rowfields.moment(annotation, "created_at")}
        said = [one for result in results for one in _said(*result)]
        found += Sitting(prompt, answers, _annotator(annotation), said, facts).judgements()
    return found or [prompt]


def _answers(values: dict[str, Any]) -> dict[str, Answer]:
    """The answers by the names under which results speak of them."""
    ranked = rowfields.json_field(values, "answers")
    if ranked is not None:
        return _ranked(ranked)
    sides = {"left": "a", "right": "b"}
    return {
        name: Answer(rowfields.answer(values, f"answer_{side}"), rowfields.text_field(values, f"model_{side}", 200) or UNNAMED)
        for name, side in sides.items()
        if f"answer_{side}" in values
    }


def _ranked(listed: Any) -> dict[str, Answer]:
    if not isinstance(listed, list) or not all(isinstance(item, dict) and "id" in item for item in listed):
        raise ValueError(_("answers: must be a list of {“id”, “title” or “body”}, as the List tag shows it"))
    text_of = {
        str(item["id"]): next((item[key] for key in ("body", "text", "title", "html") if item.get(key)), None) for item in listed
    }
    return {name: Answer(rowfields.answer(text_of, name), _model(listed, name)) for name in text_of}


def _model(listed: list[dict[str, Any]], name: str) -> str:
    return next((rowfields.text_field(item, "model", 200) for item in listed if str(item["id"]) == name), "") or UNNAMED


def _annotations(values: dict[str, Any]) -> Iterator[tuple[dict[str, Any], list[Result]]]:
    """Each annotation that was not cancelled, with its results."""
    if "annotation_id" in values:
        yield values, list(_minimal(values))
        return
    annotations = rowfields.json_field(values, "annotations")
    if not isinstance(annotations, list):
        raise ValueError(_("is no Label Studio task: “annotations” must be a list"))
    for annotation in annotations:
        if isinstance(annotation, dict) and not annotation.get("was_cancelled"):
            yield annotation, list(_results(annotation.get("result")))


def _results(results: Any) -> Iterator[Result]:
    for result in results if isinstance(results, list) else []:
        form = str(result.get("type")) if isinstance(result, dict) else ""
        if form in FORMS and isinstance(result.get("value"), dict):
            yield str(result.get("from_name", "")), form, result["value"].get(FORMS[form])


def _minimal(values: dict[str, Any]) -> Iterator[Result]:
    """Results of JSON_MIN: lists of values without their type, which their key tells; a lone choice or text stands bare."""
    for column, value in values.items():
        for form, key in FORMS.items():
            yield from ((column, form, one[key]) for one in _dicts(value) if key in one)
    yield from ((form, form, values[form]) for form in ("choices", "textarea") if isinstance(values.get(form), str))


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _annotator(annotation: dict[str, Any]) -> str:
    """An id or, where the export holds people, an e-mail address."""
    by = annotation.get("completed_by", annotation.get("annotator"))
    return (
        rowfields.person({"completed_by": by.get("email", by.get("id")) if isinstance(by, dict) else by}, "completed_by") or UNNAMED
    )


def _said(name: str, form: str, value: Any) -> list[Said]:
    if form == "ranker":
        tiers = [[one] for one in value] if isinstance(value, list) else [ids for bucket, ids in _buckets(value) if bucket != "_"]
        return [Said(name, "ranking", tiers)] if tiers else []
    if form == "rating":
        return [Said(name, "rating", value)]
    words = value if isinstance(value, list) else [value]
    return [Said(name, "text" if form == "textarea" else "choice", word) for word in words if isinstance(word, str)]


def _buckets(value: Any) -> list[tuple[str, list[Any]]]:
    """The buckets of a Ranker, each a tier. Without any the order may stand as {tag's name: ids}: then each id is a tier."""
    if not isinstance(value, dict) or not all(isinstance(ids, list) for ids in value.values()):
        raise ValueError(_("ranker: must be a list of ids, or buckets of ids"))
    buckets = list(value.items())
    return [(name, [one]) for name, ids in buckets for one in ids] if len(buckets) == 1 else buckets
