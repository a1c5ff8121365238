"""Nothing that a rater's page holds or asks for tells which model wrote what, or how many tokens it took."""

from __future__ import annotations

import pytest
from django.urls import reverse

from annotation import desk
from annotation.models import Prompt, Sample, Seat
from annotation.tasks import answer_tasks

FIRST = 987_654_001  # ids as no other row has them
TELLING = ("98765400", "telling-model", "4242", "gpt-secret", "0.7351")
SHOWN = {"rank": 3, "compare": 2, "rate": 2, "edit": 1}


@pytest.fixture(params=SHOWN)
def seat(request, project, rater) -> Seat:
    """A rater before answers whose ids, models and sampling are all telling."""
    project.aspects = [{"name": "helpful", "title": "Helpful", "scale": "likert", "help": ""}]
    project.save()
    prompt = Prompt.objects.create(project=project, messages=[{"role": "user", "content": "Name a river."}])
    answers = [
        Sample.objects.create(
            pk=FIRST + number,
            prompt=prompt,
            messages=[{"role": "assistant", "content": f"River {number}."}],
            model=f"telling-model-{number}",
            sampling={"tokens": 4242, "run": "gpt-secret", "temperature": 0.7351},
        )
        for number in range(SHOWN[request.param])
    ]
    follow_ups = ["rate"] if request.param in ("rank", "compare") else []
    answer_tasks([answers], kind=request.param, overlap=1, follow_ups=follow_ups)
    return desk.claim(rater, project)


def told(response) -> list[str]:
    text = response.content.decode() + str(response.headers) + str(getattr(response, "url", ""))
    return [word for word in TELLING if word in text]


def url(name: str, seat: Seat) -> str:
    return reverse(name, args=[seat.pk])


def test_the_page_tells_nothing(seat, client_of, rater):
    response = client_of(rater).get(url("seat", seat))
    assert response.status_code == 200
    assert response.content.decode().count("River") >= len(seat.order)
    assert told(response) == []


def test_the_page_that_comes_back_with_errors_or_a_draft_tells_nothing(seat, client_of, rater):
    client, key = client_of(rater), desk.key_of(seat)
    wrong = client.post(url("submit", seat), {"key": key, "text": "River 0."}, headers={"HX-Request": "true"})
    assert wrong.status_code == 422
    drafted = client.post(url("draft", seat), {"tier-A": "1", "choice": "A2", "rate-A-helpful": "9", "text": "x"})
    assert drafted.status_code == 200
    assert [told(response) for response in (wrong, drafted, client.get(url("seat", seat)))] == [[], [], []]


def test_marked_differences_tell_nothing(seat, client_of, rater):
    client = client_of(rater)
    assert told(client.get(url("differences", seat), {"a": "A", "b": "B"})) == []
    assert told(client.post(url("changes", seat), {"text": "River 1."})) == []


def test_a_draft_of_an_older_version_is_refused_with_the_newer_ones_time(seat, client_of, rater):
    client = client_of(rater)
    saved = client.post(url("draft", seat), {"based_on": "", "text": "one"}).json()
    stale = client.post(url("draft", seat), {"based_on": "", "text": "two"})
    assert (stale.status_code, stale.json()["based_on"]) == (409, saved["based_on"])
    assert client.post(url("draft", seat), {"based_on": saved["based_on"], "text": "three"}).status_code == 200
