"""Simulated raters never pass for people: in rows, at the door, in counts, and by nobody's choice of a name."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from annotation import desk, frozen, snapshot
from annotation.forms_people import SignUpForm
from annotation.models import Member, Prompt, Role, Snapshot
from annotation.simulated import is_simulated, pseudonym
from annotation.tasks import write_tasks

pytestmark = pytest.mark.django_db


@pytest.fixture
def judged(project, lead, rater) -> Snapshot:
    """Two people's writings and three by a simulated rater, frozen."""
    program = User.objects.create_user("sim-ana")
    Member.objects.create(project=project, user=program, role=Role.RATER)
    prompts = [Prompt.objects.create(project=project, messages=[{"role": "user", "content": f"{n}?"}]) for n in range(5)]
    write_tasks(prompts, overlap=1)
    for number in range(5):
        user = rater if number < 2 else program
        desk.fill(desk.claim(user, project), user, {"text": f"answer {number}"}, key=str(number))
    return snapshot.freeze(Snapshot.objects.create(project=project, name="first", created_by=lead))


def test_the_name_is_the_label():
    assert pseudonym(User(pk=7, username="sim-ana")) == "sim-r7"
    assert pseudonym(User(pk=8, username="simona")) == "r8"
    assert (is_simulated("sim-r7"), is_simulated("r8")) == (True, False)


def test_rows_and_manifest_of_a_snapshot_say_which_judgements_are_simulated(judged):
    rows = list(frozen.read_rows(judged.folder))
    assert [is_simulated(row["rater"]) for row in rows] == [False, False, True, True, True]
    assert [row["answers"][0]["author"] for row in rows] == [row["rater"] for row in rows]
    assert (judged.manifest["counts"]["raters"], judged.manifest["counts"]["simulated"]) == (2, 3)


def test_the_snapshots_page_says_it(judged, project, lead, client_of):
    page = client_of(lead).get(f"/snapshots/{judged.pk}/").content.decode()
    assert "3 judgements by simulated raters" in page


def test_the_door_says_it(judged, project, lead, client_of):
    browser = client_of(lead)
    judgements = browser.get(f"/api/projects/{project.pk}/judgements/").json()["results"]
    samples = browser.get(f"/api/projects/{project.pk}/samples/").json()["results"]
    program = User.objects.get(username="sim-ana")
    assert [row["rater"] for row in judgements][-3:] == [f"sim-r{program.pk}"] * 3
    assert sorted(row["author"] for row in samples) == sorted(row["rater"] for row in judgements)


def test_nobody_signs_up_as_one():
    form = SignUpForm({"username": "sim-eva", "password1": "a quiet river", "password2": "a quiet river"})
    assert form.errors["username"] == ["Names that begin with “sim-” are for simulated raters: choose another."]
