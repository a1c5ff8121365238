"""A rater's own work, counted from what they sent last."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from annotation import desk, own_work, seating
from annotation.models import Judgement, Member, Project, Prompt, Role, Sample, Seat, Task
from annotation.own_work import Agreement, Sitting
from annotation.tasks import answer_tasks

NOON = timezone.make_aware(datetime(2026, 11, 20, 12))


def sitting(minutes_ago: float, minutes: float | None) -> Sitting:
    return Sitting(1, "rank", NOON - timedelta(minutes=minutes_ago), None if minutes is None else minutes * 60)


@pytest.mark.parametrize(
    ("latest", "minutes"),
    [
        ([], 0),
        ([sitting(1, 20), sitting(22, 20)], 40),
        ([sitting(1, 20), sitting(26, 20)], 20),  # five minutes away
        ([sitting(5, 20)], 0),  # away now
        ([sitting(0, 20), sitting(24.9, 20), sitting(45, 10)], 50),
        ([sitting(0, 1), sitting(1, None), sitting(1, 3)], 4),
    ],
)
def test_time_without_a_pause_is_active_time_since_five_minutes_away(latest, minutes):
    assert own_work.unbroken(latest, NOON) == timedelta(minutes=minutes)


def past(project, rater, count, *, seconds=30.0, gap=timedelta(minutes=1), kind="write") -> list[Seat]:
    """`count` judgements of the rater, the last one just now, each `gap` before the next."""
    prompts = Prompt.objects.bulk_create(
        Prompt(project=project, messages=[{"role": "user", "content": f"{kind} {n}"}], digest=f"{kind} {n}") for n in range(count)
    )
    tasks = Task.objects.bulk_create(Task(prompt=prompt, kind=kind) for prompt in prompts)
    now = timezone.now()
    seats = seating.add_filled_seats(project, [(task.pk, rater.pk, now - n * gap, []) for n, task in enumerate(tasks)])
    Judgement.objects.bulk_create(
        Judgement(task_id=seat.task_id, seat=seat, rater=rater, key=f"{kind} {n}", seconds=seconds) for n, seat in enumerate(seats)
    )
    return seats


def test_the_usual_time_is_the_median_of_the_last_fifty_by_kind(project, rater):
    past(project, rater, 60, seconds=10)
    Judgement.objects.filter(key__in=[f"write {n}" for n in range(50)]).update(seconds=20)
    Judgement.objects.filter(key="write 0").update(seconds=9999)
    past(project, rater, 2, kind="rank", seconds=None)
    assert own_work.medians(own_work.sittings(rater), project) == {"write": 20}


def test_a_changed_judgement_counts_once_with_its_whole_time(project, rater):
    (seat,) = past(project, rater, 1)
    first = Judgement.objects.get()
    Judgement.objects.create(task=seat.task, seat=seat, rater=rater, key="changed", seconds=45, supersedes=first)
    assert [one.seconds for one in own_work.sittings(rater)] == [45]
    assert own_work.seconds_today(rater) == {project.pk: 45}


def test_judgements_are_counted_by_the_readers_days(project, rater):
    seats = past(project, rater, 4)
    midnight = own_work.midnights()[-1]
    for seat, when in zip(seats, (0, -1, -13 * 86400, -14 * 86400), strict=True):
        Seat.objects.filter(pk=seat.pk).update(filled=midnight + timedelta(seconds=when))
    assert own_work.judged_by_day(rater) == {project.pk: [1, *[0] * 11, 1, 1]}
    assert own_work.seconds_today(rater) == {project.pk: 30.0}


def test_what_is_read_of_a_long_past_is_bounded(project, rater, monkeypatch):
    past(project, rater, 30)
    monkeypatch.setattr("annotation.seats.LAST", 10)
    monkeypatch.setattr(own_work, "COUNTED", 20)
    assert len(own_work.sittings(rater)) == 10
    assert own_work.judged_in_all(rater, project) == 20
    assert sum(own_work.judged_by_day(rater)[project.pk]) == 20


@pytest.fixture
def shared(project, rater, lead) -> list[Task]:
    """Two tasks of three answers for two raters each."""
    groups = []
    for number in range(2):
        prompt = Prompt.objects.create(project=project, messages=[{"role": "user", "content": f"Which, {number}?"}])
        groups.append([Sample.objects.create(prompt=prompt, messages=[], model=f"m{n}") for n in range(3)])
    return answer_tasks(groups, kind="rank", overlap=2)


def rank(user, project, tiers) -> Judgement:
    """Ranks the task at hand: `tiers` of places in order of sample id."""
    seat = desk.claim(user, project)
    ids = sorted(seat.order)
    return desk.fill(seat, user, {"tiers": [[ids[place] for place in tier] for tier in tiers]}, key=desk.key_of(seat))


def test_agreement_is_the_share_of_pairs_ordered_alike_and_a_tie_against_an_order_is_half(project, rater, lead, shared):
    rank(rater, project, [[0], [1], [2]])
    assert own_work.agreement(rater, project) is None
    rank(lead, project, [[0], [1, 2]])  # two of three pairs alike, a tie against the third
    rank(rater, project, [[0, 1, 2]])
    rank(lead, project, [[0, 1, 2]])
    assert own_work.agreement(rater, project) == Agreement(pytest.approx(550 / 6), 6, 2)


def test_what_a_rater_took_back_is_not_compared(project, rater, lead, shared):
    mine = rank(rater, project, [[0], [1], [2]])
    theirs = rank(lead, project, [[2], [1], [0]])
    Judgement.objects.create(task=theirs.task, seat=theirs.seat, rater=lead, key="x", supersedes=theirs)
    assert own_work.agreement(rater, project) is None
    assert mine.task == theirs.task


def statements(client, url) -> int:
    with CaptureQueriesContext(connection) as asked:
        assert client.get(url).status_code == 200
    return len(asked)


def test_home_and_desk_ask_as_much_of_a_long_past_as_of_a_short_one(client_of, project, rater):
    client, desk_url = client_of(rater), reverse("desk", args=[project.pk])
    past(project, rater, 3)
    few = statements(client, reverse("home")), statements(client, desk_url)
    past(project, rater, 300, kind="rank")
    assert (statements(client, reverse("home")), statements(client, desk_url)) == few
    assert few == (12, 22)


def test_the_desk_shows_my_work_and_suggests_a_pause(client_of, project, rater):
    past(project, rater, 60, seconds=60)
    page = client_of(rater).get(reverse("desk", args=[project.pk])).content.decode()
    assert "You have worked for 60 minutes without a pause" in page
    assert "<dd>60 s</dd>" in page
    assert "<dd>60</dd>" in page


def test_nobody_who_paused_is_told_to_pause(client_of, project, rater):
    past(project, rater, 60, seconds=60, gap=timedelta(minutes=7))
    assert "without a pause" not in client_of(rater).get(reverse("desk", args=[project.pk])).content.decode()


def test_my_work_is_mine(client_of, project, rater, lead):
    past(project, rater, 3)
    page = client_of(lead).get(reverse("desk", args=[project.pk])).content.decode()
    assert "My work" not in page


def test_home_shows_what_was_done_today(client_of, project, rater):
    past(project, rater, 2, seconds=90, gap=timedelta(0))
    other = Project.objects.create(name="Sea")
    Member.objects.create(project=other, user=rater, role=Role.RATER)
    page = client_of(rater).get(reverse("home")).content.decode()
    assert "2 judged today · 3 active minutes" in page
    assert page.count("judged today") == 1
    assert '<svg class="bars"' in page


def test_somebody_without_a_past_sees_no_empty_chart(client_of, project, db):
    user = User.objects.create_user("fresh")
    Member.objects.create(project=project, user=user, role=Role.RATER)
    assert "<svg" not in client_of(user).get(reverse("home")).content.decode()
