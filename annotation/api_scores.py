"""The door to reward models' scores: those made outside of Crisol come in here."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import scores
from annotation.api_bulk import MOST
from annotation.api_fields import IdField
from annotation.doors import Door, Exact
from annotation.models import Role


class ScoreSerializer(Exact):
    """One reward model's score of one answer: the higher, the better."""

    sample = IdField()
    value = serializers.FloatField(help_text="Comparable between the models sent: best with mean 0 and deviation 1.")


class NewScoresSerializer(Exact):
    """Scores by one reward model."""

    model = serializers.CharField(max_length=200, help_text="The reward model's name.")
    scores = serializers.ListField(child=ScoreSerializer(), min_length=1, max_length=MOST)


class KeptSerializer(serializers.Serializer):
    """How many scores were kept."""

    kept = serializers.IntegerField()


class Scores(Door):
    """Reward models' scores of a project's answers."""

    access = Role.LEAD
    serializer_class = NewScoresSerializer

    @extend_schema(
        request=NewScoresSerializer,
        responses={201: KeptSerializer},
        examples=[OpenApiExample("Two scores", {"model": "rm-7", "scores": [{"sample": 11, "value": 0.8}]}, request_only=True)],
    )
    def post(self, request: Request, project_id: int) -> Response:
        """Keeps up to 10,000 scores, all or none; sent again, the last stands. A queue by disagreement is put in order."""
        given = self.asked(NewScoresSerializer)
        rows = [(score["sample"], given["model"], score["value"]) for score in given["scores"]]
        return Response({"kept": scores.record(self.project, rows)}, status.HTTP_201_CREATED)
