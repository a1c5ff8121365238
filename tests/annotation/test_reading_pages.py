"""What helps to read: both forms of a text, and the words in which answers differ, for the rater who holds the seat alone."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.urls import reverse

from annotation import desk
from annotation.models import Member, Prompt, Role, Sample
from annotation.rendering import plain, turns
from annotation.tasks import answer_tasks


def asked(project, *texts: str) -> list[Sample]:
    prompt = Prompt.objects.create(project=project, messages=[{"role": "user", "content": "Name a river."}])
    said = [[{"role": "assistant", "content": text}] for text in texts]
    return [Sample.objects.create(prompt=prompt, messages=messages, model=f"secret-{place}") for place, messages in enumerate(said)]


@pytest.fixture
def seat(project, rater):
    """The rater's seat before two answers."""
    answer_tasks([asked(project, "The <Ebro> is long.", "The Duero is long.")], kind="rank", overlap=2)
    return desk.claim(rater, project)


@pytest.fixture
def client(rater, client_of):
    return client_of(rater)


def differences(client, seat, a: str, b: str):
    return client.get(reverse("differences", args=[seat.pk]), {"a": a, "b": b})


def letter_of(seat, text: str) -> str:
    texts = [Sample.objects.get(pk=pk).text for pk in seat.order]
    return "AB"[next(place for place, found in enumerate(texts) if text in found)]


def test_an_answer_is_shown_with_marks_on_what_the_other_lacks(client, seat):
    ebro, duero = letter_of(seat, "Ebro"), letter_of(seat, "Duero")
    page = differences(client, seat, ebro, duero).content.decode()
    assert "The <mark>&lt;Ebro&gt;</mark> is long." in page
    assert f"what answer {duero} does not have" in page
    assert "The <mark>Duero</mark> is long." in differences(client, seat, duero, ebro).content.decode()


def test_the_differences_tell_neither_ids_nor_models(client, seat):
    page = differences(client, seat, "A", "B").content.decode()
    assert "secret" not in page
    assert not re.search(rf"\b({'|'.join(map(str, seat.order))})\b", page)


@pytest.mark.parametrize("query", [{}, {"a": "A"}, {"a": "A", "b": "C"}, {"a": "A", "b": "1"}])
def test_answers_that_are_not_there_are_refused_in_words(client, seat, query):
    response = client.get(reverse("differences", args=[seat.pk]), query)
    assert response.status_code == 422
    assert "Name two answers by their letters" in response.content.decode()


def test_only_the_rater_at_the_seat_sees_its_differences(seat, project, lead, client_of):
    other = User.objects.create_user("other")
    Member.objects.create(project=project, user=other, role=Role.RATER)
    assert [differences(client_of(user), seat, "A", "B").status_code for user in (other, lead)] == [404, 404]


def test_differences_cost_few_statements(client, seat, django_assert_max_num_queries):
    with django_assert_max_num_queries(5):  # session, user, role, seat, answers
        differences(client, seat, "A", "B")


def test_an_edit_shows_what_it_changes(client, seat):
    # Any seat before one answer: the address asks for no kind.
    seat.order = seat.order[:1]
    seat.save()
    text = Sample.objects.get(pk=seat.order[0]).text.replace("long", "very long")
    page = client.post(reverse("changes", args=[seat.pk]), {"text": text}).content.decode()
    assert "is <ins>very </ins>long." in page


def test_a_text_that_cannot_be_kept_and_a_question_without_an_answer_to_improve_are_refused(client, seat):
    assert client.post(reverse("changes", args=[seat.pk]), {"text": "x"}).status_code == 422
    seat.order = seat.order[:1]
    seat.save()
    assert client.post(reverse("changes", args=[seat.pk]), {"text": "x" * 100_001}).status_code == 422


def test_every_text_has_a_raw_form_in_which_nothing_hides():
    page = render_to_string("annotation/turns.html", {"turns": turns([{"role": "user", "content": "**a** <i>\u202e $x$"}])})
    rendered, raw = re.search(
        r'<div class="prose" dir="auto">(.*?)</div>.*?<pre class="raw-text" dir="auto">(.*?)</pre>', page, re.S
    ).groups()
    assert rendered.startswith('<p dir="auto"><strong>a</strong> &lt;i&gt;⟨U+202E⟩ <bdi><math')
    assert raw == "**a** &lt;i&gt;⟨U+202E⟩ $x$"


def test_an_answer_of_several_turns_is_one_text_with_its_roles():
    call = {"function": {"name": "depth", "arguments": '{"river": "Ebro"}'}}
    messages = [
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "8"},
        {"role": "assistant", "content": "8 m"},
    ]
    assert plain(messages) == 'Assistant:\ndepth {"river": "Ebro"}\n\nTool:\n8\n\nAssistant:\n8 m'
    assert plain(messages[-1:]) == "8 m"


def test_the_page_of_a_seat_says_nothing_of_whose_answers_they_are(client, seat):
    page = client.get(reverse("seat", args=[seat.pk])).content.decode()
    assert "secret" not in page
    assert "data-reading" in page
