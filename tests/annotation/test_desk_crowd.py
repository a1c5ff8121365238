"""Sixteen raters at one desk, each in a thread with its own connection to the database."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from annotation import desk
from annotation.models import Judgement, Prompt, Seat
from annotation.tasks import write_tasks

RATERS = 16


def together(work, arguments) -> None:
    """Runs `work(argument)` for all arguments at once; raises what any of them raised."""
    failures: list[BaseException] = []
    gate = threading.Barrier(len(arguments))

    def run(argument) -> None:
        try:
            gate.wait()
            work(argument)
        except BaseException as failure:
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(argument,)) for argument in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


@pytest.fixture
def crowd(project) -> list[User]:
    return [User.objects.create_user(f"rater {number}") for number in range(RATERS)]


def ask(project, count, overlap) -> None:
    prompts = Prompt.objects.bulk_create(
        Prompt(project=project, messages=[{"role": "user", "content": str(number)}], digest=str(number)) for number in range(count)
    )
    write_tasks(prompts, overlap=overlap)


@pytest.mark.django_db(transaction=True)
def test_sixteen_raters_at_once_are_never_doubled_and_nobody_goes_home_while_work_is_left(project, crowd):
    ask(project, count=24, overlap=3)
    sent_home_early = []

    def work(rater) -> None:
        while seat := desk.claim(rater, project):
            desk.fill(seat, rater, {"text": f"{rater} on {seat.task_id}"}, key=desk.key_of(seat))
        if Seat.objects.free().in_project(project).never_seen_by(rater).exists():
            sent_home_early.append(rater)

    together(work, crowd)
    assert sent_home_early == []
    assert not Seat.objects.filter(filled=None).exists()
    by_task = Counter(Judgement.objects.values_list("task_id", flat=True))
    assert sorted(by_task.values()) == [3] * 24
    assert max(Counter(Judgement.objects.values_list("task_id", "rater_id")).values()) == 1


@pytest.mark.django_db(transaction=True)
def test_sixteen_raters_for_ten_seats_leave_six_without(project, crowd):
    ask(project, count=10, overlap=1)
    seats = []
    together(lambda rater: seats.append(desk.claim(rater, project)), crowd)
    taken = [seat.pk for seat in seats if seat]
    assert len(taken) == len(set(taken)) == 10


@pytest.mark.django_db(transaction=True)
def test_one_rater_in_eight_tabs_gets_one_seat(project, rater):
    ask(project, count=20, overlap=2)
    seats = []
    together(lambda _tab: seats.append(desk.claim(rater, project).pk), range(8))
    assert len(set(seats)) == 1


@pytest.mark.django_db(transaction=True)
def test_one_form_sent_eight_times_at_once_is_one_judgement(project, rater):
    ask(project, count=1, overlap=2)
    seat = desk.claim(rater, project)
    made = []
    together(lambda _time: made.append(desk.fill(seat, rater, {"text": "Once."}, key=desk.key_of(seat)).pk), range(8))
    assert len(set(made)) == 1
    assert Judgement.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_rater_waits_for_a_seat_whose_taker_may_yet_leave_it(project, crowd):
    if not connection.features.has_select_for_update_skip_locked:
        pytest.skip("SQLite has one writer: nobody can look at a row that another is taking")
    ask(project, count=1, overlap=1)
    taken, claimed = threading.Event(), []

    def work(rater) -> None:
        if rater == crowd[0]:
            with transaction.atomic():
                Seat.objects.select_for_update().get()
                taken.set()
                threading.Event().wait(0.3)
        else:
            taken.wait()
            claimed.append(desk.claim(rater, project))

    together(work, crowd[:2])
    assert claimed[0].rater == crowd[1]
