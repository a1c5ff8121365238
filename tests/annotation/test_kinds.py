"""What writing and ranking accept, refuse and record."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from django.core.exceptions import ValidationError

from annotation import asking, desk
from annotation.asking import Ask
from annotation.kinds import rank
from annotation.models import Grade, Judgement, Prompt, Sample, Seat, Task
from annotation.tasks import answer_tasks, write_tasks


@pytest.fixture
def prompt(project) -> Prompt:
    return Prompt.objects.create(project=project, messages=[{"role": "user", "content": "Name a river."}])


@pytest.fixture
def answers(prompt) -> list[Sample]:
    return [
        Sample.objects.create(prompt=prompt, messages=[{"role": "assistant", "content": text}], model="base")
        for text in ("Ebro.", "Duero.", "Tajo.", "Mar.")
    ]


def grades(judgement: Judgement, aspect: str) -> dict[int, float]:
    return dict(Grade.objects.filter(judgement=judgement, aspect=aspect).values_list("sample_id", "value"))


def asked(project, kind: str, answers: Iterable[Sample] = ()) -> Ask:
    """What a rater is asked who sees these answers in this order."""
    return Ask(project, Task(kind=kind), [answer.pk for answer in answers])


def ranked(project, rater, answers, payload) -> Judgement:
    answer_tasks([answers], kind="rank", overlap=1)
    return desk.fill(desk.claim(rater, project), rater, payload, key="a")


def test_a_writing_becomes_a_sample_by_its_rater(project, rater, prompt):
    write_tasks([prompt], overlap=1)
    judgement = desk.fill(desk.claim(rater, project), rater, {"text": " Ebro.\r\nDuero. "}, key="a")
    assert judgement.written.messages == [{"role": "assistant", "content": "Ebro.\nDuero."}]
    assert (judgement.written.author, judgement.written.model, judgement.written.prompt) == (rater, "", prompt)
    assert not judgement.grades.exists()


@pytest.mark.parametrize(
    "payload",
    [{}, {"text": "  \n"}, {"text": 3}, {"text": "a\0"}, {"text": "\ud800"}, {"text": "x" * 100_001}],
)
def test_a_writing_that_is_no_text_is_refused_by_field(project, payload):
    with pytest.raises(ValidationError) as refused:
        asking.parse(asked(project, "write"), payload)
    assert list(refused.value.message_dict) == ["text"]


@pytest.mark.parametrize(("payload", "field"), [([], "answer"), ("Ebro.", "answer"), ({"text": "a", "b": 1}, "b")])
def test_a_payload_of_another_shape_is_refused_by_field(project, payload, field):
    with pytest.raises(ValidationError) as refused:
        asking.parse(asked(project, "write"), payload)
    assert list(refused.value.message_dict) == [field]


def test_a_tier_is_worth_the_number_of_tiers_below_it(project, rater, answers):
    a, b, c, d = (answer.pk for answer in answers)
    judgement = ranked(project, rater, answers, {"tiers": [[a], [b, c], [d]]})
    assert grades(judgement, "overall") == {a: 2.0, b: 1.0, c: 1.0, d: 0.0}
    assert grades(judgement, "acceptable") == {a: 1.0, b: 1.0, c: 1.0, d: 1.0}


def test_unacceptable_answers_share_the_lowest_value(project, rater, answers):
    a, b, c, d = (answer.pk for answer in answers)
    judgement = ranked(project, rater, answers, {"tiers": [[b], [a]], "unacceptable": [c, d]})
    assert grades(judgement, "overall") == {a: 1.0, b: 2.0, c: 0.0, d: 0.0}
    assert grades(judgement, "acceptable") == {a: 1.0, b: 1.0, c: 0.0, d: 0.0}


def test_all_answers_can_be_equal_or_all_unacceptable(project, rater, answers):
    ids = [answer.pk for answer in answers]
    assert grades(ranked(project, rater, answers, {"tiers": [], "unacceptable": ids}), "overall") == dict.fromkeys(ids, 0.0)


def test_tiers_that_were_left_empty_do_not_count(project, answers):
    a, b, c, d = (answer.pk for answer in answers)
    assert rank.parse({"tiers": [[a, b], [], [c, d], []]}, asked(project, "rank", answers)) == rank.Answer(((a, b), (c, d)), ())


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda ids: {"tiers": [ids[:2]]}, "2 are in no tier"),
        (lambda ids: {"tiers": [ids, ids[:1]]}, "more than once"),
        (lambda ids: {"tiers": [ids, [0]]}, "Not answers of this task: samples 0"),
        (lambda ids: {"tiers": ids}, "list of sample ids"),
        (lambda ids: {"tiers": [[str(pk) for pk in ids]]}, "list of sample ids"),
        (lambda ids: {"tiers": [[True]]}, "list of sample ids"),
        (lambda ids: {"tiers": "best"}, "list of lists"),
        (lambda ids: {"order": ids}, "there are: tiers, unacceptable"),
        (lambda ids: ids, "Must be an object with: tiers, unacceptable"),
    ],
)
def test_a_ranking_that_does_not_place_each_answer_once_is_refused(project, answers, wrong, words):
    with pytest.raises(ValidationError, match=words):
        asking.parse(asked(project, "rank", answers), wrong([answer.pk for answer in answers]))


def test_the_form_of_a_page_names_answers_by_letter(project):
    ask = Ask(project, Task(kind="rank"), [7, 5, 6])
    post = {"tier-A": "1", "tier-B": "unacceptable", "tier-C": "3", "tier-D": "1"}
    assert rank.payload_from_post(post, ask) == {"tiers": [[7], [], [6]], "unacceptable": [5]}
    assert rank.payload_from_post({"tier-A": "9"}, ask) == {"tiers": [[], [], []], "unacceptable": []}


def test_many_tasks_are_made_with_few_queries(project, prompt, answers, django_assert_max_num_queries):
    with django_assert_max_num_queries(8):
        tasks = answer_tasks([answers[:2], answers[1:], answers], kind="rank", overlap=3)
    assert [task.samples.count() for task in tasks] == [2, 3, 4]
    assert Seat.objects.filter(project=project).count() == 9


def test_a_group_that_is_no_ranking_is_refused(project, answers):
    other = Prompt.objects.create(project=project, messages=[{"role": "user", "content": "Another?"}])
    stray = Sample.objects.create(prompt=other, messages=[], model="base")
    with pytest.raises(ValueError, match="2 to 9 different answers"):
        answer_tasks([answers[:1]], kind="rank", overlap=1)
    with pytest.raises(ValueError, match="2 to 9 different answers"):
        answer_tasks([[answers[0], answers[0]]], kind="rank", overlap=1)
    with pytest.raises(ValueError, match="answer one prompt"):
        answer_tasks([[answers[0], stray]], kind="rank", overlap=1)
    with pytest.raises(ValueError, match="overlap"):
        answer_tasks([answers], kind="rank", overlap=0)


@pytest.mark.parametrize("tiers", [[[0], [1, 2], [3]], [[3], [2], [1], [0]], [[0, 1, 2, 3]], [[1], [0]], []])
def test_a_judgement_recalls_the_ranking_that_made_it(project, rater, answers, tiers):
    ids = [answer.pk for answer in answers]
    placed = [[ids[number] for number in tier] for tier in tiers]
    bad = [pk for pk in ids if all(pk not in tier for tier in placed)]
    judgement = ranked(project, rater, answers, {"tiers": placed, "unacceptable": bad})
    again = asking.recall(judgement, asked(project, "rank", answers))
    assert again == {"tiers": placed, "unacceptable": bad, "comment": ""}
