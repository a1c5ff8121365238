"""The door for files: check what one holds, then import it. The same reading as the page's (`annotation/importing.py`)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import importing, rowfiles
from annotation.doors import BadInput, Door, Exact
from annotation.models import Role
from annotation.parts import names


class NewImportSerializer(Exact):
    """A JSONL, CSV or Parquet file (its name says which) and what its rows are."""

    file = serializers.FileField()
    shape = serializers.ChoiceField(names("IMPORTS"), help_text="What a row is.")
    commit = serializers.BooleanField(default=False, help_text="Import it; otherwise the file is only checked and nothing changes.")
    skip_bad = serializers.BooleanField(default=False, help_text="Import the good rows although others are bad.")
    language = serializers.CharField(max_length=12, required=False, help_text="Of rows that do not say it; likewise the next two.")
    source = serializers.CharField(max_length=200, required=False)  # type: ignore[assignment]
    licence = serializers.CharField(max_length=120, required=False)


class ProblemSerializer(serializers.Serializer):
    """What is wrong with a line."""

    line = serializers.IntegerField()
    reason = serializers.CharField()


class ImportReportSerializer(serializers.Serializer):
    """What a file holds, and what was imported of it."""

    good = serializers.IntegerField()
    bad = serializers.IntegerField()
    problems = ProblemSerializer(many=True, help_text="The first 200.")
    preview = serializers.ListField(child=serializers.DictField(), help_text="The first good rows.")
    added = serializers.IntegerField(required=False, help_text="Rows that are new in the project; after `commit` only.")
    known = serializers.IntegerField(required=False, help_text="Rows that were there already; after `commit` only.")


def plain(report: importing.Report) -> dict[str, Any]:
    return asdict(report) | {"problems": [problem._asdict() for problem in report.problems]}


class Imports(Door):
    """Files into a project."""

    access = Role.LEAD
    serializer_class = ImportReportSerializer
    parser_classes = [MultiPartParser]

    @extend_schema(
        request={"multipart/form-data": NewImportSerializer}, responses={200: ImportReportSerializer, 201: ImportReportSerializer}
    )
    def post(self, request: Request, project_id: int) -> Response:
        """Checks a file, and imports it when `commit` is said: all good rows or, if one is bad and `skip_bad` is not said, none."""
        given = self.asked(NewImportSerializer)
        upload, shape = given["file"], given["shape"]
        defaults = {name: given.get(name, "") for name in importing.DEFAULTED}
        try:
            if not given["commit"]:
                return Response(plain(importing.check(shape, upload.file, upload.name, defaults)))
            outcome = importing.commit(self.project, shape, upload.file, upload.name, defaults=defaults, skip_bad=given["skip_bad"])
        except rowfiles.FileProblem as error:
            raise BadInput({"file": str(error)}) from None
        except importing.Refused as error:
            raise BadInput({"file": str(error)}, **plain(error.report)) from None
        answer = plain(outcome.report) | {"added": outcome.added, "known": outcome.known}
        return Response(answer, status.HTTP_201_CREATED)
