"""A file is checked, shown, and imported or not."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from annotation import uploads
from annotation.models import Prompt


@pytest.fixture
def page(client_of, lead):
    return client_of(lead)


def send(page, project, data, name="rows.jsonl", **fields):
    file = io.BytesIO(data)
    file.name = name
    return page.post(reverse("import", args=[project.pk]), {"shape": "prompts", "file": file} | fields)


def test_problems_are_shown_first_and_then_the_good_rows_come_in(page, project):
    checked = send(page, project, b'{"prompt": "a"}\n{"prompt": 7}\n{"prompt": "b"}\n', language="en")
    shown = page.get(checked.url)
    assert shown.context["report"]["problems"] == [[2, "prompt: must be text"]]
    assert shown.context["rows"] == [["a", "en"], ["b", "en"]]
    page.post(f"{checked.url}commit/")
    assert Prompt.objects.count() == 0
    page.post(f"{checked.url}commit/", {"skip_bad": "1"})
    assert list(Prompt.objects.order_by("pk").values_list("language", flat=True)) == ["en", "en"]


def test_an_upload_is_gone_once_it_is_imported(page, project, crisol_home):
    checked = send(page, project, b'{"prompt": "a"}\n')
    page.post(f"{checked.url}commit/")
    assert page.get(checked.url).status_code == 404
    assert list((crisol_home / "uploads").iterdir()) == []


def test_an_upload_belongs_to_its_project(page, project, lead):
    from annotation.models import Member, Project

    other = Project.objects.create(name="Other")
    Member.objects.create(project=other, user=lead, role="lead")
    name = send(page, project, b'{"prompt": "a"}\n').url.rstrip("/").split("/")[-1]
    assert page.get(reverse("import_check", args=[other.pk, name])).status_code == 404
    assert page.post(reverse("import_commit", args=[other.pk, name])).status_code == 404


@pytest.mark.parametrize("name", ["..", "0" * 32, "secret_key"])
def test_no_other_file_can_be_reached(page, project, name):
    assert page.get(reverse("import_check", args=[project.pk, name])).status_code == 404


def test_a_file_of_an_unknown_kind_is_refused_by_name(page, project):
    response = send(page, project, b"x", name="rows.txt")
    assert response.status_code == 422
    assert "rows.txt: the name must end in" in response.context["form"].errors["file"][0]


def test_a_file_that_cannot_be_read_is_refused(page, project):
    assert send(page, project, b"x", name="rows.parquet").status_code == 422


def test_a_file_that_is_too_large_is_refused(page, project, monkeypatch):
    monkeypatch.setattr(uploads, "LARGEST", 10)
    assert send(page, project, b'{"prompt": "a"}\n').status_code == 422


def test_a_file_without_a_good_row_offers_nothing_and_stays(page, project):
    checked = send(page, project, b"{}\n")
    assert f"{checked.url}commit/".encode() not in page.get(checked.url).content
    assert page.post(f"{checked.url}commit/", {"skip_bad": "1"}).url == checked.url
    assert page.get(checked.url).status_code == 200


def test_old_uploads_are_forgotten(page, project, crisol_home, monkeypatch):
    first = send(page, project, b'{"prompt": "a"}\n')
    monkeypatch.setattr(uploads, "KEPT_FOR", -1)
    second = send(page, project, b'{"prompt": "b"}\n')
    assert (page.get(first.url).status_code, page.get(second.url).status_code) == (404, 200)


def test_the_command_imports_a_file(project, tmp_path, capsys):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"prompt": "a"}\n{"prompt": "b", "licence": "MIT"}\n')
    call_command("import", "prompts", str(path), project=project.name, licence="CC0")
    call_command("import", "prompts", str(path), project=str(project.pk))
    assert list(Prompt.objects.order_by("pk").values_list("licence", flat=True)) == ["CC0", "MIT"]
    assert capsys.readouterr().out.splitlines() == ["2 imported, 0 there already, 0 bad.", "0 imported, 2 there already, 0 bad."]


def test_the_command_names_bad_rows_and_imports_nothing_until_told(project, tmp_path, capsys):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"prompt": "a"}\nnonsense\n')
    with pytest.raises(CommandError, match="Nothing was imported: 1 of 2 rows are bad"):
        call_command("import", "prompts", str(path), project=project.name)
    assert capsys.readouterr().err.splitlines()[:2] == ["reads prompt=prompt", "line 2: is not JSON: Expecting value (column 1)"]
    assert Prompt.objects.count() == 0
    call_command("import", "prompts", str(path), project=project.name, skip_bad=True)
    assert Prompt.objects.count() == 1


def test_the_command_says_which_projects_there_are(project, tmp_path):
    with pytest.raises(CommandError, match="no project 'Nile'; there are: River"):
        call_command("import", "prompts", str(tmp_path / "rows.jsonl"), project="Nile")
