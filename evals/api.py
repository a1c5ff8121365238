"""Doors to evaluations: begin one, read its report. Not for raters: who rates blind must not read which model is which."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api_fields import IdField, ObjectField
from annotation.doors import BadInput, Door, Exact
from annotation.models import Project, Role
from evals import preference, report
from evals.models import Evaluation
from evals.starting import Contest, start
from training import schema
from training.api import inputs_of
from training.models import Checkpoint


class EvaluationSerializer(serializers.ModelSerializer):
    """Measures of checkpoints, and tasks in which people compare their answers blind."""

    class Meta:
        model = Evaluation
        fields = ["id", "name", "checkpoints", "runs", "created"]


class ContestSerializer(Exact):
    """Two checkpoints whose answers people compare without knowing whose they are."""

    first = IdField()
    second = IdField()
    count = serializers.IntegerField(min_value=1, max_value=10_000, default=60, help_text="On how many prompts.")
    overlap = serializers.IntegerField(min_value=1, max_value=50, default=1, help_text="By how many people each.")


class NewEvaluationSerializer(Exact):
    """Checkpoints to measure, on what; and two for people to compare."""

    name = serializers.CharField(max_length=120)
    checkpoints = serializers.ListField(child=IdField(), default=list, max_length=50, help_text="Each gets an `evaluate` run.")
    inputs = serializers.DictField(child=IdField(), default=dict, help_text="Ids of `dataset`, `corpus` and `reward`.")
    config = ObjectField(default=dict, help_text="Of the recipe `evaluate`.")
    contests = ContestSerializer(many=True, default=list, max_length=50)  # type: ignore[call-arg]

    def validate(self, fields: dict[str, Any]) -> dict[str, Any]:
        if not fields["checkpoints"] and not fields["contests"]:
            raise serializers.ValidationError(_("Give `checkpoints` to measure, or `contests` for people."))
        return fields


class EvaluationReportSerializer(EvaluationSerializer):
    """An evaluation with everything that is known now."""

    report = serializers.SerializerMethodField(
        help_text="Measures with intervals and differences, votes, answers side by side, what still runs."
    )

    class Meta(EvaluationSerializer.Meta):
        fields = [*EvaluationSerializer.Meta.fields, "report"]

    def get_report(self, evaluation: Evaluation) -> dict[str, Any]:
        return report.draw(evaluation)


class Evaluations(Door):
    """The evaluations of a project."""

    access, write_access = Role.REVIEWER, Role.LEAD
    lists = True
    serializer_class = EvaluationSerializer

    def get(self, request: Request, project_id: int) -> Response:
        """The evaluations, oldest first."""
        return self.listed(self.project.evaluations.prefetch_related("checkpoints", "runs"))

    @extend_schema(
        request=NewEvaluationSerializer,
        responses={201: EvaluationReportSerializer},
        examples=[
            OpenApiExample(
                "Measure two, and let people compare them",
                {"name": "sft or ppo", "checkpoints": [3, 5], "inputs": {"dataset": 1}, "contests": [{"first": 3, "second": 5}]},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request, project_id: int) -> Response:
        """Begins an evaluation: its runs are queued and its tasks lie on the raters' desk, or nothing is done."""
        given = self.asked(NewEvaluationSerializer)
        if self.project.evaluations.filter(name=given["name"]).exists():
            raise BadInput({"name": _("This project has an evaluation of this name. Choose another.")})
        measured = Checkpoint.objects.exclude(role=Checkpoint.Role.TOKENIZER)
        given["checkpoints"] = chosen(self.project, measured, "checkpoints", given["checkpoints"])
        given["inputs"] = inputs_of(self.project, "evaluate", given["inputs"])
        given["contests"] = [contest_of(self.project, place, **asked) for place, asked in enumerate(given["contests"])]
        try:
            evaluation = start(user=self.user, project=self.project, **given)
        except schema.ConfigError as error:
            raise BadInput(error.errors) from None
        return Response(EvaluationReportSerializer(evaluation).data, status.HTTP_201_CREATED)


def chosen(project: Project, rows: QuerySet[Checkpoint], field: str, ids: list[int]) -> list[Checkpoint]:
    """The checkpoints of these ids among the project's; BadInput names those that are none."""
    found = rows.filter(project=project).in_bulk(ids)
    if missing := [str(pk) for pk in ids if pk not in found]:
        raise BadInput({field: _("No such checkpoint that can be measured: %(ids)s.") % {"ids": ", ".join(missing)}})
    return [found[pk] for pk in dict.fromkeys(ids)]


def contest_of(project: Project, place: int, first: int, second: int, count: int, overlap: int) -> Contest:
    """Two checkpoints that have answered prompts in common; BadInput otherwise."""
    field = f"contests.{place}"
    pair = chosen(project, Checkpoint.objects.all(), field, [first, second])
    if len(pair) < 2:
        raise BadInput({field: _("Name two different checkpoints.")})
    if not preference.pairs(project, pair[0].name, pair[1].name):
        raise BadInput({field: _("These two have answered no prompt in common: run the recipe `sample` with both first.")})
    return Contest(pair[0], pair[1], count, overlap)


class OneEvaluation(Door):
    """One evaluation."""

    access = Role.REVIEWER
    serializer_class = EvaluationReportSerializer

    def get(self, request: Request, evaluation_id: int) -> Response:
        """An evaluation with its report as of now; `report.pending` is empty once all runs have ended well."""
        return Response(self.get_serializer(self.one(Evaluation.objects.select_related("project"), evaluation_id)).data)
