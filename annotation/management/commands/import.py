"""`manage.py import SHAPE FILE --project P`: prompts and judgements from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation import columns, importing, rowfiles
from annotation.management.find import project_named
from annotation.parts import names


class Command(BaseCommand):
    help = (
        "Adds the rows of a JSONL or JSON (also .gz), CSV or Parquet file to a project, in one transaction. Bad rows are named by "
        "line and reason, and keep everything out unless --skip-bad. Importing a file twice adds nothing. Columns are found by "
        "their names; --map says what they do not. The shapes are described at the top of the files in annotation/imports/."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("shape", choices=names("IMPORTS"), help="what the rows are")
        parser.add_argument("file", type=Path, help=f"its name ends in one of {', '.join(rowfiles.SUFFIXES)}")
        parser.add_argument("--project", required=True, help="name or number of the project")
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="FIELD=COLUMN",
            help="read a field of the shape from this column of the file (“meta.lang”: a key of its objects; empty: from none); "
            "again for each field",
        )
        for name in importing.DEFAULTED:
            parser.add_argument(f"--{name}", default="", help=f"{name} of the rows that name none")
        parser.add_argument("--skip-bad", action="store_true", help="import the good rows although others are bad")

    def handle(self, **options: Any) -> None:
        project = project_named(options["project"])
        path: Path = options["file"]
        try:
            reading = importing.Reading(options["shape"], _mapping(options), {name: options[name] for name in importing.DEFAULTED})
            with open(path, "rb") as file:
                reading = reading.settled(file, path.name)
                self.stderr.write(
                    f"reads {', '.join(f'{name}={column}' for name, column in reading.mapping.items()) or 'no column'}"
                )
                outcome = importing.commit(project, reading, file, path.name, skip_bad=options["skip_bad"])
        except importing.Refused as refused:
            self._name(refused.report)
            raise CommandError(str(refused)) from None
        except (ValueError, OSError) as problem:
            raise CommandError(str(problem)) from None
        self._name(outcome.report)
        self.stdout.write(f"{outcome.added} imported, {outcome.known} there already, {outcome.report.bad} bad.")

    def _name(self, report: importing.Report) -> None:
        for line, reason in report.problems:
            self.stderr.write(f"line {line}: {reason}")
        if more := report.bad - len(report.problems):
            self.stderr.write(f"and {more} more")


def _mapping(options: dict[str, Any]) -> dict[str, str]:
    return columns.checked(options["shape"], columns.spelled(options["map"]))
