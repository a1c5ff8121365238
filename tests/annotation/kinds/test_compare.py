"""Comparing two answers: what it accepts, refuses, records and recalls."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from annotation import asking, desk
from annotation.kinds import compare
from annotation.models import Judgement
from annotation.tasks import answer_tasks


def compared(project, rater, answers, payload) -> Judgement:
    answer_tasks([answers], kind="compare", overlap=1)
    return desk.fill(desk.claim(rater, project), rater, payload, key="a")


def grades(judgement: Judgement, aspect: str) -> dict[int, float]:
    return dict(judgement.grades.filter(aspect=aspect).values_list("sample_id", "value"))


@pytest.mark.parametrize("strength", [1, 2, 3])
def test_the_better_answer_is_graded_by_how_much_better_it_is(project, rater, answers, strength):
    a, b = answers
    judgement = compared(project, rater, answers, {"preferred": b.pk, "strength": strength})
    assert grades(judgement, "overall") == {a.pk: 0.0, b.pk: float(strength)}
    assert grades(judgement, "acceptable") == {}


def test_a_tie_is_nothing_against_nothing(project, rater, answers):
    a, b = answers
    judgement = compared(project, rater, answers, {"preferred": None})
    assert grades(judgement, "overall") == {a.pk: 0.0, b.pk: 0.0}
    assert grades(judgement, "acceptable") == {}


def test_both_can_be_bad_and_one_still_better(project, rater, answers):
    a, b = answers
    judgement = compared(project, rater, answers, {"preferred": a.pk, "strength": 1, "both_bad": True})
    assert grades(judgement, "overall") == {a.pk: 1.0, b.pk: 0.0}
    assert grades(judgement, "acceptable") == {a.pk: 0.0, b.pk: 0.0}


def test_both_bad_alone_is_a_tie(asked, answers):
    assert compare.parse({"both_bad": True}, asked("compare", answers)) == compare.parse(
        {"preferred": None, "both_bad": True}, asked("compare", answers)
    )


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({}, "preferred"),
        ({"both_bad": False}, "preferred"),
        ({"preferred": 0, "strength": 1}, "preferred"),
        ({"preferred": True, "strength": 1}, "preferred"),
        ({"preferred": "A"}, "preferred"),
        ({"preferred": None, "both_bad": 1}, "both_bad"),
        ({"preferred": None, "tie": True}, "tie"),
    ],
)
def test_what_is_no_comparison_is_refused_by_field(asked, answers, payload, field):
    with pytest.raises(ValidationError) as refused:
        asking.parse(asked("compare", answers), payload)
    assert list(refused.value.message_dict) == [field]


@pytest.mark.parametrize("strength", [None, 0, 4, 1.5, True, "2"])
def test_a_strength_that_is_none_is_refused(asked, answers, strength):
    with pytest.raises(ValidationError) as refused:
        asking.parse(asked("compare", answers), {"preferred": answers[0].pk, "strength": strength})
    assert list(refused.value.message_dict) == ["strength"]


def test_the_better_answer_is_the_best_and_of_equals_both(asked, answers):
    a, b = (answer.pk for answer in answers)
    ask = asked("compare", answers)
    assert compare.best(compare.parse({"preferred": b, "strength": 2}, ask)) == (b,)
    assert compare.best(compare.parse({"preferred": None}, ask)) == (a, b)


def test_the_form_names_answers_by_letter(asked, answers):
    a, b = answers
    ask = asked("compare", [b, a])
    assert compare.payload_from_post({"choice": "A3"}, ask) == {"preferred": b.pk, "strength": 3, "both_bad": False}
    assert compare.payload_from_post({"choice": "B1", "bad": "1"}, ask) == {"preferred": a.pk, "strength": 1, "both_bad": True}
    assert compare.payload_from_post({"choice": "tie"}, ask) == {"preferred": None, "both_bad": False}
    assert compare.payload_from_post({"choice": "C9"}, ask) == {"both_bad": False}


@pytest.mark.parametrize("choice", compare.STEPS)
@pytest.mark.parametrize("bad", ["", "1"])
def test_a_judgement_is_recalled_as_it_was_sent(project, rater, asked, answers, choice, bad):
    sent = compare.payload_from_post({"choice": choice, "bad": bad}, asked("compare", answers))
    judgement = compared(project, rater, answers, sent)
    ask = asking.Ask(project, judgement.task, judgement.order)
    assert asking.recall(judgement, ask) == {**sent, "comment": ""}


@pytest.mark.parametrize("choice", compare.STEPS)
def test_a_draft_comes_back_chosen(asked, answers, choice):
    ask = asked("compare", answers)
    context = compare.context(ask, compare.payload_from_post({"choice": choice}, ask))
    assert [step["value"] for step in context["steps"] if step["chosen"]] == [choice]


@pytest.mark.parametrize("draft", [{"preferred": [], "strength": {}}, {"preferred": 0}, {"both_bad": "yes"}, {"preferred": "x"}])
def test_a_draft_that_makes_no_sense_chooses_nothing(asked, answers, draft):
    context = compare.context(asked("compare", answers), draft)
    assert not any(step["chosen"] for step in context["steps"])
    assert not context["bad"]
