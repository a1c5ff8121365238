"""The quality of a small project, read from the database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from annotation import seating
from annotation.models import Grade, Judgement, Project, Prompt, Sample, Task
from annotation.quality.rows import rows_of
from annotation.quality.summary import summary

TEXTS = ["Short.", "Quite a bit longer, with “quotes” and ñ.", "Mid length answer."]


def make_task(project: Project, *, purpose: str = "train") -> tuple[Task, list[Sample]]:
    prompt = Prompt.objects.create(project=project, messages=[{"role": "user", "content": f"Question {Prompt.objects.count()}?"}])
    samples = [
        Sample.objects.create(prompt=prompt, model=f"m{n}", messages=[{"role": "assistant", "content": text}])
        for n, text in enumerate(TEXTS)
    ]
    task = Task.objects.create(prompt=prompt, kind="rank", purpose=purpose)
    task.samples.set(samples)
    return task, samples


def judge(project: Project, task: Task, rater: User, shown: list[Sample], values: list[float], **fields) -> Judgement:
    """`values`: the overall grades of the samples in the order shown."""
    order = [sample.pk for sample in shown]
    when = timezone.now() - timedelta(minutes=1)
    seat = seating.add_filled_seats(project, [(task.pk, rater.pk, when, order)])[0]
    key = f"{task.pk}/{rater.pk}/{Judgement.objects.count()}"
    judgement = Judgement.objects.create(task=task, seat=seat, rater=rater, key=key, order=order, **fields)
    grades = [(sample, "overall", value) for sample, value in zip(shown, values, strict=True)]
    grades += [(sample, "acceptable", 1.0 if value else 0.0) for sample, value in zip(shown, values, strict=True)]
    Grade.objects.bulk_create(
        Grade(judgement=judgement, sample=sample, aspect=aspect, value=value) for sample, aspect, value in grades
    )
    return judgement


@pytest.fixture
def people(db) -> list[User]:
    return [User.objects.create_user(name) for name in ("ana", "ben", "eva")]


@pytest.fixture
def judged(project, people) -> Project:
    """Six tasks: ana and ben put the longest answer first and the shortest last; eva, who sees them reversed, does the opposite."""
    for number in range(6):
        task, (short, longest, middle) = make_task(project)
        judge(project, task, people[0], [longest, middle, short], [2, 1, 0], seconds=10.0 + number)
        judge(project, task, people[1], [middle, longest, short], [1, 2, 0], seconds=20.0)
        if number < 3:
            judge(project, task, people[2], [short, middle, longest], [2, 1, 0])
    return project


def test_each_rater_has_their_row_the_busiest_first(judged):
    found = summary(judged)
    assert [(row.name, row.judgements, row.seconds) for row in found.raters] == [
        ("ana", 6, 12.5),
        ("ben", 6, 20.0),
        ("eva", 3, None),
    ]
    assert (found.judgements, found.tasks, found.partial) == (15, 6, False)
    assert [row.agreement.value for row in found.raters] == [0.75, 0.75, 0.0]
    assert [row.length.value for row in found.raters] == [1, 1, 0]
    assert [row.position.value for row in found.raters] == pytest.approx([1, 2 / 3, 1])
    ana, ben, eva = (row.reliability for row in found.raters)
    assert found.converged
    assert eva.beta < 0 < min(ana.beta, ben.beta)


def test_the_project_has_its_alpha_agreement_and_ceiling(judged):
    found = summary(judged)
    # Three tasks of two raters who agree on three pairs; three of three raters, of whom two agree.
    assert (found.agreement.value, found.agreement.n) == (0.5, 3 * 3 + 3 * 9)
    assert found.alpha.low < found.alpha.value < 1
    assert found.ceiling.lower.value < found.ceiling.upper.value < 1
    assert list(found.aspects) == ["acceptable"]


def test_only_judgements_in_force_made_to_train_by_raters_count(judged, people, lead):
    evaluated, samples = make_task(judged, purpose="evaluate")
    judge(judged, evaluated, people[0], samples, [0, 1, 2])
    task = Task.objects.filter(purpose="train").first()
    old = Judgement.objects.get(task=task, rater=people[0])
    new = Judgement.objects.create(task=task, seat=old.seat, rater=old.rater, key="new", order=old.order, supersedes=old)
    Grade.objects.bulk_create(
        Grade(judgement=new, sample_id=pk, value=value) for pk, value in zip(old.order, (0, 1, 2), strict=True)
    )
    judge(judged, task, lead, list(task.samples.all()), [0, 2, 1], ruling=True)
    rows = rows_of(judged, 100)
    assert len(rows.judgements) == 15
    assert [ordering.values for ordering in rows.orderings if (ordering.task, ordering.rater) == (task.pk, people[0].pk)] == [
        (0, 1, 2)
    ]
    assert lead.pk not in rows.names


def test_the_newest_are_taken_where_there_are_many(judged):
    found = summary(judged, limit=4)
    assert (found.judgements, found.tasks, found.partial) == (4, 2, True)


def test_lengths_are_characters_and_nothing_said_is_nought(judged):
    sample = Sample.objects.filter(grades__isnull=False).first()
    sample.messages = [{"role": "assistant", "content": None}]
    sample.save()
    lengths = rows_of(judged, 100).lengths
    assert lengths.pop(sample.pk) == 0
    assert set(lengths.values()) == {len(text) for text in TEXTS}


def test_what_a_rater_wrote_is_no_answer_that_was_shown(project, rater):
    task, samples = make_task(project)
    judgement = judge(project, task, rater, samples[:1], [0])
    written = Sample.objects.create(prompt=task.prompt, author=rater, messages=[{"role": "assistant", "content": "Better."}])
    Grade.objects.create(judgement=judgement, sample=written, value=1)
    assert rows_of(project, 10).orderings == []


def test_an_empty_project_has_nothing_to_say(project):
    found = summary(project)
    assert (found.judgements, found.alpha, found.agreement.n, found.raters) == (0, None, 0, [])


def test_queries_do_not_grow_with_judgements(judged, django_assert_num_queries):
    with django_assert_num_queries(5):
        summary(judged)
