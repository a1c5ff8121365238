"""Rating in named aspects: alone, and after another question."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from annotation import asking, desk
from annotation.kinds import rate
from annotation.models import Grade
from annotation.tasks import answer_tasks

HELPFUL = {"name": "helpful", "title": "Helpful", "scale": "likert", "help": "Does it do what was asked?"}
TRUE = {"name": "truthful", "title": "Truthful", "scale": "thumb", "help": ""}
RUDE = {"name": "rude", "title": "Rude", "scale": "flag", "help": ""}
OVERALL = {"name": "overall", "title": "Overall", "scale": "likert", "help": ""}


@pytest.fixture
def project(project):
    project.aspects = [HELPFUL, TRUE, RUDE]
    project.save()
    return project


def ratings(*pairs) -> dict:
    return {"ratings": {str(answer.pk): values for answer, values in pairs}}


FULL = {"helpful": 6, "truthful": 1, "rude": 1}


def grades() -> dict[tuple[int, str], float]:
    return {(pk, aspect): value for pk, aspect, value in Grade.objects.values_list("sample_id", "aspect", "value")}


def test_each_answer_is_graded_in_each_aspect(project, rater, answers):
    a, b = answers
    answer_tasks([answers], kind="rate", overlap=1)
    payload = ratings((a, FULL), (b, {"helpful": 2, "truthful": 0}))
    judgement = desk.fill(desk.claim(rater, project), rater, payload, key="a")
    assert grades() == {
        (a.pk, "helpful"): 6.0,
        (a.pk, "truthful"): 1.0,
        (a.pk, "rude"): 1.0,
        (b.pk, "helpful"): 2.0,
        (b.pk, "truthful"): 0.0,
        (b.pk, "rude"): 0.0,
    }
    ask = asking.Ask(project, judgement.task, judgement.order)
    assert asking.recall(judgement, ask) == {
        **ratings((a, FULL), (b, {"helpful": 2, "truthful": 0, "rude": 0})),
        "comment": "",
    }


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "Answer B: rate “Helpful”."),
        ({"helpful": 3}, "Answer B: rate “Truthful”."),
        ({"helpful": 8, "truthful": 1}, "Answer B: “Helpful” must be one of 1, 2, 3, 4, 5, 6, 7."),
        ({"helpful": True, "truthful": 1}, "Answer B: “Helpful” must be one of"),
        ({"helpful": 3, "truthful": 2}, "Answer B: “Truthful” must be one of 0, 1."),
        ({"helpful": 3, "truthful": 1, "rude": -1}, "Answer B: “Rude” must be one of 0, 1."),
        ({"helpful": 3, "truthful": 1, "kind": 1}, "Answer B: no aspect kind is asked for."),
    ],
)
def test_a_wrong_rating_is_refused_by_letter_and_aspect(asked, answers, values, words):
    a, b = answers
    with pytest.raises(ValidationError) as refused:
        asking.parse(asked("rate", answers), ratings((a, FULL), (b, values)))
    assert words in refused.value.message_dict["ratings"][0]


@pytest.mark.parametrize("given", [[], "all", {"0": {}}, {"1": 3}])
def test_ratings_of_another_shape_are_refused(asked, answers, given):
    with pytest.raises(ValidationError) as refused:
        asking.parse(asked("rate", answers), {"ratings": given})
    assert list(refused.value.message_dict) == ["ratings"]


def test_a_project_without_aspects_cannot_be_rated(project, asked, answers):
    project.aspects = []
    with pytest.raises(ValidationError, match="names no aspects"):
        asking.parse(asked("rate", answers), {"ratings": {}})


def test_the_form_names_answers_by_letter(asked, answers):
    a, b = answers
    post = {"rate-A-helpful": "7", "rate-A-rude": "1", "rate-B-truthful": "0", "rate-B-helpful": "high", "rate-C-helpful": "1"}
    assert rate.payload_from_post(post, asked("rate", [b, a])) == ratings((b, {"helpful": 7, "rude": 1}), (a, {"truthful": 0}))


@pytest.mark.parametrize("draft", [{"ratings": []}, {"ratings": {"1": 7}}, {"ratings": None}])
def test_a_draft_that_makes_no_sense_is_empty(asked, answers, draft):
    shown = rate.context(asked("rate", answers), draft)["answers"]
    assert {row["chosen"] for answer in shown for row in answer["rows"]} == {None}


def test_after_a_comparison_only_the_better_answer_is_rated(project, rater, answers):
    a, b = answers
    answer_tasks([answers], kind="compare", overlap=1, follow_ups=["rate"])
    payload = {"preferred": b.pk, "strength": 2, **ratings((a, {"helpful": 1}), (b, FULL))}
    desk.fill(desk.claim(rater, project), rater, payload, key="a")
    assert grades() == {
        (a.pk, "overall"): 0.0,
        (b.pk, "overall"): 2.0,
        (b.pk, "helpful"): 6.0,
        (b.pk, "truthful"): 1.0,
        (b.pk, "rude"): 1.0,
    }


def test_after_a_ranking_all_of_the_best_tier_are_rated(project, rater, answers):
    a, b = answers
    answer_tasks([answers], kind="rank", overlap=1, follow_ups=["rate"])
    seat = desk.claim(rater, project)
    with pytest.raises(ValidationError, match=f"Answer {'AB'[seat.order.index(b.pk)]}: rate “Helpful”"):
        desk.fill(seat, rater, {"tiers": [[a.pk, b.pk]], **ratings((a, FULL))}, key="a")


def test_after_another_question_overall_is_not_asked_again(project, asked, answers):
    project.aspects = [OVERALL, HELPFUL]
    names = [aspect.name for aspect in rate.asked_aspects(asked("rank", answers, follow_ups=["rate"]))]
    assert names == ["helpful"]
    assert [aspect.name for aspect in rate.asked_aspects(asked("rate", answers))] == ["overall", "helpful"]
