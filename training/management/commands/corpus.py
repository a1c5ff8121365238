"""Keeps texts as a corpus of a project, for tokenizers and base models."""

from pathlib import Path

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation.models import Project
from training import corpora, textfiles


class Command(BaseCommand):
    help = (
        "Keeps files as one corpus of a project: UTF-8 text (.txt, .md, .txt.gz; a blank line between documents), or JSONL, JSON, "
        "CSV or Parquet with a text a row. Of a folder every such file is read, in order of name."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
        parser.add_argument("--column", default=textfiles.COLUMN, help="of rows: which column is the text; default: %(default)s")
        parser.add_argument("--project", required=True, help="name of the project")
        parser.add_argument("--name", required=True, help="name of the corpus, once per project")
        parser.add_argument("--language", default="", help="for example en")
        parser.add_argument("--source", default="", help="where the text comes from")
        parser.add_argument("--licence", default="", help="for example CC-BY-4.0")
        parser.add_argument("--user", help="who keeps it; default: the first superuser")

    def handle(self, **given) -> None:  # type: ignore[override]
        files: list[Path] = given["files"]
        if missing := [str(file) for file in files if not file.exists()]:
            raise CommandError(f"there is no file {', '.join(missing)}")
        try:
            kept = corpora.store(
                textfiles.local(files, given["column"]),
                project=_project(given["project"]),
                user=_user(given["user"]),
                **{name: given[name] for name in ("name", "language", "source", "licence")},
            )
        except corpora.BadCorpus as error:
            raise CommandError(f"{error.field}: {error}") from None
        self.stdout.write(f"corpus {kept.pk}: {kept.name}, {kept.size:,} bytes, sha256 {kept.digest}")


def _project(name: str) -> Project:
    if found := Project.objects.filter(name=name).first():
        return found
    known = ", ".join(Project.objects.values_list("name", flat=True)) or "none yet"
    raise CommandError(f"--project: there is no project {name!r}; there are: {known}")


def _user(name: str | None) -> User:
    found = User.objects.filter(username=name) if name else User.objects.filter(is_superuser=True)
    if user := found.order_by("pk").first():
        return user
    raise CommandError(f"--user: there is no user {name!r}" if name else "--user: there is no superuser; name a user")
