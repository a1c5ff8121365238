"""The door for files: check what one holds, then import it. The same reading as the page's (`annotation/importing.py`)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import columns, importing, rowfiles
from annotation.doors import BadInput, Door, Exact
from annotation.models import Role
from annotation.parts import names


class NewImportSerializer(Exact):
    """A JSONL, JSON, CSV or Parquet file (its name says which) and what its rows are."""

    file = serializers.FileField()
    shape = serializers.ChoiceField(names("IMPORTS"), help_text="What a row is.")
    map = serializers.ListField(
        child=serializers.CharField(max_length=400),
        required=False,
        help_text="“field=column”, once for each field that is not found by its column's name; “field=” reads it from none.",
    )
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

    columns = serializers.ListField(child=serializers.CharField(), help_text="“meta.lang” is a key of an object.")
    looks_like = serializers.CharField(help_text="The shape that the columns show signs of; may be empty.")
    mapping = serializers.DictField(child=serializers.CharField(), help_text="From which column each field was read.")
    good = serializers.IntegerField(help_text="Rows.")
    bad = serializers.IntegerField(help_text="Rows.")
    becomes = serializers.DictField(child=serializers.IntegerField(), help_text="Prompts and judgements in the good rows, by kind.")
    problems = ProblemSerializer(many=True, help_text="The first 200.")
    preview = serializers.ListField(child=serializers.DictField(), help_text="The first good rows.")
    added = serializers.IntegerField(required=False, help_text="Prompts and judgements that are new; after `commit` only.")
    known = serializers.IntegerField(required=False, help_text="Those that were there already; after `commit` only.")


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
        file, name = given["file"].file, given["file"].name
        try:
            reading = _reading(given).settled(file, name)
            seen = _seen(importing.look(file, name), reading)
            if not given["commit"]:
                return Response(seen | plain(importing.check(reading, file, name)))
            outcome = importing.commit(self.project, reading, file, name, skip_bad=given["skip_bad"])
        except rowfiles.FileProblem as error:
            raise BadInput({"file": str(error)}) from None
        except importing.Refused as error:
            raise BadInput({"file": str(error)}, **seen, **plain(error.report)) from None
        answer = seen | plain(outcome.report) | {"added": outcome.added, "known": outcome.known}
        return Response(answer, status.HTTP_201_CREATED)


def _reading(given: dict[str, Any]) -> importing.Reading:
    try:
        mapping = columns.checked(given["shape"], columns.spelled(given.get("map", [])))
    except ValueError as error:
        raise BadInput({"map": str(error)}) from None
    return importing.Reading(given["shape"], mapping, {name: given.get(name, "") for name in importing.DEFAULTED})


def _seen(look: importing.Look, reading: importing.Reading) -> dict[str, Any]:
    return {"columns": look.columns, "looks_like": look.shape, "mapping": reading.mapping}
