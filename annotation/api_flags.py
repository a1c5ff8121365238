"""Doors for flags: raters raise them at their seat, leads read and settle them."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import flags
from annotation.api_rating import LOST, RaterDoor
from annotation.doors import Door, Exact
from annotation.models import Flag, Role, Seat
from annotation.simulated import pseudonym


class RaisedSerializer(Exact):
    """What is wrong with a task."""

    word = serializers.ChoiceField(Flag.Word.choices)
    comment = serializers.CharField(max_length=flags.COMMENT_LIMIT, allow_blank=True, default="")


class FlagSerializer(serializers.ModelSerializer):
    """A rater's proposal to the leads: nothing is removed by it. Raters are pseudonyms."""

    task = serializers.IntegerField(source="task_id")
    rater = serializers.SerializerMethodField()

    class Meta:
        model = Flag
        fields = ["id", "task", "rater", "word", "comment", "created", "settled"]

    def get_rater(self, flag: Flag) -> str:
        return pseudonym(flag.rater)


class FlagReceiptSerializer(serializers.ModelSerializer):
    """What was kept of a flag."""

    class Meta:
        model = Flag
        fields = ["id", "word", "comment", "created"]


class FlagQuery(serializers.Serializer):
    open = serializers.BooleanField(required=False, help_text="Only those that are open, or only those that are settled.")


class RaiseFlag(RaterDoor):
    """A flag on the task of a seat that the caller holds."""

    serializer_class = RaisedSerializer

    @extend_schema(request=RaisedSerializer, responses={201: FlagReceiptSerializer, 409: LOST})
    def post(self, request: Request, seat_id: int) -> Response:
        """Tells the leads; the seat stays the caller's. The same word again is the same flag."""
        seat, given = self.one(Seat.objects.all(), seat_id), self.asked(RaisedSerializer)
        flag = flags.raise_flag(seat, self.user, given["word"], given["comment"])
        return Response(FlagReceiptSerializer(flag).data, status.HTTP_201_CREATED)


class Flags(Door):
    """What raters flagged."""

    access = Role.REVIEWER
    lists = True
    serializer_class = FlagSerializer

    @extend_schema(parameters=[FlagQuery])
    def get(self, request: Request, project_id: int) -> Response:
        """The flags of a project, oldest first."""
        rows = Flag.objects.filter(task__prompt__project=self.project).select_related("rater")
        asked = self.query(FlagQuery)
        return self.listed(rows.filter(settled__isnull=asked["open"]) if "open" in asked else rows)


class SettleFlag(Door):
    """A flag that a lead has dealt with."""

    access = Role.LEAD
    serializer_class = FlagSerializer

    @extend_schema(request=None, responses={200: FlagSerializer})
    def post(self, request: Request, flag_id: int) -> Response:
        """Closes the flag; who was first to close it stays named."""
        flag = self.one(Flag.objects.all(), flag_id)
        flags.settle(flag, self.user)
        flag.refresh_from_db()
        return Response(FlagSerializer(flag).data)
