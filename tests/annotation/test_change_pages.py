"""The page on which a rater changes what they sent, and the doors that do the same for programs."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from annotation import correcting, desk
from annotation.models import ApiToken, Flag, Judgement, Prompt, Review, Sample, Scope, Seat
from annotation.tasks import answer_tasks, write_tasks


def new_prompt(project, text="Name a river.") -> Prompt:
    return Prompt.objects.create(project=project, messages=[{"role": "user", "content": text}])


@pytest.fixture
def client(rater, client_of):
    return client_of(rater)


@pytest.fixture
def sent(project, rater) -> Judgement:
    write_tasks([new_prompt(project)], overlap=1)
    return desk.fill(desk.claim(rater, project), rater, {"text": "Ebro <b>."}, key="first", comment="Long.")


@pytest.fixture
def ranked(project, rater) -> Judgement:
    prompt = new_prompt(project, "Which?")
    samples = [Sample.objects.create(prompt=prompt, messages=[{"role": "assistant", "content": text}], model="m") for text in "ab"]
    answer_tasks([samples], kind="rank", overlap=1)
    seat = desk.claim(rater, project)
    return desk.fill(seat, rater, {"tiers": [[seat.order[1]]], "unacceptable": [seat.order[0]]}, key="ranked")


def url(judgement) -> str:
    return reverse("change", args=[judgement.pk])


def key_in(page: str) -> str:
    return re.search(r'name="key" value="([\w-]+)"', page)[1]


def late(judgement) -> None:
    Seat.objects.filter(pk=judgement.seat_id).update(filled=timezone.now() - timedelta(minutes=11))


def test_the_page_shows_what_was_sent_and_until_when_it_may_be_changed(client, sent):
    page = client.get(url(sent)).content.decode()
    assert "You are changing what you sent at" in page
    assert "You can until" in page
    assert "Ebro &lt;b&gt;.</textarea>" in page
    assert "Long.</textarea>" in page
    assert Judgement.objects.count() == 1


def test_a_ranking_comes_back_as_it_was_sent(client, ranked):
    page = client.get(url(ranked)).content.decode()
    chosen = re.findall(r'name="tier-(\w)".*?<option value="(\w+)" selected>', page, re.S)
    assert chosen == [("A", "unacceptable"), ("B", "1")]


def test_what_is_sent_takes_the_place_and_the_rater_is_back_at_the_desk(client, project, sent):
    page = client.get(url(sent)).content.decode()
    data = {"key": key_in(page), "text": "Duero.", "comment": "", "seconds": "0.01"}
    answer = client.post(url(sent), data, follow=True)
    assert answer.redirect_chain == [(reverse("desk", args=[project.pk]), 302)]
    assert "Changed." in answer.content.decode()
    assert Judgement.objects.in_force().get().written.text == "Duero."
    assert client.post(url(sent), data).status_code == 302  # the form sent twice
    assert Judgement.objects.count() == 2


def test_whoever_holds_a_seat_goes_back_to_it(client, project, rater, sent):
    write_tasks([new_prompt(project, "Name a sea.")], overlap=1)
    seat = desk.claim(rater, project)
    answer = client.post(url(sent), {"key": "second", "text": "Duero."})
    assert answer.headers["Location"] == reverse("seat", args=[seat.pk])


def test_an_error_comes_back_with_what_was_entered(client, sent):
    answer = client.post(url(sent), {"key": "second", "text": " ", "comment": "Half <done>"})
    assert answer.status_code == 422
    assert "Write a response first." in answer.content.decode()
    assert "Half &lt;done&gt;" in answer.content.decode()
    assert key_in(answer.content.decode()) == "second"


def test_too_late_gives_back_what_was_written(client, sent):
    late(sent)
    answer = client.post(url(sent), {"key": "second", "text": "Duero."})
    assert answer.status_code == 409
    assert "The time to change this judgement is over" in answer.content.decode()
    assert "Duero.</textarea>" in answer.content.decode()
    assert client.get(url(sent)).status_code == 409


def test_a_stale_tab_says_so_and_keeps_its_text(client, rater, sent):
    stale = key_in(client.get(url(sent)).content.decode())
    correcting.amend(sent, rater, {"text": "Duero."}, key="other tab")
    answer = client.post(url(sent), {"key": stale, "text": "Tajo."})
    assert answer.status_code == 409
    assert "Tajo.</textarea>" in answer.content.decode()
    assert Judgement.objects.in_force().get().written.text == "Duero."


def test_the_judgement_of_another_is_not_found(client_of, lead, sent):
    assert client_of(lead).get(url(sent)).status_code == 404
    assert client_of(lead).post(url(sent), {"key": "second", "text": "Mine."}).status_code == 404


def test_the_last_one_is_one_step_away_while_there_is_time(client, project, sent):
    last = reverse("change_last", args=[project.pk])
    assert client.get(last).headers["Location"] == url(sent)
    late(sent)
    answer = client.get(last, follow=True)
    assert answer.redirect_chain == [(reverse("desk", args=[project.pk]), 302)]
    assert "the time for what you sent last is over" in answer.content.decode()


def test_the_desk_lists_the_last_ones_with_what_may_be_changed(client, project, sent, ranked):
    late(sent)
    page = client.get(reverse("desk", args=[project.pk])).content.decode()
    assert url(ranked) in page
    assert url(sent) not in page
    assert "Name a river." in page


def test_what_a_reviewer_returned_stands_on_the_desk_with_the_reason(client, project, lead, sent):
    late(sent)
    Review.objects.create(judgement=sent, reviewer=lead, verdict="returned", comment="Say <why>.")
    page = client.get(reverse("desk", args=[project.pk])).content.decode()
    assert "Returned to you" in page
    assert "Say &lt;why&gt;." in page
    assert "Say &lt;why&gt;." in client.get(url(sent)).content.decode()
    client.post(url(sent), {"key": "second", "text": "Ebro: it is long."})
    assert "Returned to you" not in client.get(reverse("desk", args=[project.pk])).content.decode()


# For programs --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def program(rater):
    """`program(scope)`: a client with a token of the rater's."""

    def enter(*scopes: str) -> APIClient:
        client = APIClient()
        _token, secret = ApiToken.issue(user=rater, name="t", scopes=list(scopes))
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
        return client

    return enter


def test_a_program_changes_what_it_sent(program, sent):
    door, body = reverse("api_change", args=[sent.pk]), {"answer": {"text": "Duero."}, "key": "second", "seconds": 0.001}
    first = program(Scope.RATE).post(door, body, format="json")
    assert (first.status_code, set(first.json())) == (201, {"id", "seat", "key", "created"})
    assert program(Scope.RATE).post(door, body, format="json").json() == first.json()
    assert Judgement.objects.in_force().get().written.text == "Duero."
    refused = program(Scope.RATE).post(door, body | {"key": "third"}, format="json")
    assert (refused.status_code, "changed it already" in refused.json()["detail"]) == (409, True)


def test_a_program_without_the_scope_or_with_nonsense_is_refused(program, sent):
    door = reverse("api_change", args=[sent.pk])
    assert program(Scope.READ).post(door, {"answer": {"text": "x"}, "key": "k"}, format="json").status_code == 403
    wrong = program(Scope.RATE).post(door, {"answer": {"tiers": []}, "key": "k", "secs": 3}, format="json")
    assert (wrong.status_code, set(wrong.json()["errors"])) == (400, {"secs"})
    assert Judgement.objects.count() == 1


def test_a_program_flags_the_seat_that_it_holds_and_leads_settle(program, project, rater, lead):
    write_tasks([new_prompt(project)], overlap=1)
    seat = desk.claim(rater, project)
    door = reverse("api_flag", args=[seat.pk])
    raised = program(Scope.RATE).post(door, {"word": "unclear", "comment": "Which?"}, format="json")
    assert (raised.status_code, raised.json()["word"]) == (201, "unclear")
    assert program(Scope.RATE).post(door, {"word": "ugly"}, format="json").status_code == 400
    as_lead = APIClient()
    as_lead.force_authenticate(lead)
    listed = as_lead.get(reverse("api_flags", args=[project.pk]), {"open": "true"}).json()["results"]
    assert [(flag["task"], flag["rater"], flag["comment"]) for flag in listed] == [(seat.task_id, f"r{rater.pk}", "Which?")]
    assert as_lead.post(reverse("api_flag_settle", args=[listed[0]["id"]])).json()["settled"]
    assert as_lead.get(reverse("api_flags", args=[project.pk]), {"open": "true"}).json()["results"] == []
    assert Flag.objects.get().settled_by == lead
