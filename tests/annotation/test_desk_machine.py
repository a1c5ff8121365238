"""The desk as a state machine: whatever raters, clocks and leads do, in whatever order, its promises hold after each step.

Hypothesis chooses the steps and shrinks those that break a promise to the shortest list of them. A model in a few dictionaries says
what the desk must answer.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from annotation import correcting, desk, seating, waiting
from annotation.models import Judgement, Member, Project, Prompt, Role, Seat, Skip
from annotation.tasks import write_tasks

RATERS = 3
who = st.integers(0, RATERS - 1)
recent = st.integers(0, 5)  # the last page that was opened, or one of those before it
POLICIES = ["in_order", "random", "fewest", "disagreement"]


class Undone(Exception):
    """Rolls back what one example did."""


class Desk(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        number = Project.objects.count()
        self.project = Project.objects.create(name=f"Machine {number}", hold_minutes=30)
        self.raters = [User.objects.create_user(f"rater {number}.{each}") for each in range(RATERS)]
        for rater in self.raters:
            Member.objects.create(project=self.project, user=rater, role=Role.RATER)
        self.tabs: list[tuple[Seat, int]] = []  # every page that was ever opened, stale ones too
        self.acknowledged: dict[str, int] = {}
        self.skipped: set[tuple[int, int]] = set()
        self.more_tasks(2)

    def teardown(self) -> None:
        self.atomic.__exit__(Undone, Undone(), None)

    def more_tasks(self, overlap: int) -> None:
        before = self.project.prompts.count()
        prompts = [
            Prompt.objects.create(project=self.project, messages=[{"role": "user", "content": str(before + number)}])
            for number in range(2)
        ]
        write_tasks(prompts, overlap=overlap)

    @rule(overlap=st.integers(1, 3), what=st.sampled_from(["tasks", "overlap", "clock", "release", *POLICIES]))
    def meanwhile(self, what, overlap):
        """What leads and clocks do: one rule of many, so that most steps are the raters'."""
        if what == "tasks":
            self.more_tasks(overlap)
        elif what == "overlap":
            seating.raise_overlap(self.project, "write", overlap + 1)
        elif what == "clock":
            held = Seat.objects.filter(project=self.project, rater__isnull=False, filled=None)
            held.update(held_until=timezone.now() - timedelta(seconds=1))
        elif what == "release":
            held = Seat.objects.filter(project=self.project, rater__isnull=False, filled=None).count()
            assert desk.release_all(self.project) == held
        else:
            self.project.policy = what
            self.project.save()
            seating.arrange(self.project)

    @rule(rater=who)
    def claim(self, rater):
        """Nobody is sent home while a seat is free for them; a held seat comes back as it was."""
        user = self.raters[rater]
        before = desk.held(user, self.project)
        free = Seat.objects.free().in_project(self.project).never_seen_by(user).exists()
        seat = desk.claim(user, self.project)
        assert (seat is not None) == (before is not None or free)
        if before:
            assert (seat.pk, seat.held_since) == (before.pk, before.held_since)
        if seat:
            assert (seat.task_id, rater) not in self.skipped
            self.tabs.append((Seat.objects.get(pk=seat.pk), rater))

    @precondition(lambda self: self.tabs)
    @rule(tab=recent, good=st.integers(0, 9).map(bool))
    def submit(self, tab, good):
        """From any tab, however stale. What was acknowledged once is acknowledged again, and is one judgement."""
        seat, rater = self.tabs[-1 - tab % len(self.tabs)]
        key, user = desk.key_of(seat), self.raters[rater]
        now = Seat.objects.get(pk=seat.pk)
        sits = (now.rater_id, now.held_since, now.filled) == (user.pk, seat.held_since, None)
        try:
            judgement = desk.fill(seat, user, {"text": f"Mine, {key}" if good else " "}, key=key)
        except ValidationError:
            assert not good
        except desk.SeatLost:
            assert not sits
            assert key not in self.acknowledged
        else:
            assert sits or key in self.acknowledged
            assert self.acknowledged.setdefault(key, judgement.pk) == judgement.pk

    @precondition(lambda self: self.tabs)
    @rule(tab=recent, way=st.sampled_from(["draft", "release", "skip"]))
    def keep_or_leave(self, tab, way):
        seat, rater = self.tabs[-1 - tab % len(self.tabs)]
        user = self.raters[rater]
        try:
            if way == "draft":
                desk.save_draft(seat, user, {"text": "half"})
            elif way == "release":
                desk.release(seat, user)
            else:
                desk.skip(seat, user, "Not mine to judge.")
                self.skipped.add((seat.task_id, rater))
        except desk.SeatLost:
            now = Seat.objects.get(pk=seat.pk)
            assert (now.rater_id, now.held_since, now.filled) != (user.pk, seat.held_since, None)

    @precondition(lambda self: self.tabs)
    @rule(tab=recent)
    def sit_down_again(self, tab):
        """Gives the seat back and claims the next, which may be the same: a new sitting, to which the old tab does not belong."""
        seat, rater = self.tabs[-1 - tab % len(self.tabs)]
        with contextlib.suppress(desk.SeatLost):
            desk.release(seat, self.raters[rater])
        self.claim(rater)

    @precondition(lambda self: self.acknowledged)
    @rule(one=recent)
    def change_my_mind(self, one):
        judgement = Judgement.objects.get(pk=sorted(self.acknowledged.values())[one % len(self.acknowledged)])
        before = Judgement.objects.filter(supersedes=judgement).first()
        again = correcting.amend(judgement, judgement.rater, {"text": "Better."}, key=f"change {judgement.pk}")
        assert again.supersedes_id == judgement.pk
        assert before in (None, again)

    @invariant()
    def no_task_has_more_judgements_than_seats(self):
        first = Judgement.objects.filter(task__prompt__project=self.project, supersedes=None)
        filled = Seat.objects.filter(project=self.project, filled__isnull=False)
        assert Counter(first.values_list("task_id", flat=True)) == Counter(filled.values_list("task_id", flat=True))

    @invariant()
    def nobody_judges_a_task_twice_and_nothing_acknowledged_is_lost(self):
        first = Judgement.objects.filter(task__prompt__project=self.project, supersedes=None)
        assert not first.values("task", "rater").annotate(n=Count("pk")).filter(n__gt=1).exists()
        assert dict(first.values_list("key", "pk")) == self.acknowledged

    @invariant()
    def nobody_holds_two_seats_or_one_that_they_skipped(self):
        held = Seat.objects.filter(project=self.project, rater__isnull=False, filled=None).values_list("task_id", "rater_id")
        numbers = {user.pk: number for number, user in enumerate(self.raters)}
        assert max(Counter(rater for _task, rater in held).values(), default=0) <= 1
        assert not self.skipped & {(task, numbers[rater]) for task, rater in held}

    @invariant()
    def what_is_left_is_what_could_be_claimed(self):
        for user in self.raters:
            free = Seat.objects.free().in_project(self.project).never_seen_by(user).values("task_id").distinct().count()
            assert waiting.left_for(user, self.project, []) == free


@pytest.mark.heavy
@pytest.mark.django_db
def test_the_desk_keeps_its_promises_whatever_happens():
    from hypothesis.stateful import run_state_machine_as_test

    assert Skip.objects.count() == 0
    run_state_machine_as_test(
        Desk,
        settings=settings(
            max_examples=30, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck), database=None
        ),
    )
