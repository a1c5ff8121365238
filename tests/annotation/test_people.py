"""Who comes in, and who sends them out."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotation.models import ApiToken, Invitation, Member, Role
from annotation.people import digest_of

PASSWORD = "a river of nine words"


def invite(project, lead, places=1, **fields) -> str:
    expires = fields.pop("expires", timezone.now() + timedelta(days=1))
    return Invitation.issue(project=project, created_by=lead, places=places, expires=expires, **fields)[1]


def sign_up(secret: str, name: str = "nora"):
    return Client().post(reverse("join", args=[secret]), {"username": name, "password1": PASSWORD, "password2": PASSWORD})


@pytest.mark.django_db
def test_the_right_password_opens_the_door():
    User.objects.create_user("nora", password=PASSWORD)
    response = Client().post(reverse("login"), {"username": "nora", "password": PASSWORD})
    assert response.headers["Location"] == reverse("home")


@pytest.mark.django_db
def test_a_wrong_password_is_told_so_without_saying_which_part_was_wrong():
    User.objects.create_user("nora", password=PASSWORD)
    page = Client().post(reverse("login"), {"username": "nora", "password": "guess"}).content.decode()
    assert "correct username and password" in page


@pytest.mark.django_db
def test_after_eight_wrong_passwords_even_the_right_one_waits(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # Argon2 is slow on purpose
    User.objects.create_user("nora", password=PASSWORD)
    client = Client()
    for _attempt in range(settings.AXES_FAILURE_LIMIT):
        client.post(reverse("login"), {"username": "nora", "password": "guess"})
    locked = client.post(reverse("login"), {"username": "nora", "password": PASSWORD})
    assert locked.status_code == 429
    assert "Too many attempts" in locked.content.decode()


def test_a_stranger_is_sent_to_the_sign_in_page(client, db):
    assert client.get(reverse("home")).headers["Location"] == f"{reverse('login')}?next=/"


def test_an_invited_stranger_signs_up_and_is_a_member(project, lead):
    response = sign_up(invite(project, lead, role=Role.REVIEWER))
    assert response.headers["Location"] == reverse("home")
    assert Member.objects.get(user__username="nora").role == Role.REVIEWER
    assert User.objects.get(username="nora").check_password(PASSWORD)


def test_a_signed_in_person_joins_with_one_press(project, lead, client_of):
    nora = User.objects.create_user("nora")
    url = reverse("join", args=[invite(project, lead)])
    assert "Join as nora" in client_of(nora).get(url).content.decode()
    assert not Member.objects.filter(user=nora).exists()
    client_of(nora).post(url)
    assert Member.objects.get(user=nora).project == project


def test_an_invitation_does_not_change_the_role_of_a_member(project, lead, client_of):
    client_of(lead).post(reverse("join", args=[invite(project, lead, role=Role.RATER)]))
    assert project.role_of(lead) == Role.LEAD


def test_the_last_place_is_given_once(project, lead):
    secret = invite(project, lead)
    sign_up(secret, "nora")
    assert sign_up(secret, "otto").status_code == 404
    assert not User.objects.filter(username="otto").exists()


@pytest.mark.parametrize("fields", [{"expires": timezone.now() - timedelta(days=1)}, {"revoked": timezone.now()}])
def test_an_invitation_that_is_over_lets_nobody_in(project, lead, fields):
    assert sign_up(invite(project, lead, **fields)).status_code == 404


def test_a_weak_password_is_refused_and_the_name_kept(project, lead):
    response = Client().post(
        reverse("join", args=[invite(project, lead)]), {"username": "nora", "password1": "1234", "password2": "1234"}
    )
    assert response.status_code == 422
    assert 'value="nora"' in response.content.decode()


def test_a_lead_makes_a_link_that_is_shown_once(project, lead, client_of):
    url = reverse("members", args=[project.pk])
    page = client_of(lead).post(url, {"role": "rater", "places": 3, "days": 7}).content.decode()
    secret = re.search(r"/join/([\w-]+)/", page)[1]
    assert project.invitations.get().digest == digest_of(secret)
    assert secret not in client_of(lead).get(url).content.decode()


def test_a_lead_revokes_a_link(project, lead, client_of):
    secret = invite(project, lead)
    client_of(lead).post(reverse("invitation_revoke", args=[project.pk, project.invitations.get().pk]))
    assert Client().get(reverse("join", args=[secret])).status_code == 404


def test_a_lead_changes_a_role_and_removes_a_member(project, lead, rater, client_of):
    member = project.members.get(user=rater)
    client_of(lead).post(reverse("member_role", args=[project.pk, member.pk]), {"role": "reviewer"})
    assert project.role_of(rater) == Role.REVIEWER
    client_of(lead).post(reverse("member_remove", args=[project.pk, member.pk]))
    assert project.role_of(rater) is None


def test_a_lead_can_neither_demote_nor_remove_themselves(project, lead, client_of):
    me = project.members.get(user=lead)
    assert client_of(lead).post(reverse("member_role", args=[project.pk, me.pk]), {"role": "rater"}).status_code == 404
    assert client_of(lead).post(reverse("member_remove", args=[project.pk, me.pk])).status_code == 404
    assert project.role_of(lead) == Role.LEAD


def test_an_unknown_role_changes_nothing(project, lead, rater, client_of):
    member = project.members.get(user=rater)
    client_of(lead).post(reverse("member_role", args=[project.pk, member.pk]), {"role": "owner"})
    assert project.role_of(rater) == Role.RATER


def test_a_rater_sees_no_members_page_and_a_stranger_no_project(project, rater, client_of):
    url = reverse("members", args=[project.pk])
    assert client_of(rater).get(url).status_code == 403
    assert client_of(User.objects.create_user("nora")).get(url).status_code == 404


def test_a_token_is_shown_once_and_kept_as_a_hash(rater, client_of):
    client = client_of(rater)
    page = client.post(reverse("tokens"), {"name": "notebook", "scopes": ["read", "rate"]}).content.decode()
    secret = re.search(r"crisol_[\w-]{43}", page)[0]
    token = ApiToken.objects.get()
    assert (token.user, token.digest, token.scopes) == (rater, digest_of(secret), ["read", "rate"])
    assert secret not in client.get(reverse("tokens")).content.decode()


def test_a_token_without_scopes_is_refused(rater, client_of):
    assert client_of(rater).post(reverse("tokens"), {"name": "notebook"}).status_code == 422


def test_only_its_owner_revokes_a_token(rater, lead, client_of):
    token, _secret = ApiToken.issue(user=rater, name="notebook")
    url = reverse("token_revoke", args=[token.pk])
    assert client_of(lead).post(url).status_code == 404
    client_of(rater).post(url)
    token.refresh_from_db()
    assert token.revoked is not None


def test_the_language_is_changed_by_a_post_only(client):
    assert client.get(reverse("set_language")).status_code == 405
    client.post(reverse("set_language"), {"language": "es"})
    assert client.cookies["django_language"].value == "es"
