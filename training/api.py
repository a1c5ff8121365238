"""Doors to runs: queue one, watch it, stop it, resume it."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api_fields import IdField, ObjectField
from annotation.doors import BadInput, Conflict, Door, Exact
from annotation.models import Project, Role
from annotation.parts import names, part
from training import moves, preflight_page, schema, watch
from training.launch import MODELS, launch
from training.models import Event, Run, RunInput
from training.preflight.severity import SEVERITIES


class RunInputSerializer(serializers.ModelSerializer):
    """What a run starts from."""

    kind = serializers.CharField(source="thing._meta.model_name", help_text="`checkpoint`, `snapshot` or `corpus`.")
    id = serializers.IntegerField(source="thing.pk")
    title = serializers.CharField(source="thing")

    class Meta:
        model = RunInput
        fields = ["name", "kind", "id", "title"]


class RunSerializer(serializers.ModelSerializer):
    """One execution of a recipe."""

    project = serializers.IntegerField(source="project_id")
    config = serializers.DictField()
    resources = serializers.DictField()
    inputs = RunInputSerializer(many=True)

    class Meta:
        model = Run
        fields = [
            "id", "project", "recipe", "preflight", "name", "state", "attempt", "config", "inputs", "seed", "engine", "resources",
            "created",
        ]  # fmt: skip


class ProgressSerializer(serializers.Serializer):
    """How far the present attempt is."""

    done = serializers.FloatField()
    total = serializers.FloatField()
    unit = serializers.CharField()
    seconds_left = serializers.SerializerMethodField(help_text="Reckoned from the recent pace; null while unknown.")

    def get_seconds_left(self, progress: watch.Progress) -> float | None:
        return progress.left.total_seconds() if progress.left is not None else None


class RunDetailSerializer(RunSerializer):
    """A run with how far it is and what it made."""

    why = serializers.SerializerMethodField(help_text="What was said when it came into its state, such as why it failed.")
    progress = serializers.SerializerMethodField()
    checkpoints: Any = serializers.PrimaryKeyRelatedField(many=True, read_only=True, help_text="Ids of the checkpoints it made.")

    class Meta(RunSerializer.Meta):
        fields = [*RunSerializer.Meta.fields, "why", "progress", "checkpoints"]

    def get_why(self, run: Run) -> str:
        return watch.why(run)

    @extend_schema_field(ProgressSerializer(allow_null=True))
    def get_progress(self, run: Run) -> Any:
        progress = watch.progress(run)
        return ProgressSerializer(progress).data if progress else None


class NewRunSerializer(Exact):
    """What to run. `GET /api/recipes/` says which inputs and which config a recipe takes."""

    recipe = serializers.ChoiceField(names("RECIPES"))
    config = ObjectField(default=dict, help_text="Only what differs from the recipe's defaults.")
    inputs = serializers.DictField(child=IdField(), default=dict, help_text="Name → id of the checkpoint, snapshot or corpus.")
    name = serializers.CharField(max_length=120, allow_blank=True, default="", help_text="What its checkpoint will be called.")
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=0)
    engine = serializers.ChoiceField(names("ENGINES"), default="local")
    resources = ObjectField(default=dict, help_text='What the engine is asked for, e.g. {"processes": 1}.')
    preflight = serializers.BooleanField(default=False, help_text="Only look for what would be wrong with it; see `findings`.")


class RunQuery(serializers.Serializer):
    recipe = serializers.ChoiceField(names("RECIPES"), required=False)
    state = serializers.ChoiceField(Run.State.choices, required=False)


def inputs_of(project: Project, recipe: str, ids: dict[str, int]) -> dict[str, Any]:
    """The project's things of these ids, by input name. BadInput names what is not there; `launch` judges the rest."""
    kinds = {wanted.name: wanted.kind for wanted in part("RECIPES", recipe).INPUTS}
    found, errors = {}, {}
    for name, pk in ids.items():
        if name not in kinds:
            errors[name] = _("This recipe has no such input; there are: %(names)s.") % {"names": ", ".join(kinds) or "—"}
        elif (thing := MODELS[kinds[name]]._default_manager.filter(project=project, pk=pk).first()) is None:
            errors[name] = _("This project has no %(kind)s %(id)d.") % {"kind": kinds[name], "id": pk}
        else:
            found[name] = thing
    if errors:
        raise BadInput(errors)
    return found


class Runs(Door):
    """The runs of a project."""

    access = Role.LEAD
    lists = True
    serializer_class = RunSerializer

    @extend_schema(parameters=[RunQuery])
    def get(self, request: Request, project_id: int) -> Response:
        """The runs, oldest first."""
        rows = self.project.runs.filter(**self.query(RunQuery))
        return self.listed(rows.prefetch_related("inputs__snapshot__project", "inputs__checkpoint", "inputs__corpus"))

    @extend_schema(
        request=NewRunSerializer,
        responses={201: RunDetailSerializer},
        examples=[
            OpenApiExample(
                "Fine-tune on written answers",
                {"recipe": "sft", "inputs": {"model": 2, "dataset": 1}, "config": {"epochs": 3}, "name": "sft-1"},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request, project_id: int) -> Response:
        """Queues a run. A wrong config or input is named field by field, as on the page and in the shell."""
        given = self.asked(NewRunSerializer)
        given["inputs"] = inputs_of(self.project, given["recipe"], given["inputs"])
        try:
            run = launch(user=self.user, project=self.project, **given)
        except schema.ConfigError as error:
            raise BadInput(error.errors) from None
        return Response(RunDetailSerializer(run).data, status.HTTP_201_CREATED)


class OneRun(Door):
    """One run."""

    access = Role.LEAD
    serializer_class = RunDetailSerializer

    def get(self, request: Request, run_id: int) -> Response:
        """A run with its state, its progress and what it made."""
        return Response(self.get_serializer(self.one(Run.objects.all(), run_id)).data)


class EventSerializer(serializers.ModelSerializer):
    """One thing that happened to a run."""

    data = serializers.DictField()  # type: ignore[assignment]

    class Meta:
        model = Event
        fields = ["id", "attempt", "kind", "step", "data", "at"]


class EventQuery(serializers.Serializer):
    kind = serializers.CharField(
        required=False,
        max_length=20,
        help_text="`state`, `progress`, `metrics`, `message`, `checkpoint`, `samples`, `start`, `end`.",
    )

    after = IdField(required=False, min_value=0, source="id__gt", help_text="Only events after the one of this id.")


class Events(Door):
    """What happened to a run."""

    access = Role.LEAD
    lists = True
    serializer_class = EventSerializer

    @extend_schema(parameters=[EventQuery])
    def get(self, request: Request, run_id: int) -> Response:
        """The events, oldest first; `kind=metrics` are the curves, `after=` what came since."""
        return self.listed(self.one(Run.objects.all(), run_id).events.filter(**self.query(EventQuery)))


class LogSerializer(serializers.Serializer):
    """What the run's processes printed last."""

    log = serializers.CharField()


class Log(Door):
    """The end of a run's log."""

    access = Role.LEAD
    serializer_class = LogSerializer

    def get(self, request: Request, run_id: int) -> Response:
        """The last 200 lines."""
        return Response({"log": watch.log_tail(self.one(Run.objects.all(), run_id))})


class FindingSerializer(serializers.Serializer):
    """Something wrong with a run, or worth knowing of it."""

    check = serializers.CharField()
    severity = serializers.ChoiceField(SEVERITIES)
    what = serializers.CharField()
    why = serializers.CharField()
    todo = serializers.CharField()
    unit = serializers.CharField(help_text="What `ids` are of: `judgement`, `prompt` or `document`; empty: the whole run.")
    ids = serializers.ListField(child=serializers.IntegerField(), help_text="The rows, at most 1000 of them.")
    figures = serializers.DictField()


class Findings(Door):
    """What a preflight found."""

    access = Role.LEAD
    pagination_class = None

    @extend_schema(responses=FindingSerializer(many=True))
    def get(self, request: Request, run_id: int) -> Response:
        """The findings of a preflight that has succeeded, the gravest first; of any other run none."""
        run = self.one(Run.objects.all(), run_id)
        if preflight_page.page(run) is None:
            return Response([])
        told = preflight_page.report(run)["findings"]
        return Response([one | dict(zip(("what", "why", "todo"), preflight_page.sentences(one), strict=True)) for one in told])


class Stop(Door):
    """Ends a run."""

    access = Role.LEAD

    @extend_schema(request=None, responses={200: RunDetailSerializer, 409: OpenApiResponse(description="It had ended already.")})
    def post(self, request: Request, run_id: int) -> Response:
        """Asks the run to save and end; a queued one ends at once."""
        run = self.one(Run.objects.all(), run_id)
        if not moves.request_stop(run):
            raise Conflict(_("This run has ended already: it is %(state)s.") % {"state": run.get_state_display().lower()})
        return Response(RunDetailSerializer(run).data)


class Resume(Door):
    """Goes on with a run that ended too early."""

    access = Role.LEAD

    @extend_schema(request=None, responses={200: RunDetailSerializer, 409: OpenApiResponse(description="It cannot be resumed.")})
    def post(self, request: Request, run_id: int) -> Response:
        """Queues another attempt, from the last whole checkpoint."""
        run = self.one(Run.objects.all(), run_id)
        if not moves.resume(run):
            words = _("Only a run that stopped or failed can be resumed: this one is %(state)s.")
            raise Conflict(words % {"state": run.get_state_display().lower()})
        return Response(RunDetailSerializer(run).data)
