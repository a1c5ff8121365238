"""Projects, members and invitations by REST."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from annotation.models import Guidelines, Member, Project, Role

pytestmark = pytest.mark.django_db


def test_a_caller_lists_the_projects_in_which_they_have_a_role(as_rater, as_stranger):
    assert [row["name"] for row in as_rater.get("/api/projects/").json()["results"]] == ["River"]
    assert [row["name"] for row in as_stranger.get("/api/projects/").json()["results"]] == ["Elsewhere"]


def test_a_lead_makes_a_project_and_leads_it(as_lead, lead):
    answer = as_lead.post("/api/projects/", {"name": "Delta", "overlap": 2, "guidelines": "Be kind."}, format="json")
    assert answer.status_code == 201
    assert {key: answer.json()[key] for key in ("name", "overlap", "state", "guidelines", "guidelines_version")} == {
        "name": "Delta",
        "overlap": 2,
        "state": "open",
        "guidelines": "Be kind.",
        "guidelines_version": 1,
    }
    assert Project.objects.get(name="Delta").role_of(lead) == Role.LEAD


def test_who_leads_nothing_makes_no_project(as_rater):
    assert as_rater.post("/api/projects/", {"name": "Delta"}, format="json").status_code == 403


def test_a_name_that_is_taken_and_a_wrong_number_are_named_at_once(as_lead):
    answer = as_lead.post("/api/projects/", {"name": "River", "overlap": 0, "overlp": 2}, format="json")
    assert (answer.status_code, set(answer.json()["errors"])) == (400, {"overlp"})
    assert answer.json()["errors"]["overlp"] == "No such field; did you mean “overlap”?"
    answer = as_lead.post("/api/projects/", {"name": "River", "overlap": 0}, format="json")
    assert (answer.status_code, set(answer.json()["errors"])) == (400, {"name", "overlap"})
    assert answer.json()["detail"].startswith("Nothing was done")


def test_other_guidelines_are_a_new_version_and_equal_ones_are_not(as_lead, project):
    path = f"/api/projects/{project.pk}/"
    for text in ("One.", "Two.", "Two.\n"):
        as_lead.patch(path, {"guidelines": text}, format="json")
    assert list(Guidelines.objects.order_by("version").values_list("version", "text")) == [(1, "One."), (2, "Two.")]
    assert as_lead.get(path).json()["guidelines"] == "Two."


def test_a_patch_changes_only_what_it_names(as_lead, project):
    answer = as_lead.patch(f"/api/projects/{project.pk}/", {"state": "paused"}, format="json")
    assert (answer.json()["state"], answer.json()["name"], answer.json()["hold_minutes"]) == ("paused", "River", 45)


def test_a_rater_reads_the_guidelines_and_changes_nothing(as_rater, project):
    path = f"/api/projects/{project.pk}/"
    assert as_rater.get(path).status_code == 200
    assert as_rater.patch(path, {"overlap": 2}, format="json").status_code == 403


def test_another_projects_id_is_not_found(as_stranger, project):
    for path in (
        "",
        "members/",
        "prompts/",
        "samples/",
        "tasks/",
        "judgements/",
        "snapshots/",
        "runs/",
        "corpora/",
        "checkpoints/",
    ):
        answer = as_stranger.get(f"/api/projects/{project.pk}/{path}")
        assert (path, answer.status_code) == (path, 404)
    assert answer.json() == {"detail": "There is no such thing among those that you may see."}


def test_an_id_beyond_the_database_is_not_found(as_lead):
    assert as_lead.get(f"/api/projects/{10**30}/").status_code == 404


def test_a_lead_sees_the_members_and_a_rater_does_not(as_lead, as_rater, project):
    members = as_lead.get(f"/api/projects/{project.pk}/members/").json()["results"]
    assert [(row["user"], row["role"]) for row in members] == [("lead", "lead"), ("rater", "rater")]
    assert as_rater.get(f"/api/projects/{project.pk}/members/").status_code == 403


def test_a_lead_gives_another_role_and_takes_it_away(as_lead, project, rater):
    member = Member.objects.get(user=rater)
    path = f"/api/projects/{project.pk}/members/{member.pk}/"
    assert as_lead.patch(path, {"role": "reviewer"}, format="json").json()["role"] == "reviewer"
    assert as_lead.patch(path, {"role": "king"}, format="json").status_code == 400
    assert as_lead.delete(path).status_code == 204
    assert not Member.objects.filter(user=rater).exists()


def test_a_lead_does_not_change_their_own_role(as_lead, project, lead):
    path = f"/api/projects/{project.pk}/members/{Member.objects.get(user=lead).pk}/"
    assert (as_lead.patch(path, {"role": "rater"}, format="json").status_code, as_lead.delete(path).status_code) == (404, 404)


def test_a_member_of_another_project_is_not_found_through_this_one(as_lead, as_stranger, project):
    theirs = Member.objects.get(user__username="stranger")
    assert as_lead.delete(f"/api/projects/{project.pk}/members/{theirs.pk}/").status_code == 404


def test_an_invitation_link_lets_somebody_sign_up(as_lead, project, client):
    answer = as_lead.post(f"/api/projects/{project.pk}/invitations/", {"role": "rater", "days": 3}, format="json")
    assert answer.status_code == 201
    password = "a-long-enough-one"
    client.post(answer.json()["link"], {"username": "newcomer", "password1": password, "password2": password})
    assert project.role_of(User.objects.get(username="newcomer")) == Role.RATER
