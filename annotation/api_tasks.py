"""Doors to the work wanted from people: tasks and their seats, and the judgements that came of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import grouping, search, seating, tasks
from annotation.api_bulk import MOST
from annotation.api_fields import IdField, MessagesField, SearchField
from annotation.doors import BadInput, Conflict, Door, Exact
from annotation.models import Grade, Judgement, Project, Role, Sample, Task
from annotation.parts import names
from annotation.simulated import pseudonym


def counted(rows: QuerySet[Task]) -> QuerySet[Task]:
    """With how many judgements each task wants and has."""
    return rows.annotate(
        wanted=Count("seats", distinct=True), filled=Count("seats", distinct=True, filter=Q(seats__filled__isnull=False))
    ).prefetch_related("samples")


class TaskSerializer(serializers.ModelSerializer):
    """A prompt and the answers shown together."""

    prompt = serializers.IntegerField(source="prompt_id")
    samples = serializers.SerializerMethodField()
    seats = serializers.IntegerField(source="wanted", help_text="How many judgements are wanted.")
    filled = serializers.IntegerField(help_text="How many there are.")

    class Meta:
        model = Task
        fields = ["id", "kind", "prompt", "samples", "purpose", "seats", "filled", "created"]

    def get_samples(self, task: Task) -> list[int]:
        return sorted(sample.pk for sample in task.samples.all())


class TaskQuery(serializers.Serializer):
    kind = serializers.ChoiceField(names("KINDS"), required=False)
    purpose = serializers.ChoiceField(Task.Purpose.choices, required=False)
    prompt = IdField(required=False)


class NewTasksSerializer(Exact):
    """Kind `write` takes `prompts`; the others take `groups`, or `models` for what these answered and nobody was asked yet."""

    kind = serializers.ChoiceField(names("KINDS"))
    prompts = serializers.ListField(child=IdField(), min_length=1, max_length=MOST, required=False, help_text="Ids of prompts.")
    groups = serializers.ListField(
        child=serializers.ListField(child=IdField(), min_length=1, max_length=9),
        min_length=1,
        max_length=MOST,
        required=False,
        help_text="Lists of ids of answers to one prompt, as many as the kind shows.",
    )
    models = serializers.ListField(child=serializers.CharField(), min_length=1, required=False, help_text="Names of models.")
    answers = serializers.IntegerField(
        min_value=1, max_value=9, required=False, help_text="With `models`: at most so many answers side by side."
    )
    follow_ups = serializers.ListField(
        child=serializers.ChoiceField(names("KINDS")),
        required=False,
        help_text="Kinds asked after `rank` or `compare`, of the best answer: `rate`.",
    )
    overlap = serializers.IntegerField(
        min_value=1, max_value=100, required=False, help_text="Judgements wanted for each; by default the project's."
    )
    purpose = serializers.ChoiceField([Task.Purpose.TRAIN, Task.Purpose.EVALUATE], default=Task.Purpose.TRAIN)

    def validate(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Exactly one of the ways to name what is asked, and one that the kind takes."""
        takes = {"write": ["prompts"]}.get(fields["kind"], ["groups", "models"])
        given = [name for name in ("prompts", "groups", "models") if name in fields]
        if len(given) == 1 and given[0] in takes:
            return fields
        words = {"kind": fields["kind"], "names": _(" or ").join(f"“{name}”" for name in takes)}
        raise serializers.ValidationError({takes[0]: _("Kind “%(kind)s” takes %(names)s, and nothing beside.") % words})


class MadeSerializer(serializers.Serializer):
    """How many tasks were made."""

    created = serializers.IntegerField()


class NewSeatsSerializer(Exact):
    """More people wanted for a task."""

    count = serializers.IntegerField(min_value=1, max_value=100)


class Tasks(Door):
    """The work of a project."""

    access, write_access = Role.REVIEWER, Role.LEAD
    lists = True
    serializer_class = TaskSerializer

    @extend_schema(parameters=[TaskQuery])
    def get(self, request: Request, project_id: int) -> Response:
        """The tasks with their progress, oldest first."""
        return self.listed(counted(Task.objects.filter(prompt__project=self.project, **self.query(TaskQuery))))

    @extend_schema(
        request=NewTasksSerializer,
        responses={201: MadeSerializer},
        examples=[
            OpenApiExample("Ideal responses", {"kind": "write", "prompts": [1, 2], "overlap": 2}, request_only=True),
            OpenApiExample("Rankings of two models", {"kind": "rank", "models": ["sft-3", "ppo-5"]}, request_only=True),
            OpenApiExample("Rankings", {"kind": "rank", "groups": [[11, 12, 13], [14, 15]]}, request_only=True),
        ],
    )
    def post(self, request: Request, project_id: int) -> Response:
        """Makes tasks with their seats, all or none."""
        return Response({"created": made(self.project, **self.asked(NewTasksSerializer))}, status.HTTP_201_CREATED)


@transaction.atomic
def made(project: Project, kind: str, purpose: str, overlap: int | None = None, **named: Any) -> int:
    """Makes the tasks; how many. `named` holds `prompts`, `groups` or `models`."""
    wanted: dict[str, Any] = {"overlap": overlap or project.overlap, "purpose": purpose}
    if kind == "write":
        return tasks.write_tasks(prompts_of(project, named["prompts"]), **wanted)
    if "models" in named:
        samples = Sample.objects.filter(prompt__project=project, model__in=named["models"])
        groups: Iterable[list[Sample]] = grouping.groups(samples, kind, named.get("answers"))
    else:
        groups = groups_of(project, named["groups"])
    try:
        return len(tasks.answer_tasks(groups, kind=kind, follow_ups=named.get("follow_ups", ()), **wanted))
    except ValueError as error:
        raise BadInput({"groups" if "groups" in named else "follow_ups": str(error)}) from error


def prompts_of(project: Project, ids: list[int]) -> list[Any]:
    """The prompts of these ids, in their order; BadInput if one is not of the project."""
    found = project.prompts.in_bulk(set(ids))
    _all_there("prompts", ids, found)
    return [found[pk] for pk in dict.fromkeys(ids)]


def groups_of(project: Project, groups: list[list[int]]) -> list[list[Sample]]:
    """The samples of these ids, grouped alike; BadInput if one is not of the project or a group is none that can be ranked."""
    wanted = [pk for group in groups for pk in group]
    found = Sample.objects.filter(prompt__project=project).in_bulk(set(wanted))
    _all_there("groups", wanted, found)
    for place, group in enumerate(groups):
        if len(set(group)) < len(group) or len({found[pk].prompt_id for pk in group}) > 1:
            raise BadInput({f"groups.{place}": _("A group holds different answers to one prompt.")})
    return [[found[pk] for pk in group] for group in groups]


def _all_there(field: str, wanted: list[int], found: dict[int, Any]) -> None:
    missing = [pk for pk in dict.fromkeys(wanted) if pk not in found]
    if missing:
        raise BadInput({field: _("Not of this project: %(ids)s.") % {"ids": ", ".join(map(str, missing[:20]))}})


class TaskSeats(Door):
    """How many people judge a task."""

    access = Role.LEAD
    serializer_class = NewSeatsSerializer

    @extend_schema(request=NewSeatsSerializer, responses={201: TaskSerializer})
    def post(self, request: Request, task_id: int) -> Response:
        """Wants more judgements of a task."""
        task = self.one(Task.objects.select_related("prompt__project"), task_id)
        if task.reference_id:
            raise Conflict(_("Each rater has their own seat at a task that checks raters."))
        seating.add_seats(task.prompt.project, [(task, self.asked(NewSeatsSerializer)["count"])])
        return Response(TaskSerializer(counted(Task.objects.all()).get(pk=task.pk)).data, status.HTTP_201_CREATED)


class GradeSerializer(serializers.ModelSerializer):
    """A value given to one answer: higher is better, comparable within its judgement and aspect only."""

    sample = serializers.IntegerField(source="sample_id")

    class Meta:
        model = Grade
        fields = ["sample", "aspect", "step", "value"]


class JudgementSerializer(serializers.ModelSerializer):
    """What one rater answered. Raters are pseudonyms."""

    task = serializers.IntegerField(source="task_id")
    kind = serializers.CharField(source="task.kind")
    prompt = serializers.IntegerField(source="task.prompt_id")
    purpose = serializers.CharField(source="task.purpose")
    rater = serializers.SerializerMethodField()
    guidelines = serializers.IntegerField(source="guidelines.version", allow_null=True, default=None)
    written = MessagesField(source="written.messages", allow_null=True, default=None, help_text="The answer written, if any.")
    grades = GradeSerializer(many=True)
    superseded = serializers.SerializerMethodField(help_text="A correction took its place.")

    class Meta:
        model = Judgement
        fields = [
            "id", "task", "kind", "prompt", "purpose", "rater", "guidelines", "order", "seconds", "comment", "written", "grades",
            "superseded", "created",
        ]  # fmt: skip

    def get_rater(self, judgement: Judgement) -> str:
        return pseudonym(judgement.rater)

    def get_superseded(self, judgement: Judgement) -> bool:
        return hasattr(judgement, "superseded_by")


class JudgementQuery(serializers.Serializer):
    search = SearchField(help_text="Only judgements whose comment or prompt says this; words, “phrases”, -exclusions, prefix*.")
    task = IdField(required=False)
    kind = serializers.ChoiceField(names("KINDS"), required=False, source="task__kind")
    purpose = serializers.ChoiceField(Task.Purpose.choices, required=False, source="task__purpose")


class Judgements(Door):
    """What raters answered."""

    access = Role.REVIEWER
    lists = True
    serializer_class = JudgementSerializer

    @extend_schema(parameters=[JudgementQuery])
    def get(self, request: Request, project_id: int) -> Response:
        """The judgements with their grades, oldest first; corrections and what they supersede both."""
        asked = self.query(JudgementQuery)
        words = asked.pop("search", "")
        rows = search.saying(Judgement.objects.filter(task__prompt__project=self.project, **asked), words)
        shown = rows.select_related("task", "rater", "written", "guidelines", "superseded_by")
        return self.listed(shown.prefetch_related("grades"))
