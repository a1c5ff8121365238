"""Label Studio's tasks become the judgements of each of their annotators."""

import pytest

from annotation.models import Judgement
from tests.annotation.importer import judged, looks_like, reason, take

DATA = {"prompt": "Which river?", "answer1": "The Ebro.", "answer2": "A river."}


def task(*results, data=DATA, **annotation):
    made = {"completed_by": 7, "lead_time": 4.3, "created_at": "2024-03-09T22:16:08.728353Z", "result": list(results)} | annotation
    return {"id": 1, "data": data, "annotations": [made], "predictions": [{"result": []}]}


def result(form, value, name="tag"):
    return {"id": "x", "from_name": name, "to_name": "a,b", "type": form, "value": value}


def test_pairwise_is_a_comparison_with_its_time(project):
    take(project, "label_studio", task(result("pairwise", {"selected": "right"})))
    grades = {"The Ebro.": {"overall": 0.0}, "A river.": {"overall": 2.0}}
    assert judged(project) == [{"kind": "compare", "rater": "7", "grades": grades}]
    judgement = Judgement.objects.get()
    assert (judgement.seconds, judgement.created.isoformat()) == (4.3, "2024-03-09T22:16:08.728353+00:00")


def test_choices_may_say_how_much_better_or_that_both_are_bad(project):
    take(project, "label_studio", task(result("choices", {"choices": ["Left is slightly better"]})))
    take(project, "label_studio", task(result("choices", {"choices": ["Both bad"]}), completed_by=8))
    assert [one["grades"]["The Ebro."] for one in judged(project)] == [{"overall": 1.0}, {"overall": 0.0, "acceptable": 0.0}]


@pytest.mark.parametrize(
    ("ranker", "grades"),
    [
        (["b", "c", "a"], {"b": 2.0, "c": 1.0, "a": 0.0}),
        ({"rank": ["b", "c", "a"]}, {"b": 2.0, "c": 1.0, "a": 0.0}),
        ({"good": ["a", "c"], "poor": ["b"], "_": []}, {"a": 1.0, "c": 1.0, "b": 0.0}),
    ],
)
def test_a_ranker_is_an_order_and_its_buckets_are_tiers(project, ranker, grades):
    data = {"question": "Which?", "items": [{"id": name, "title": "t", "body": name} for name in "abc"]}
    take(project, "label_studio", task(result("ranker", {"ranker": ranker}), data=data))
    assert judged(project)[0] == {"kind": "rank", "rater": "7", "grades": {text: {"overall": g} for text, g in grades.items()}}


def test_ratings_and_texts_about_one_answer(project):
    rating, text = result("rating", {"rating": 4}, "clarity"), result("textarea", {"text": ["The Ebro!"]}, "better")
    take(
        project, "label_studio", task(rating, text, data={"prompt": "Which?", "response": "Ebro"}, completed_by={"email": "a@b.c"})
    )
    assert judged(project) == [
        {"kind": "write", "rater": "a@b.c", "wrote": "The Ebro!"},
        {"kind": "rate", "rater": "a@b.c", "grades": {"Ebro": {"clarity": 4.0}}},
    ]


def test_cancelled_annotations_and_unknown_tags_leave_the_prompt(project):
    take(project, "label_studio", task(result("pairwise", {"selected": "left"}), was_cancelled=True))
    assert take(project, "label_studio", task(result("rectanglelabels", {"x": 1}))).report.becomes == {"prompt": 1}
    assert judged(project) == []


def test_json_min_is_read_the_same(project):
    row = {"id": 1, **DATA, "pw": [{"selected": "left"}], "annotator": 7, "annotation_id": 3, "lead_time": 4.3}
    take(project, "label_studio", row)
    grades = {"The Ebro.": {"overall": 2.0}, "A river.": {"overall": 0.0}}
    assert judged(project) == [{"kind": "compare", "rater": "7", "grades": grades}]
    assert looks_like(row) == "label_studio"


def test_a_lone_choice_of_json_min_is_named_by_its_column(project):
    row = {"id": 1, **DATA, "verdict": "tie", "annotator": 7, "annotation_id": 3, "lead_time": 4.3}
    take(project, "label_studio", row, mapping={"choices": "verdict"})
    assert judged(project)[0]["grades"]["A river."] == {"overall": 0.0}


def test_columns_of_the_data_are_chosen(project):
    data = {"q": "Which?", "x": "The Ebro.", "y": "A river."}
    mapping = {"prompt": "data.q", "answer_a": "data.y", "answer_b": "data.x"}
    take(project, "label_studio", task(result("pairwise", {"selected": "left"}), data=data), mapping=mapping)
    assert judged(project)[0]["grades"]["A river."] == {"overall": 2.0}


def test_the_same_export_again_adds_nothing(project):
    row = task(result("pairwise", {"selected": "right"}))
    assert (take(project, "label_studio", row).added, take(project, "label_studio", row).added) == (1, 0)


def test_an_export_is_recognised():
    assert looks_like(task()) == "label_studio"


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"id": 1, "data": DATA, "annotations": {}}, "is no Label Studio task: “annotations” must be a list"),
        (task(result("pairwise", {"selected": "up"})), "preference: “up” says neither which answer is better nor that they tie"),
        (task(result("rating", {"rating": "four"}), data={"prompt": "a", "response": "b"}), "tag: must be a number"),
        (task(data={"image": "https://x.y/z.png"}), "give either “prompt” or “messages”"),
        (
            task(data={"prompt": "a", "items": ["x"]}),
            "answers: must be a list of {“id”, “title” or “body”}, as the List tag shows it",
        ),
        (
            task(result("ranker", {"ranker": "a"}), data={"prompt": "a", "items": [{"id": "a", "body": "x"}]}),
            "ranker: must be a list of ids, or buckets of ids",
        ),
        (task(lead_time="soon"), "lead_time: must be a number of seconds"),
    ],
)
def test_broken_tasks_are_refused_with_a_reason(row, sentence):
    assert reason("label_studio", row) == sentence
