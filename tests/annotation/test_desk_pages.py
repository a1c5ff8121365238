"""The rater's pages: what they show, what they keep, what they never tell."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from annotation import desk
from annotation.models import Guidelines, Judgement, Member, Project, Prompt, Role, Sample, Seat, Skip
from annotation.tasks import answer_tasks, write_tasks


def new_prompt(project, text="Name a river.") -> Prompt:
    return Prompt.objects.create(project=project, messages=[{"role": "user", "content": text}])


@pytest.fixture
def writing(project) -> None:
    write_tasks([new_prompt(project), new_prompt(project, "Name a sea.")], overlap=1)


@pytest.fixture
def ranking(project) -> list[Sample]:
    prompt = new_prompt(project)
    answers = [
        Sample.objects.create(prompt=prompt, messages=[{"role": "assistant", "content": text}], model=f"secret-model-{text}")
        for text in ("Ebro", "Duero", "Tajo")
    ]
    answer_tasks([answers], kind="rank", overlap=1)
    return answers


@pytest.fixture
def client(rater, client_of):
    return client_of(rater)


@pytest.fixture
def seat(rater, project):
    """`seat()` claims one."""
    return lambda: desk.claim(rater, project)


def url(name, seat) -> str:
    return reverse(name, args=[seat.pk])


def key_in(page: str) -> str:
    return re.search(r'name="key" value="(\w+)"', page)[1]


def test_home_shows_my_projects_with_role_and_what_is_left(client, project, writing):
    Project.objects.create(name="Somebody else's")
    page = client.get(reverse("home")).content.decode()
    assert "<strong>2</strong> left for you" in page
    assert "Rater" in page
    assert "Somebody else" not in page


def test_home_of_somebody_without_a_project_says_what_to_do(db, client_of):
    page = client_of(User.objects.create_user("new")).get(reverse("home")).content.decode()
    assert "Ask a lead for an invitation link" in page


def test_looking_at_the_desk_claims_nothing(client, project, writing):
    assert "Start" in client.get(reverse("desk", args=[project.pk])).content.decode()
    assert not Seat.objects.exclude(rater=None).exists()


def test_start_claims_a_seat_and_goes_there(client, project, writing, rater):
    response = client.post(reverse("next_seat", args=[project.pk]))
    assert response.headers["Location"] == url("seat", desk.held(rater, project))


@pytest.mark.parametrize(("state", "words"), [("open", "Nothing is left for you"), ("paused", "This project is paused")])
def test_an_empty_desk_says_why(client, project, state, words):
    Project.objects.update(state=state)
    assert words in client.get(reverse("desk", args=[project.pk])).content.decode()


def test_a_stranger_finds_no_desk_and_no_seat(project, writing, seat, client_of):
    stranger = client_of(User.objects.create_user("stranger"))
    held = seat()
    assert stranger.get(reverse("desk", args=[project.pk])).status_code == 404
    assert stranger.get(url("seat", held)).status_code == 403
    Member.objects.create(user=User.objects.get(username="stranger"), project=Project.objects.create(name="Sea"), role=Role.LEAD)
    assert stranger.get(url("seat", held)).status_code == 404
    assert stranger.post(url("submit", held), {"text": "Mine."}).status_code == 404


def test_the_page_of_a_ranking_never_tells_who_wrote_what(client, ranking, seat):
    page = client.get(url("seat", seat())).content.decode()
    assert "secret-model" not in page
    assert page.count("data-answer=") == 3


def test_answers_are_shown_in_the_stored_order(client, ranking, seat):
    held = seat()
    page = client.get(url("seat", held)).content.decode()
    texts = {answer.pk: answer.text for answer in ranking}
    assert re.findall('<p dir="auto">(Ebro|Duero|Tajo)</p>', page) == [texts[pk] for pk in held.order]
    assert re.findall(r'name="tier-(\w+)"', page) == ["A", "B", "C"]


def test_a_ranking_is_sent_without_script(client, ranking, seat):
    held = seat()
    best, *rest = held.order
    data = {
        "key": key_in(client.get(url("seat", held)).content.decode()),
        "tier-A": "1",
        "seconds": "0.01",
        "comment": "Clear.",
    }
    client.post(url("submit", held), data | {"tier-B": "unacceptable", "tier-C": "unacceptable"})
    judgement = Judgement.objects.get()
    assert dict(judgement.grades.filter(aspect="overall").values_list("sample_id", "value")) == {best: 1.0} | dict.fromkeys(
        rest, 0.0
    )
    assert (judgement.order, judgement.comment, judgement.seconds) == (held.order, "Clear.", 0.01)


def test_a_submit_goes_straight_to_the_next_seat(client, writing, seat, rater, project):
    held = seat()
    response = client.post(url("submit", held), {"key": "a", "text": "Ebro."}, follow=True)
    assert response.redirect_chain == [(url("seat", desk.held(rater, project)), 302)]
    assert "Saved." in response.content.decode()


def test_the_last_submit_ends_at_the_desk(client, ranking, seat, project):
    held = seat()
    response = client.post(url("submit", held), {"key": "a"} | dict.fromkeys(["tier-A", "tier-B", "tier-C"], "1"))
    assert response.headers["Location"] == reverse("desk", args=[project.pk])


def test_a_form_sent_twice_is_one_judgement(client, writing, seat):
    held = seat()
    page = client.get(url("seat", held)).content.decode()
    assert key_in(page) == key_in(client.get(url("seat", held)).content.decode())
    for _time in range(2):
        assert client.post(url("submit", held), {"key": key_in(page), "text": "Ebro."}).status_code == 302
    assert Judgement.objects.count() == 1


def test_htmx_gets_the_next_question_at_once(client, writing, seat, rater, project):
    response = client.post(url("submit", seat()), {"key": "a", "text": "Ebro."}, headers={"HX-Request": "true"})
    assert response.headers["HX-Push-Url"] == url("seat", desk.held(rater, project))
    assert response.content.decode().lstrip().startswith('<div id="question"')
    assert "Name a sea." in response.content.decode()


def test_htmx_is_sent_to_the_desk_when_nothing_is_left(client, ranking, seat, project):
    sent = {"key": "a"} | dict.fromkeys(["tier-A", "tier-B", "tier-C"], "1")
    response = client.post(url("submit", seat()), sent, headers={"HX-Request": "true"})
    assert response.headers["HX-Redirect"] == reverse("desk", args=[project.pk])


def test_an_error_comes_back_with_what_was_entered(client, ranking, seat):
    held = seat()
    response = client.post(url("submit", held), {"key": "a", "tier-A": "2", "comment": "Half <done>"})
    page = response.content.decode()
    assert response.status_code == 422
    assert "2 are in no tier yet" in page
    assert page.count('<option value="2" selected>') == 1
    assert "Half &lt;done&gt;" in page
    assert not Judgement.objects.exists()


def test_an_error_for_htmx_is_the_question_alone(client, writing, seat):
    response = client.post(url("submit", seat()), {"key": "a", "text": " "}, headers={"HX-Request": "true"})
    assert response.status_code == 422
    assert response.content.decode().lstrip().startswith('<div id="question"')


def test_a_draft_survives_and_is_shown_again(client, ranking, seat):
    held = seat()
    assert "saved" in client.post(url("draft", held), {"tier-B": "3", "comment": "Later", "seconds": "12.5"}).json()
    page = client.get(url("seat", held)).content.decode()
    assert page.count('<option value="3" selected>') == 1
    assert 'name="seconds" value="12.5"' in page
    assert ">Later</textarea>" in page


def test_a_draft_that_makes_no_sense_still_opens(client, ranking, seat, rater):
    held = seat()
    desk.save_draft(held, rater, {"tiers": [3, ["x"], {}], "unacceptable": "all", "seconds": "long"})
    assert client.get(url("seat", held)).status_code == 200


def test_a_lost_seat_says_what_happened_and_keeps_the_text(client, writing, seat, lead, project):
    held = seat()
    Seat.objects.filter(pk=held.pk).update(held_until=timezone.now() - timedelta(minutes=1))
    desk.claim(lead, project)
    response = client.post(url("submit", held), {"key": "a", "text": "My long answer"})
    assert response.status_code == 409
    assert "another rater took the place" in response.content.decode()
    assert "My long answer</textarea>" in response.content.decode()
    assert client.post(url("draft", held), {"text": "more"}).status_code == 409


def test_the_seat_of_another_shows_neither_their_draft_nor_their_key(client, writing, lead, project):
    theirs = desk.claim(lead, project)
    desk.save_draft(theirs, lead, {"text": "private thought"})
    for response in (client.get(url("seat", theirs)), client.post(url("submit", theirs), {"text": ""})):
        assert response.status_code == 409
        assert "private thought" not in response.content.decode()
        assert 'name="key"' not in response.content.decode()


def test_a_skip_needs_a_reason_and_leads_on(client, writing, seat, rater, project):
    held = seat()
    assert client.post(url("skip", held), {"reason": " "}).status_code == 422
    response = client.post(url("skip", held), {"reason": "Too blurry"})
    assert response.headers["Location"] == url("seat", desk.held(rater, project))
    assert Skip.objects.get().task == held.task


def test_a_seat_given_back_is_free(client, writing, seat, project):
    held = seat()
    assert client.post(url("release", held)).headers["Location"] == reverse("desk", args=[project.pk])
    assert Seat.objects.get(pk=held.pk).rater is None


def test_the_guidelines_are_on_the_page_with_their_version(client, project, writing, seat):
    Guidelines.objects.create(project=project, version=3, text="Be **brief**.")
    page = client.get(url("seat", seat())).content.decode()
    assert ">v3</span>" in page
    assert "<strong>brief</strong>" in page


def test_hostile_text_is_harmless_on_the_page(client, project, seat):
    write_tasks([new_prompt(project, "<script>alert(1)</script> ![x](https://spy.example/p.png)")], overlap=1)
    page = client.get(url("seat", seat())).content.decode()
    assert "<script>alert" not in page
    assert "<img src" not in page.split("<main", 1)[1]


def test_the_preview_is_rendered_safely_and_kept_nowhere(client, project):
    assert (
        client.post(reverse("preview"), {"text": "**a** <i>"}).content.decode()
        == '<p dir="auto"><strong>a</strong> &lt;i&gt;</p>\n\n'
    )
    assert client.post(reverse("preview"), {"text": "a\0"}).status_code == 422


def statements(asked) -> list[str]:
    """What was asked of the database, sessions and accounts included, without the marks of transactions."""
    marks = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
    return [query["sql"] for query in asked if not query["sql"].startswith(marks)]


def test_a_submit_and_the_next_question_are_eight_statements(client, project, ranking, seat):
    Guidelines.objects.create(project=project, version=1, text="Be brief.")
    answer_tasks([ranking[:2]], kind="rank", overlap=1)
    held = seat()
    sent = {"key": "a"} | dict.fromkeys(["tier-A", "tier-B", "tier-C"], "1")
    with CaptureQueriesContext(connection) as asked:
        response = client.post(url("submit", held), sent, headers={"HX-Request": "true"})
    assert "Be brief." in response.content.decode()
    assert len(statements(asked)) == 8, "\n".join(statements(asked))
