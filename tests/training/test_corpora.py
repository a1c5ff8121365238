"""A text is kept under its hash, or refused with the line that is wrong."""

from __future__ import annotations

import gzip
import hashlib
import io

import pyarrow
import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.urls import reverse
from pyarrow import parquet

from annotation.models import Project
from training import corpora
from training.models import Corpus
from training.text import documents

TALE = "Había una vez.\n\nOnce upon a time.\n".encode()


@pytest.fixture
def upload(client_of, lead, project):
    def send(data: bytes = TALE, **changes):
        given = {"project": project.pk, "name": "tales", "language": "es,en", "source": "me", "licence": "CC0-1.0"} | changes
        return client_of(lead).post(reverse("corpora"), given | {"file": SimpleUploadedFile("tales.txt", data)})

    return send


def left(crisol_home) -> list[str]:
    return sorted(path.name for path in (crisol_home / "corpora").glob("*"))


def test_an_upload_is_kept_under_its_hash(upload, crisol_home, lead, project):
    assert upload().status_code == 302
    corpus = Corpus.objects.get()
    digest = hashlib.sha256(TALE).hexdigest()
    assert (corpus.digest, corpus.size, corpus.language, corpus.licence) == (digest, len(TALE), "es,en", "CC0-1.0")
    assert (corpus.project, corpus.created_by) == (project, lead)
    assert corpus.path.read_bytes() == TALE
    assert left(crisol_home) == [f"{digest}.txt"]


def test_the_same_text_twice_is_one_file(upload, crisol_home):
    upload(), upload(name="again")
    assert (Corpus.objects.count(), len(left(crisol_home))) == (2, 1)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"fine\nalso fine\ncaf\xe9\n", "Line 3 is not UTF-8. Convert the file to UTF-8 and try again."),
        (b"one\ntwo \xc3", "Line 2 is not UTF-8. Convert the file to UTF-8 and try again."),
        (b"one\ntwo\nP\0N\0G", "Line 3 holds a zero byte: this is not a text file."),
        (b" \n\n ", "The file holds no text."),
        (b"", "The submitted file is empty."),
    ],
)
def test_a_bad_file_is_refused_with_its_line(upload, crisol_home, data, sentence):
    response = upload(data)
    assert response.status_code == 422
    assert dict(response.context["form"].errors) == {"file": [sentence]}
    assert (Corpus.objects.count(), left(crisol_home) if (crisol_home / "corpora").exists() else []) == (0, [])


class Pieces:
    """A file that arrives in the given pieces."""

    def __init__(self, *pieces: bytes):
        self.pieces = pieces

    def chunks(self, chunk_size=None):
        return iter(self.pieces)


def test_a_letter_cut_between_two_chunks_is_still_one_letter(project, lead):
    kept = corpora.store(Pieces(b"caf\xc3", b"\xa9\n"), project=project, user=lead, name="cut")
    assert kept.path.read_text() == "café\n"


def test_the_bad_line_is_counted_over_chunks(project, lead):
    with pytest.raises(corpora.BadCorpus, match="Line 4 is"):
        corpora.store(Pieces(b"1\n2\n3\nab\xc3", b"\n5\n"), project=project, user=lead, name="cut")


def test_a_name_is_taken_once_a_project(upload):
    upload()
    response = upload(b"another text")
    assert dict(response.context["form"].errors) == {"name": ["This project already has a corpus called “tales”."]}


def test_another_project_is_refused(upload):
    other = Project.objects.create(name="Elsewhere")
    assert list(upload(project=other.pk).context["form"].errors) == ["project"]


def test_the_page_lists_sizes_or_says_that_there_is_nothing(upload, client_of, lead, project):
    page = client_of(lead)
    assert "No corpus yet" in page.get(reverse("corpora")).content.decode()
    upload(b"x" * 2048)
    html = page.get(reverse("corpora")).content.decode()
    assert "2.0\xa0KB" in html
    assert f"{reverse('run_new', args=['tokenizer'])}?corpus={Corpus.objects.get().pk}" in html


def test_the_command_keeps_a_file(project, tmp_path):
    User.objects.create_superuser("chief")
    (tmp_path / "tales.txt").write_bytes(TALE)
    out = io.StringIO()
    call_command("corpus", str(tmp_path / "tales.txt"), project="River", name="tales", licence="CC0-1.0", stdout=out)
    corpus = Corpus.objects.get()
    assert out.getvalue() == f"corpus {corpus.pk}: tales, {len(TALE)} bytes, sha256 {corpus.digest}\n"
    assert (corpus.created_by.username, corpus.licence) == ("chief", "CC0-1.0")


ROWS = b'{"text": "Once upon\\n\\n a time.", "id": 1}\n{"text": "The end."}\n'
READ = "Once upon\n a time.\n\nThe end.\n\n"


def test_rows_of_an_upload_become_documents_without_blank_lines(client_of, lead, project):
    given = {"project": project.pk, "name": "rows", "file": SimpleUploadedFile("rows.jsonl", ROWS)}
    assert client_of(lead).post(reverse("corpora"), given).status_code == 302
    assert Corpus.objects.get().path.read_text() == READ


def test_another_column_is_named_and_a_row_without_it_is_refused(client_of, lead, project):
    given = {"project": project.pk, "name": "rows", "column": "id", "file": SimpleUploadedFile("rows.jsonl", ROWS)}
    response = client_of(lead).post(reverse("corpora"), given)
    assert response.context["form"].errors == {"file": ["rows.jsonl: row 1 has no text in “id”"]}


def test_a_folder_of_many_kinds_of_files_is_one_corpus(project, tmp_path):
    User.objects.create_superuser("chief")
    folder = tmp_path / "texts"
    (folder / "more").mkdir(parents=True)
    (folder / "a.txt").write_bytes(TALE)
    (folder / "b.txt.gz").write_bytes(gzip.compress(b"Packed."))
    (folder / "more" / "c.jsonl").write_bytes(ROWS)
    parquet.write_table(pyarrow.table({"text": ["In columns."]}), folder / "more" / "d.parquet")
    (folder / "picture.png").write_bytes(b"\x89PNG")
    call_command("corpus", str(folder), str(folder / "a.txt"), project="River", name="tales", stdout=io.StringIO())
    tale = ["Había una vez.", "Once upon a time."]
    assert list(documents(Corpus.objects.get().path)) == [*tale, "Packed.", "Once upon\n a time.", "The end.", "In columns.", *tale]


@pytest.mark.parametrize(
    ("file", "data", "sentence"),
    [
        ("rows.jsonl", b'{"text": "fine"}\n{"txt": 1}\n', "file: rows.jsonl: row 2 has no text in “text”"),
        ("rows.jsonl", b"{", "file: rows.jsonl: row 1 is not JSON"),
        ("rows.parquet", b"PAR1", "file: is not a Parquet file"),
        ("tale.txt.gz", b"no gzip", "file: tale.txt.gz is damaged"),
    ],
)
def test_the_command_names_what_cannot_be_read(project, tmp_path, file, data, sentence):
    User.objects.create_superuser("chief")
    (tmp_path / file).write_bytes(data)
    with pytest.raises(CommandError, match=sentence):
        call_command("corpus", str(tmp_path / file), project="River", name="tales")


@pytest.mark.parametrize(
    ("file", "given", "sentence"),
    [
        ("absent.txt", {"project": "River"}, "there is no file"),
        ("tales.txt", {"project": "Rivre"}, "--project: there is no project 'Rivre'; there are: River"),
        ("tales.txt", {"project": "River", "user": "ghost"}, "--user: there is no user 'ghost'"),
        ("latin.txt", {"project": "River", "user": "lead"}, "file: Line 1 is not UTF-8"),
    ],
)
def test_the_command_names_what_is_wrong(project, tmp_path, file, given, sentence):
    (tmp_path / "tales.txt").write_bytes(TALE)
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    with pytest.raises(CommandError, match=sentence):
        call_command("corpus", str(tmp_path / file), name="tales", **given)
