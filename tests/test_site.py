"""What every page shares: the frame, the reader's clock, and the pages for what went wrong."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse

from annotation.models import Member, Project, Role
from config import zone

pytestmark = pytest.mark.django_db


def test_times_are_shown_on_the_readers_clock(project, lead, client_of):
    project.snapshots.create(name="first", created=datetime(2026, 7, 1, 22, 30, tzinfo=UTC), created_by=lead)
    page, url = client_of(lead), reverse("snapshots", args=[project.pk])
    assert "1 Jul 2026, 22:30" in page.get(url).content.decode()
    page.cookies[zone.COOKIE] = "Europe/Madrid"
    assert "2 Jul 2026, 00:30" in page.get(url).content.decode()


@pytest.mark.parametrize("name", ["", "Nowhere/At_all", "../../etc/passwd", "Europe", "x\x00y", "a" * 5000])
def test_a_zone_that_is_none_is_nobodys(name):
    assert zone.named(name) is None


@pytest.mark.parametrize(("role", "shown"), [(Role.RATER, False), (Role.REVIEWER, True), (Role.LEAD, True)])
def test_reports_are_in_the_menu_of_those_who_may_read_them(project, rater, client_of, role, shown):
    Member.objects.filter(user=rater).update(role=role)
    assert (f'href="{reverse("evaluations")}"' in client_of(rater).get(reverse("home")).content.decode()) is shown


def test_a_lead_finds_the_way_to_a_new_project(project, lead, rater, client_of):
    door = f'href="{reverse("project_new")}"'
    assert door in client_of(lead).get(reverse("home")).content.decode()
    assert door not in client_of(rater).get(reverse("home")).content.decode()


def test_what_went_wrong_is_said_on_a_page_of_ours(project, rater, client_of):
    page = client_of(rater)
    for url, status in (("/nowhere/", 404), (reverse("project", args=[project.pk]), 403)):
        answer = page.get(url)
        assert (answer.status_code, 'class="top"' in answer.content.decode()) == (status, True)
    form = Client(enforce_csrf_checks=True).post(reverse("login"), {"username": "somebody"})
    assert (form.status_code, "This form was too old" in form.content.decode()) == (403, True)


def test_an_error_of_ours_is_said_on_a_page_and_shows_no_trace(project, lead, client_of, monkeypatch):
    monkeypatch.setattr(Project, "guidelines", property(lambda _project: 1 / 0))
    page = client_of(lead)
    page.raise_request_exception = False
    answer = page.get(reverse("desk", args=[project.pk]))
    assert (answer.status_code, "Something broke on our side" in answer.content.decode()) == (500, True)
    assert "ZeroDivisionError" not in answer.content.decode()
