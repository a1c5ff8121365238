"""Tasks with a known answer are hidden among the others: nothing that a rater can see or ask for tells them apart."""

from __future__ import annotations

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from annotation import checks, desk, offers, own_work
from annotation.models import ApiToken, Judgement, Project, Prompt, Sample, Seat, Task
from annotation.tasks import answer_tasks


def pair(project, number: int, language="en") -> list[Sample]:
    content = f"Which of these two, {number}?"
    prompt = Prompt.objects.create(project=project, messages=[{"role": "user", "content": content}], language=language)
    texts = ("Good answer.", "Bad answer.")
    return [Sample.objects.create(prompt=prompt, messages=[{"role": "assistant", "content": text}], model="m") for text in texts]


def answered(seat, user) -> Judgement:
    return desk.fill(seat, user, {"tiers": [[seat.order[0]], [seat.order[1]]]}, key=desk.key_of(seat))


def known(project, lead, number: int, **pair_of) -> Task:
    (task,) = answer_tasks([pair(project, number, **pair_of)], kind="rank", overlap=1)
    task.reference = answered(desk.claim(lead, project), lead)
    task.purpose = Task.Purpose.GOLD
    task.save()
    return task


@pytest.fixture
def gold(project, lead) -> Task:
    return known(project, lead, 0)


@pytest.fixture
def work(project, gold) -> list[Task]:
    """Ten ordinary tasks, made after the gold one, in a project that hides gold among them."""
    Project.objects.update(gold_percent=50)
    project.refresh_from_db()
    return answer_tasks([pair(project, number) for number in range(1, 11)], kind="rank", overlap=1)


@pytest.fixture
def now(monkeypatch):
    """`now(True)`: gold is due whenever there is some; `now(False)`: never."""
    return lambda due: monkeypatch.setattr(checks, "_random", lambda: 0.0 if due else 0.999)


def test_gold_has_a_seat_of_the_line_and_what_stood_there_is_judged_later(project, rater, gold, work, now):
    ordinary = list(Seat.objects.free().order_by("id").values_list("pk", flat=True))
    taken = []
    for due in (False, True, False):
        now(due)
        taken.append(desk.claim(rater, project))
        answered(taken[-1], rater)
    assert [seat.pk for seat in taken] == ordinary[:3]
    assert taken[1].task == gold
    assert sorted(taken[1].order) == sorted(gold.samples.values_list("pk", flat=True))
    while seat := desk.claim(rater, project):
        answered(seat, rater)
    assert set(Judgement.objects.filter(rater=rater).values_list("task", flat=True)) == {gold.pk, *(task.pk for task in work)}


def test_gold_is_given_only_while_there_is_other_work(project, rater, gold, work, now):
    now(False)
    for _task in work:
        answered(desk.claim(rater, project), rater)
    now(True)
    assert desk.claim(rater, project) is None


def test_gold_is_in_a_language_of_the_rater(project, rater, gold, work, now):
    now(True)
    assert checks.due(rater, project, ["es"]).task is None
    assert checks.due(rater, project, ["es", "en"]).task == gold


def page_of(client, seat) -> str:
    return client.get(reverse("seat", args=[seat.pk])).content.decode()


def test_the_page_of_a_gold_seat_says_what_every_page_says(client_of, project, rater, gold, work, now):
    client, pages = client_of(rater), []
    for due in (False, True):
        now(due)
        seat = desk.claim(rater, project)
        assert (seat.task == gold) is due
        page = page_of(client, seat)
        for own in (f"/seats/{seat.pk}/", desk.key_of(seat), seat.task.prompt.messages[-1]["content"]):
            page = page.replace(own, "·")
        for letter, pk in zip("AB", seat.order, strict=True):
            page = page.replace(Sample.objects.get(pk=pk).text, letter)
        pages.append([line for line in page.splitlines() if "csrf" not in line.lower()])
        answered(seat, rater)
    assert pages[0] == pages[1]
    assert not {"gold", "known", "reference"} & set(" ".join(pages[1]).lower().split())


def test_a_program_that_rates_sees_no_difference(project, rater, gold, work, now):
    program, answers = APIClient(), []
    _token, secret = ApiToken.issue(user=rater, name="t")
    program.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    for due in (False, True):
        now(due)
        seat = program.post(reverse("api_next_seat", args=[project.pk])).json()
        given = [answer["sample_id"] for answer in seat["answers"]]
        sent = {"answer": {"tiers": [[given[0]], [given[1]]]}, "key": seat["key"]}
        receipt = program.post(reverse("api_judgement", args=[seat["seat"]]), sent, format="json").json()
        answers.append((seat, receipt))
    (plain, plain_receipt), (gold_seat, gold_receipt) = answers
    assert set(plain) == set(gold_seat)
    assert {name for name in plain if plain[name] != gold_seat[name]} <= {"seat", "messages", "answers", "held_until", "key"}
    assert set(plain_receipt) == set(gold_receipt) == {"id", "seat", "key", "created"}


def test_what_is_left_is_told_in_tens_where_gold_hides(project, rater, gold, work, now):
    told = []
    for due in (False, True, False):
        now(due)
        told.append(offers.offer(rater, project, []))
        answered(desk.claim(rater, project), rater)
    assert told == [offers.Offer(10, about=True)] * 3


def test_gold_is_no_part_of_a_raters_agreement(project, rater, lead, gold, work, now):
    now(True)
    answered(desk.claim(rater, project), rater)
    assert Judgement.objects.filter(task=gold).count() == 2
    assert own_work.agreement(rater, project) is None
