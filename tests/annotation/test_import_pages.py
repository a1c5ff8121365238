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


def test_the_shape_is_found_out_from_the_columns_and_the_columns_are_chosen(page, project):
    shown = page.get(send(page, project, b"instruction;answer;lang\nWhy?;So.;en\n", "a.csv", shape="").url)
    form = shown.context["form"]
    assert (form["shape"].value(), shown.context["looks_like"]) == ("demonstrations", "Demonstrations")
    chosen = {field.name: field.value() for field in form.columns() if field.value()}
    assert chosen == {"map-prompt": "instruction", "map-response": "answer", "map-language": "lang"}
    assert shown.context["raw_columns"] == [("instruction", "Prompt"), ("answer", "Response"), ("lang", "Language")]
    assert shown.context["raw_rows"] == [["Why?", "So.", "en"]]


def test_other_columns_are_tried_on_the_first_rows_and_nothing_is_kept(page, project):
    checked = send(page, project, b'{"x": "Why?", "prompt": "p"}\n' * 60)
    tried = page.get(checked.url, {"shape": "prompts", "map-prompt": "x"}, headers={"HX-Request": "true"})
    words = " ".join(tried.content.decode().split())
    assert "Of the first 50 rows: 50 good rows" in words
    assert '<div class="few-lines" dir="auto">Why?</div>' in words
    assert "<html" not in words
    assert page.get(checked.url).context["rows"][0] == ["p", ""]


def test_checked_again_all_rows_are_read_with_the_columns_that_were_chosen(page, project):
    checked = send(page, project, b'{"x": "Why?", "prompt": 7}\n' * 60)
    again = page.post(checked.url, {"shape": "prompts", "map-prompt": "x", "licence": "CC0"})
    assert again.url == checked.url
    assert (page.get(checked.url).context["report"]["good"], page.get(checked.url).context["trial"]) == (60, False)
    page.post(f"{checked.url}commit/")
    assert list(Prompt.objects.values_list("messages__0__content", "licence")) == [("Why?", "CC0")]


def test_what_is_imported_is_what_the_page_says(page, project):
    checked = send(page, project, b'{"x": "Why?", "prompt": "p"}\n')
    page.post(f"{checked.url}commit/", {"shape": "prompts", "map-prompt": "x"})
    assert Prompt.objects.get().messages[0]["content"] == "Why?"


def test_another_shape_has_other_columns(page, project):
    checked = send(page, project, b'{"prompt": "p", "chosen": "a", "rejected": "b"}\n', shape="prompts")
    tried = page.get(checked.url, {"shape": "comparisons", "map-prompt": "prompt"})
    assert tried.context["report"]["becomes"] == {"compare": 1}


@pytest.mark.parametrize("wrong", [{"shape": "nonsense"}, {"shape": "prompts", "map-prompt": "no such column"}])
def test_a_reading_that_cannot_be_is_refused_and_the_file_stays(page, project, wrong):
    checked = send(page, project, b'{"prompt": "a"}\n')
    assert page.post(checked.url, wrong).status_code == 422
    assert page.post(f"{checked.url}commit/", wrong).url == checked.url
    assert page.get(checked.url).context["report"]["good"] == 1


def test_a_file_that_breaks_off_is_kept_and_says_so(page, project):
    import gzip

    noise = "".join(f'{{"prompt": "{n * 7919 % 104729}"}}\n' for n in range(6_000)).encode()
    checked = send(page, project, gzip.compress(noise)[:9_000], "rows.jsonl.gz")
    assert page.get(checked.url).context["stopped"].startswith("the compressed file is damaged after line")
    assert page.post(f"{checked.url}commit/", {"skip_bad": "1"}).url == checked.url


def test_all_problems_are_a_csv_file(page, project):
    checked = send(page, project, b'{"prompt": "a"}\n' + b'{"prompt": 7}\n' * 300)
    assert len(page.get(checked.url).context["report"]["problems"]) == 200
    answer = page.get(f"{checked.url}problems.csv")
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert (lines[0], lines[1], len(lines)) == ("line,reason", "2,prompt: must be text", 301)
    assert answer["Content-Disposition"] == 'attachment; filename="problems.csv"'


def test_hostile_cells_are_shown_as_text(page, project):
    checked = send(page, project, b'{"prompt": "<script>alert(1)</script>", "<b>": "<i>"}\n')
    content = page.get(checked.url).content
    assert b"<script>alert" not in content
    assert b"&lt;b&gt;" in content
