"""What a rater is offered, and why nothing is when nothing is."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotation import desk, offers
from annotation.models import Judgement, Member, Project, Prompt, Role, Task
from annotation.offers import Offer
from annotation.tasks import write_tasks


def ask(project, count=1, *, language="", overlap=1) -> list[Task]:
    known = project.prompts.count()
    prompts = [
        Prompt.objects.create(project=project, messages=[{"role": "user", "content": f"Question {known + n}?"}], language=language)
        for n in range(count)
    ]
    write_tasks(prompts, overlap=overlap)
    return list(Task.objects.filter(prompt__in=prompts).order_by("pk"))


def judge(user, project, text="Done.") -> Judgement:
    seat = desk.claim(user, project)
    return desk.fill(seat, user, {"text": text}, key=desk.key_of(seat))


def changed(project, **fields) -> Project:
    Project.objects.filter(pk=project.pk).update(**fields)
    return Project.objects.get(pk=project.pk)


@pytest.fixture
def member(project, rater) -> Member:
    return Member.objects.get(project=project, user=rater)


def test_what_is_left_is_offered(project, rater):
    ask(project, 3, overlap=2)
    assert offers.offer(rater, project, []) == Offer(3)


@pytest.mark.parametrize("state", ["paused", "closed"])
def test_a_project_that_is_not_open_offers_nothing(project, rater, state):
    ask(project)
    assert offers.offer(rater, changed(project, state=state), []) == Offer(0, why=state)


def test_a_rater_who_did_their_share_is_told_so(project, rater):
    ask(project, 3)
    project = changed(project, most_per_rater=1)
    assert offers.offer(rater, project, []) == Offer(1)
    judge(rater, project)
    assert offers.offer(rater, project, []) == Offer(0, why="limit")


def test_languages_that_leave_nothing_are_named_with_what_there_is_elsewhere(project, rater):
    ask(project, 12, language="en")
    ask(project, 1, language="es")
    assert offers.offer(rater, project, ["es"]) == Offer(1)
    assert offers.offer(rater, project, ["fr"]) == Offer(0, why="languages", elsewhere=13)


def test_what_is_in_others_hands_may_come_back(project, rater, lead):
    ask(project)
    desk.claim(lead, project)
    assert offers.offer(rater, project, []) == Offer(0, why="hands")


def test_when_all_is_judged_nothing_is_left(project, rater):
    ask(project)
    judge(rater, project)
    assert offers.offer(rater, project, []) == Offer(0, why="nothing")


@pytest.fixture
def entry(project, lead) -> Project:
    """The project with an entry test of two tasks; their known answers are writings, which nothing is compared with."""
    for task in ask(project, 2):
        judgement = judge(lead, project)
        Task.objects.filter(pk=task.pk).update(purpose=Task.Purpose.ENTRY, reference=judgement)
    return changed(project, pass_percent=80)


def test_the_entry_test_comes_first_and_is_counted(entry, rater):
    ask(entry, 5)
    assert offers.offer(rater, entry, []) == Offer(2, entry=2)
    judge(rater, entry)
    assert offers.offer(rater, entry, []) == Offer(1, entry=1)


def test_who_skips_the_whole_test_has_not_passed(entry, rater):
    ask(entry, 5)
    for _task in range(2):
        desk.skip(desk.claim(rater, entry), rater, "Too hard")
    assert offers.offer(rater, entry, []) == Offer(0, why="failed")
    assert desk.claim(rater, entry) is None


def test_an_entry_seat_that_was_given_back_goes_to_the_next_rater(entry, rater):
    seat = desk.claim(rater, entry)
    desk.release(seat, rater)
    assert desk.claim(User.objects.create_user("next"), entry) == seat


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"state": "closed"}, "This project is closed"),
        ({"most_per_rater": 0}, "You have done your share"),
        ({}, "in other languages: choose below"),
    ],
)
def test_the_desk_says_why(client_of, project, rater, member, fields, words):
    ask(project, 12, language="en")
    ask(project, 12, language="eu")
    Member.objects.filter(pk=member.pk).update(languages=["fr"])
    changed(project, **fields)
    assert words in client_of(rater).get(reverse("desk", args=[project.pk])).content.decode()


def test_the_languages_that_wait_are_found_in_as_many_steps(project, rater):
    for language in ("es", "", "en"):
        ask(project, 2, language=language)
    with CaptureQueriesContext(connection) as asked:
        assert offers.languages(project) == ["", "en", "es"]
    assert len(asked) == 1
    assert offers.languages(Project.objects.create(name="Dry")) == []


def test_a_rater_chooses_languages_and_the_preferred_one_comes_first(client_of, project, rater, member):
    for language in ("en", "es", ""):
        ask(project, 1, language=language)
    client, url = client_of(rater), reverse("languages", args=[project.pk])
    assert client.post(url, {"language": ["en", "es"], "first": "es"}).headers["Location"] == reverse("desk", args=[project.pk])
    member.refresh_from_db()
    assert member.languages == ["es", "en"]
    assert desk.claim(rater, project).language == "es"
    client.post(url, {"language": ["unsaid"]})
    member.refresh_from_db()
    assert member.languages == [""]
    client.post(url, {})
    member.refresh_from_db()
    assert member.languages == []


def test_a_held_seat_and_its_draft_outlive_a_change_of_languages(client_of, project, rater, member):
    ask(project, 1, language="en")
    ask(project, 1, language="es")
    seat = desk.claim(rater, project)
    desk.save_draft(seat, rater, {"text": "Half"})
    client_of(rater).post(reverse("languages", args=[project.pk]), {"language": ["es"]})
    held = desk.claim(rater, project)
    assert (held, held.language, held.draft) == (seat, "en", {"text": "Half"})


def test_a_language_that_nobody_asked_in_is_refused(client_of, project, rater, member):
    ask(project, 1, language="en")
    page = client_of(rater).post(reverse("languages", args=[project.pk]), {"language": ["xx"]}, follow=True).content.decode()
    member.refresh_from_db()
    assert member.languages == []
    assert "xx is not one of the available choices" in page


def test_languages_are_each_members_own(client_of, project, rater, lead):
    ask(project, 1, language="en")
    client_of(rater).post(reverse("languages", args=[project.pk]), {"language": ["en"]})
    assert Member.objects.get(project=project, user=lead).languages == []
    assert Member.objects.get(project=project, user=rater).role == Role.RATER
