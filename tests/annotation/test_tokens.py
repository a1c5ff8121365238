"""A program signs in with a token, and does what its scopes and its owner allow."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from annotation.models import ApiToken, Member, Project, Role

pytestmark = pytest.mark.django_db


def call(secret: str, method: str = "get", path: str = "/api/projects/", **fields):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return getattr(client, method)(path, fields or None, format="json")


def issue(user, **fields):
    return ApiToken.issue(user=user, name="test", **fields)


def test_a_token_speaks_for_its_owner(lead, project):
    _token, secret = issue(lead)
    answer = call(secret)
    assert answer.status_code == 200
    assert [row["name"] for row in answer.json()["results"]] == ["River"]


def test_only_the_hash_of_a_token_is_kept(lead):
    token, secret = issue(lead)
    assert secret.startswith("crisol_")
    assert secret not in str(ApiToken.objects.values().get(pk=token.pk))


def test_the_word_bearer_is_read_in_any_case(lead, project):
    _token, secret = issue(lead)
    assert APIClient().get("/api/projects/", HTTP_AUTHORIZATION=f"bearer {secret}").status_code == 200


def test_without_a_token_the_answer_is_401_and_says_what_to_send(db):
    answer = APIClient().get("/api/projects/")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer realm="crisol"'
    assert answer.json() == {"detail": "Send a token in the header “Authorization: Bearer …”, or sign in."}


@pytest.mark.parametrize("secret", ["", "crisol_", "crisol_unknown", "x" * 10_000])
def test_a_token_that_is_not_known_is_refused(db, secret):
    assert call(secret).status_code == 401


def test_a_revoked_token_is_refused(lead):
    token, secret = issue(lead)
    ApiToken.objects.filter(pk=token.pk).update(revoked=timezone.now())
    answer = call(secret)
    assert (answer.status_code, answer.json()["detail"]) == (401, "This token was revoked. Make another on the page “API”.")


def test_a_token_is_refused_from_the_moment_it_expires(lead, project):
    _old, expired = issue(lead, expires=timezone.now() - timedelta(seconds=1))
    _new, fresh = issue(lead, expires=timezone.now() + timedelta(minutes=1))
    assert (call(expired).status_code, call(fresh).status_code) == (401, 200)


def test_the_token_of_somebody_who_was_deactivated_is_refused(lead):
    _token, secret = issue(lead)
    lead.is_active = False
    lead.save()
    assert call(secret).status_code == 401


def test_a_token_that_may_only_read_cannot_write(lead, project):
    _token, secret = issue(lead, scopes=["read"])
    path = f"/api/projects/{project.pk}/"
    assert call(secret, path=path).status_code == 200
    answer = call(secret, "patch", path, overlap=3)
    assert answer.status_code == 403
    assert answer.json()["detail"] == "This token lacks the scope “write”. Make one that has it on the page “API”."
    assert Project.objects.get().overlap == 1


def test_a_token_that_may_only_write_cannot_read(lead, project):
    _token, secret = issue(lead, scopes=["write"])
    assert call(secret).status_code == 403
    assert call(secret, "patch", f"/api/projects/{project.pk}/", overlap=3).status_code == 200


def test_rating_needs_the_scope_rate(rater, project):
    path = f"/api/projects/{project.pk}/seats/"
    _writing, writing = issue(rater, scopes=["read", "write"])
    _rating, rating = issue(rater, scopes=["rate"])
    assert (call(writing, "post", path).status_code, call(rating, "post", path).status_code) == (403, 204)


def test_a_scope_gives_no_role_that_the_owner_lacks(rater, project):
    _token, secret = issue(rater)
    answer = call(secret, "patch", f"/api/projects/{project.pk}/", overlap=3)
    assert answer.status_code == 403
    assert answer.json()["detail"] == "This needs the role “Lead” in the project. Ask one of its leads for it."


def test_a_token_loses_what_its_owner_loses(lead, project):
    _token, secret = issue(lead)
    Member.objects.filter(user=lead).update(role=Role.RATER)
    assert call(secret, "patch", f"/api/projects/{project.pk}/", overlap=3).status_code == 403
    Member.objects.filter(user=lead).delete()
    assert call(secret, path=f"/api/projects/{project.pk}/").status_code == 404


def test_a_session_has_every_scope_and_needs_the_csrf_token_to_write(lead, project):
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(lead)
    path = f"/api/projects/{project.pk}/"
    assert client.get(path).status_code == 200
    assert client.patch(path, {"overlap": 3}, format="json").status_code == 403
    client.get("/tokens/")
    csrf = client.cookies["csrftoken"].value
    assert client.patch(path, {"overlap": 3}, format="json", HTTP_X_CSRFTOKEN=csrf).status_code == 200
