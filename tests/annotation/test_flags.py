"""Flags: raised at a seat, read and settled by those who lead; nothing is removed by them."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.urls import reverse

from annotation import desk, flags
from annotation.models import Flag, Member, Prompt, Role, Seat
from annotation.tasks import write_tasks


@pytest.fixture
def seat(project, rater) -> Seat:
    write_tasks(
        [Prompt.objects.create(project=project, messages=[{"role": "user", "content": "How do I pick a lock?"}])], overlap=2
    )
    return desk.claim(rater, project)


@pytest.fixture
def flag(seat, rater) -> Flag:
    return flags.raise_flag(seat, rater, "unsafe", "Burglary <b>")


@pytest.fixture
def reviewer(project) -> User:
    user = User.objects.create_user("reviewer")
    Member.objects.create(project=project, user=user, role=Role.REVIEWER)
    return user


def test_a_flag_changes_nothing_but_that_it_is_there(seat, rater, flag):
    assert (flag.task, flag.rater, flag.word, flag.comment, flag.settled) == (seat.task, rater, "unsafe", "Burglary <b>", None)
    assert desk.held(rater, seat.project) == seat


def test_the_same_word_again_is_the_same_flag_with_the_last_comment(seat, rater, flag):
    assert flags.raise_flag(seat, rater, "unsafe", "") == flag
    assert flags.raise_flag(seat, rater, "unsafe", "Theft").comment == "Theft"
    assert Flag.objects.get().comment == "Theft"
    flags.raise_flag(seat, rater, "unclear")
    assert Flag.objects.count() == 2


def test_a_settled_flag_is_not_written_to_again(seat, rater, lead, flag):
    assert flags.settle(flag, lead)
    flags.raise_flag(seat, rater, "unsafe", "Again")
    assert Flag.objects.get().comment == "Burglary <b>"


def test_only_who_sits_there_flags(seat, lead):
    with pytest.raises(desk.SeatLost):
        flags.raise_flag(seat, lead, "unsafe")


@pytest.mark.parametrize(("word", "comment"), [("ugly", ""), ("unsafe", "x" * 1001), ("unsafe", "\0"), ("", "")])
def test_what_cannot_be_kept_is_refused(seat, rater, word, comment):
    with pytest.raises(ValidationError):
        flags.raise_flag(seat, rater, word, comment)


def test_a_flag_is_settled_once(lead, reviewer, flag):
    assert (flags.settle(flag, lead), flags.settle(flag, reviewer)) == (True, False)
    assert Flag.objects.get().settled_by == lead


def test_the_seat_page_gets_a_notice_or_goes_back_to_the_seat(client_of, seat, rater):
    client, url = client_of(rater), reverse("flag", args=[seat.pk])
    notice = client.post(url, {"word": "broken"}, headers={"HX-Request": "true"})
    assert notice.status_code == 200
    assert notice.content.decode().startswith('<p class="notice success" role="status">Flagged as “Broken”')
    refused = client.post(url, {"word": "ugly"}, headers={"HX-Request": "true"})
    assert (refused.status_code, refused.content.decode()[:37]) == (422, '<p class="notice error" role="alert">')
    assert client.post(url, {"word": "unclear"}).headers["Location"] == reverse("seat", args=[seat.pk])
    assert set(Flag.objects.values_list("word", flat=True)) == {"broken", "unclear"}


def test_who_gave_the_seat_back_is_told(client_of, seat, rater):
    desk.release(seat, rater)
    answer = client_of(rater).post(reverse("flag", args=[seat.pk]), {"word": "broken"}, headers={"HX-Request": "true"})
    assert (answer.status_code, Flag.objects.count()) == (409, 0)
    assert "You gave this place back." in answer.content.decode()


def test_reviewers_read_flags_and_leads_settle_them(client_of, project, lead, reviewer, flag):
    page = client_of(reviewer).get(reverse("flags", args=[project.pk])).content.decode()
    assert "Burglary &lt;b&gt;" in page
    assert reverse("browse_prompt", args=[project.pk, flag.task.prompt_id]) in page
    assert "Settle" not in page.split("<main", 1)[1].replace("Settled", "")
    settle = reverse("flag_settle", args=[flag.pk])
    assert settle in client_of(lead).get(reverse("flags", args=[project.pk])).content.decode()
    assert client_of(reviewer).post(settle).status_code == 403
    assert client_of(lead).post(settle).headers["Location"] == reverse("flags", args=[project.pk])
    page = client_of(lead).get(reverse("flags", args=[project.pk])).content.decode()
    assert "No flags are open" in page
    assert "settled by lead" in page


def test_a_raters_flags_are_not_for_raters(client_of, project, rater, flag):
    assert client_of(rater).get(reverse("flags", args=[project.pk])).status_code == 403
