"""Doors to what runs start from and make: corpora and checkpoints."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.doors import BadInput, Door, Exact
from annotation.models import Role
from training import corpora, lineage, textfiles
from training.models import Checkpoint, Corpus


class CorpusSerializer(serializers.ModelSerializer):
    """Plain text for a tokenizer or a base model."""

    run = serializers.IntegerField(source="run_id", allow_null=True, help_text="The run that made it; null: uploaded.")

    class Meta:
        model = Corpus
        fields = ["id", "name", "language", "source", "licence", "run", "digest", "size", "created"]


class NewCorpusSerializer(Exact):
    """A file of UTF-8 text, a blank line between documents; or JSONL, JSON, CSV or Parquet with a text a row."""

    file = serializers.FileField()
    column = serializers.CharField(max_length=200, default=textfiles.COLUMN, help_text="Of rows: which column is the text.")
    name = serializers.CharField(max_length=120)
    language = serializers.CharField(max_length=12, required=False, help_text="For example `en`.")
    source = serializers.CharField(max_length=200, required=False)  # type: ignore[assignment]
    licence = serializers.CharField(max_length=120, required=False, help_text="It stays with every model made from the text.")


class Corpora(Door):
    """The corpora of a project."""

    access = Role.LEAD
    lists = True
    serializer_class = CorpusSerializer
    parser_classes = [MultiPartParser]

    def get(self, request: Request, project_id: int) -> Response:
        """The corpora, oldest first."""
        return self.listed(self.project.corpora.all())

    @extend_schema(request={"multipart/form-data": NewCorpusSerializer}, responses={201: CorpusSerializer})
    def post(self, request: Request, project_id: int) -> Response:
        """Uploads a text file."""
        given = self.asked(NewCorpusSerializer)
        try:
            text = textfiles.uploaded(given.pop("file"), given.pop("column"))
            corpus = corpora.store(text, project=self.project, user=self.user, **given)
        except corpora.BadCorpus as error:
            raise BadInput({error.field: str(error)}) from None
        return Response(CorpusSerializer(corpus).data, status.HTTP_201_CREATED)


class CheckpointSerializer(serializers.ModelSerializer):
    """Weights (or a tokenizer) that a run can start from."""

    run = serializers.IntegerField(source="run_id", allow_null=True, help_text="The run that made it; null: imported.")
    card = serializers.DictField(help_text="Parameters and figures.")

    class Meta:
        model = Checkpoint
        fields = ["id", "name", "role", "run", "step", "digest", "source", "licence", "card", "created"]


class NodeSerializer(serializers.Serializer):
    """One thing in a lineage; `parents` is what it was made from."""

    kind = serializers.ChoiceField(["run", "checkpoint", "snapshot", "corpus"])
    id = serializers.IntegerField(source="thing.pk")
    title = serializers.CharField(source="thing")
    input = serializers.CharField(source="name", help_text="The input under which the run below used it.")
    parents = serializers.SerializerMethodField()

    @extend_schema_field({"type": "array", "items": {"$ref": "#/components/schemas/Node"}})
    def get_parents(self, node: lineage.Node) -> list[dict[str, Any]]:
        return [dict(NodeSerializer(parent).data) for parent in node.parents]


class PeopleSerializer(serializers.Serializer):
    """Whose judgement stands behind a checkpoint."""

    judgements = serializers.IntegerField()
    raters = serializers.IntegerField()
    simulated = serializers.IntegerField(help_text="Of the judgements: by simulated raters, which are programs.")
    licences = serializers.ListField(child=serializers.CharField())


class CheckpointDetailSerializer(CheckpointSerializer):
    """A checkpoint with its lineage both ways."""

    lineage = serializers.SerializerMethodField(help_text="What it was made from, up to people's judgements.")
    people = serializers.SerializerMethodField()
    used_by = serializers.SerializerMethodField(help_text="Ids of the runs that started from it.")
    samples = serializers.SerializerMethodField(help_text="How many answers it has given.")

    class Meta(CheckpointSerializer.Meta):
        fields = [*CheckpointSerializer.Meta.fields, "lineage", "people", "used_by", "samples"]

    @extend_schema_field(NodeSerializer)
    def get_lineage(self, checkpoint: Checkpoint) -> Any:
        return NodeSerializer(lineage.ancestry(checkpoint)).data

    @extend_schema_field(PeopleSerializer)
    def get_people(self, checkpoint: Checkpoint) -> Any:
        return PeopleSerializer(lineage.people([lineage.ancestry(checkpoint)])).data

    def get_used_by(self, checkpoint: Checkpoint) -> list[int]:
        return [run.pk for run in lineage.used_by(checkpoint)]

    def get_samples(self, checkpoint: Checkpoint) -> int:
        return lineage.samples_of(checkpoint)


class CheckpointQuery(serializers.Serializer):
    role = serializers.ChoiceField(Checkpoint.Role.choices, required=False)


class Checkpoints(Door):
    """The checkpoints of a project."""

    access = Role.LEAD
    lists = True
    serializer_class = CheckpointSerializer

    @extend_schema(parameters=[CheckpointQuery])
    def get(self, request: Request, project_id: int) -> Response:
        """The checkpoints, oldest first."""
        rows: QuerySet[Checkpoint] = self.project.checkpoints.filter(**self.query(CheckpointQuery))
        return self.listed(rows)


class OneCheckpoint(Door):
    """One checkpoint."""

    access = Role.LEAD
    serializer_class = CheckpointDetailSerializer

    def get(self, request: Request, checkpoint_id: int) -> Response:
        """A checkpoint with its card and its lineage both ways."""
        return Response(self.get_serializer(self.one(Checkpoint.objects.all(), checkpoint_id)).data)
