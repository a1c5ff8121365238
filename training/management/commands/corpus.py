"""Keeps a text file as a corpus of a project, for tokenizers and base models."""

from pathlib import Path

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation.models import Project
from training import corpora


class Command(BaseCommand):
    help = "Keeps FILE (UTF-8 text, a blank line between documents) as a corpus of a project."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--project", required=True, help="name of the project")
        parser.add_argument("--name", required=True, help="name of the corpus, once per project")
        parser.add_argument("--language", default="", help="for example en")
        parser.add_argument("--source", default="", help="where the text comes from")
        parser.add_argument("--licence", default="", help="for example CC-BY-4.0")
        parser.add_argument("--user", help="who keeps it; default: the first superuser")

    def handle(self, **given) -> None:  # type: ignore[override]
        file: Path = given["file"]
        if not file.is_file():
            raise CommandError(f"there is no file {file}")
        try:
            kept = corpora.store(
                corpora.LocalFile(file),
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
