"""The door to known answers: which judgement is the reference of a task that checks raters."""

from __future__ import annotations

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import known
from annotation.api_fields import IdField
from annotation.api_tasks import TaskSerializer, counted
from annotation.doors import BadInput, Door, Exact
from annotation.models import Role, Task


class ReferenceSerializer(Exact):
    """A judgement of the task that is surely right."""

    judgement = IdField(help_text="The id of a judgement of this task that grades its answers.")
    purpose = serializers.ChoiceField(
        known.PURPOSES, default=Task.Purpose.GOLD, help_text="`gold`: hidden among other tasks; `entry`: part of the entry test."
    )


class Reference(Door):
    """The known answer of a task."""

    access = Role.LEAD
    serializer_class = ReferenceSerializer

    @extend_schema(request=ReferenceSerializer, responses=TaskSerializer)
    def put(self, request: Request, task_id: int) -> Response:
        """Makes the task one that checks raters: its free seats go, and snapshots leave it out."""
        task, asked = self.one(Task.objects.all(), task_id), self.asked(ReferenceSerializer)
        judgement = task.judgements.filter(pk=asked["judgement"]).first()
        if judgement is None:
            raise BadInput({"judgement": _("This task has no such judgement.")})
        known.make_known(judgement, asked["purpose"])
        return Response(TaskSerializer(counted(Task.objects.all()).get(pk=task.pk)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, task_id: int) -> Response:
        """Makes the task one to train on again, with the judgements that it has."""
        known.unmake(self.one(Task.objects.all(), task_id))
        return Response(status=status.HTTP_204_NO_CONTENT)
