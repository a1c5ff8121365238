"""Snapshots on their pages, from the command line, and in the admin."""

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from annotation import importing, snapshot
from annotation.models import Snapshot
from tests.annotation.test_imports import RANKING, jsonl


@pytest.fixture
def judged(project):
    importing.commit(project, importing.Reading("rankings"), jsonl(RANKING), "rows.jsonl")
    return project


@pytest.fixture
def page(client_of, lead):
    return client_of(lead)


def take(page, project, **fields):
    return page.post(reverse("snapshot_new", args=[project.pk]), {"name": "v1", "validation": 10, "test": 20} | fields)


def test_a_snapshot_waits_until_it_is_frozen_and_then_shows_what_it_holds(page, judged):
    url = take(page, judged).url
    taken = Snapshot.objects.get()
    assert taken.options == {"validation": 0.1, "test": 0.2}
    assert list(Snapshot.objects.waiting()) == [taken]
    assert page.get(url, headers={"HX-Request": "true"}).headers.get("HX-Refresh") is None
    snapshot.freeze(taken)
    assert page.get(url, headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"
    shown = page.get(url)
    assert [answer["model"] for answer in shown.context["rows"][0]["answers"]] == ["b", "c", "a"]
    assert b"The Ebro!" in shown.content
    assert list(Snapshot.objects.waiting()) == []


def test_a_refused_snapshot_says_why_and_can_be_tried_again(page, project):
    url = take(page, project).url
    with pytest.raises(ValueError):
        snapshot.freeze(Snapshot.objects.get())
    assert b"no prompts yet" in page.get(url).content
    page.post(f"{url}retry/")
    assert Snapshot.objects.waiting().count() == 1


def test_a_snapshot_whose_files_are_elsewhere_still_has_its_page(page, judged):
    url = take(page, judged).url
    taken = snapshot.freeze(Snapshot.objects.get())
    for path in taken.folder.iterdir():
        path.unlink()
    assert b"not on this machine" in page.get(url).content


@pytest.mark.parametrize("wrong", [{"name": ""}, {"test": 90}, {"validation": -1}, {"name": "taken"}])
def test_wrong_snapshots_are_refused(page, judged, lead, wrong):
    Snapshot.objects.create(project=judged, name="taken", created_by=lead)
    assert take(page, judged, **wrong).status_code == 422


def test_snapshots_of_other_projects_do_not_exist(client_of, django_user_model, judged, page):
    from annotation.models import Member, Project

    url = take(page, judged).url
    other = django_user_model.objects.create_user("other")
    Member.objects.create(project=Project.objects.create(name="Other"), user=other, role="lead")
    assert client_of(other).get(url).status_code == 404


def test_the_command_freezes_at_once(judged, capsys):
    call_command("snapshot", "River", test=0, validation=0)
    taken = Snapshot.objects.get()
    assert (taken.name, taken.frozen) == ("v1", True)
    assert capsys.readouterr().out.splitlines() == [
        str(taken.folder),
        "1 prompts, 1 judgements (train 1, validation 0, test 0), 1 raters",
    ]


def test_the_command_refuses_a_name_twice_and_shares_that_are_none(judged):
    call_command("snapshot", "River", name="a")
    with pytest.raises(CommandError, match="has a snapshot 'a'"):
        call_command("snapshot", "River", name="a")
    with pytest.raises(CommandError, match="share"):
        call_command("snapshot", "River", test=0.9, validation=0.2)


@pytest.mark.parametrize("model", ["seat", "judgement", "sample", "task", "snapshot", "skip", "guidelines"])
def test_the_admin_changes_nothing_that_is_append_only(judged, admin_client, lead, model):
    from django.apps import apps

    snapshot.freeze(Snapshot.objects.create(project=judged, name="a", created_by=lead))
    rows = apps.get_model("annotation", model)._default_manager.all()
    base = f"/admin/annotation/{model}/"
    assert admin_client.get(base).status_code == 200
    assert admin_client.get(f"{base}add/").status_code == 403
    for row in rows[:1]:
        assert admin_client.get(f"{base}{row.pk}/change/").status_code == 200
        assert admin_client.post(f"{base}{row.pk}/change/", {}).status_code == 403
        assert admin_client.post(f"{base}{row.pk}/delete/", {"post": "yes"}).status_code == 403


def test_the_admin_lists_judgements_with_few_queries(project, admin_client, django_assert_max_num_queries):
    rows = [RANKING | {"prompt": f"Question {n}"} for n in range(40)]
    importing.commit(project, importing.Reading("rankings"), jsonl(*rows), "rows.jsonl")
    with django_assert_max_num_queries(12):
        admin_client.get("/admin/annotation/judgement/")
    with django_assert_max_num_queries(12):
        admin_client.get("/admin/annotation/seat/")
