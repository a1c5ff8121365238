"""How fast a project goes, and what each rater did: counted from seats and judgements."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from annotation import desk, flags, pace
from annotation.models import Judgement, Prompt, Review, Seat
from annotation.tasks import write_tasks


@pytest.fixture
def judged(project, rater) -> list[Judgement]:
    """Four of six tasks are judged, in 10, 20, 30 and 40 active seconds."""
    write_tasks(
        [Prompt.objects.create(project=project, messages=[{"role": "user", "content": str(n)}]) for n in range(6)], overlap=1
    )
    made = []
    for number in range(1, 5):
        seat = desk.claim(rater, project)
        desk.fill(seat, rater, {"text": "Mine."}, key=desk.key_of(seat))
        Judgement.objects.filter(seat=seat).update(seconds=10 * number)
        made.append(Judgement.objects.get(seat=seat))
    return made


def moved(judgement: Judgement, days: float) -> None:
    Seat.objects.filter(pk=judgement.seat_id).update(filled=timezone.now() - timedelta(days=days))


def test_the_first_hour_says_nothing_of_a_day(project, judged):
    found = pace.pace(project, open_seats=2)
    assert (found.today, found.a_day, found.days_left) == (4, pytest.approx(4, abs=0.01), 0)


def test_the_pace_is_of_the_last_week_and_says_how_long_the_rest_takes(project, judged):
    moved(judged[0], 20)
    moved(judged[1], 4)
    found = pace.pace(project, open_seats=9)
    assert found.a_day == pytest.approx(3 / 4, rel=0.01)
    assert found.days_left == 12
    assert [count for _day, count in found.days if count] == [1, 1, 2]


def test_nobody_has_judged_and_nothing_is_promised(project):
    assert pace.pace(project, open_seats=5).days_left is None


def test_a_rater_is_counted_with_time_skips_flags_and_what_came_back(project, rater, lead, judged):
    seat = desk.claim(rater, project)
    flags.raise_flag(seat, rater, "unclear")
    desk.skip(seat, rater, "I cannot tell.")
    Review.objects.create(judgement=judged[0], reviewer=lead, verdict="returned", comment="Look again.")
    (row,) = pace.raters(project, 10)
    assert row == pace.RaterRow(name="rater", judgements=4, active=100.0, median=25.0, skips=1, flags=1, returned=1)
    assert row.clock == "0:02"


def test_those_who_judged_most_stand_first(project, rater, judged):
    other = User.objects.create_user("other")
    seat = desk.claim(other, project)
    desk.fill(seat, other, {"text": "Mine too."}, key=desk.key_of(seat))
    assert [row.name for row in pace.raters(project, 10)] == ["rater", "other"]
    assert [row.name for row in pace.raters(project, 1)] == ["rater"]
