"""Improving an answer: what it accepts, refuses and records."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from annotation import asking, desk
from annotation.kinds import edit
from annotation.models import Grade
from annotation.tasks import answer_tasks


def test_an_edit_is_a_sample_that_stands_above_its_origin(project, rater, answers):
    answer_tasks([answers[:1]], kind="edit", overlap=1)
    judgement = desk.fill(desk.claim(rater, project), rater, {"text": "The Ebro.\r\n"}, key="a")
    assert judgement.written.messages == [{"role": "assistant", "content": "The Ebro."}]
    assert (judgement.written.origin, judgement.written.author) == (answers[0], rater)
    assert dict(Grade.objects.values_list("sample_id", "value")) == {judgement.written.pk: 1.0, answers[0].pk: 0.0}
    ask = asking.Ask(project, judgement.task, judgement.order)
    assert asking.recall(judgement, ask) == {"text": "The Ebro.", "comment": ""}


@pytest.mark.parametrize("text", ["Ebro.", "  Ebro.\r\n", "", " \n", None, 3, "a\0", "x" * 100_001])
def test_what_is_no_improvement_is_refused(asked, answers, text):
    with pytest.raises(ValidationError) as refused:
        asking.parse(asked("edit", answers[:1]), {"text": text})
    assert list(refused.value.message_dict) == ["text"]


def test_line_ends_alone_are_no_change(asked, answers):
    answers[0].messages = [{"role": "assistant", "content": "a\r\nb\n"}]
    answers[0].save()
    with pytest.raises(ValidationError, match="Nothing is changed"):
        asking.parse(asked("edit", answers[:1]), {"text": "a\nb"})


def test_the_page_begins_with_the_answer_and_goes_on_with_the_draft(asked, answers):
    ask = asked("edit", answers[:1])
    assert edit.context(ask, {})["text"] == "Ebro."
    assert edit.context(ask, {"text": ""})["text"] == ""


def test_an_edit_shows_one_answer(answers):
    with pytest.raises(ValueError, match="shows 1 to 1"):
        answer_tasks([answers], kind="edit", overlap=1)
