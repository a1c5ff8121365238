"""Doors for programs that rate: claim a seat, keep a draft, submit, hand it back. The desk is the page's (`annotation/desk.py`)."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import asking, correcting, desk
from annotation.api_fields import MessagesField
from annotation.doors import Conflict, Door, Exact
from annotation.models import Judgement, Role, Scope, Seat


class ShownAnswerSerializer(serializers.Serializer):
    """One answer to grade. Which model or person gave it stays hidden."""

    sample_id = serializers.IntegerField()
    messages = MessagesField()


class SeatSerializer(serializers.Serializer):
    """What a rater is asked, and nothing that could sway them."""

    seat = serializers.IntegerField(source="id")
    kind = serializers.CharField(source="task.kind", help_text="Says what `answer` of a judgement holds.")
    messages = MessagesField(source="task.prompt.messages", help_text="The prompt.")
    tools = serializers.ListField(child=serializers.DictField(), source="task.prompt.tools")
    answers = serializers.SerializerMethodField(help_text="In the order in which this rater is to see them.")
    follow_ups = serializers.ListField(
        source="task.follow_ups",
        child=serializers.CharField(),
        help_text="Kinds asked of the best answer too; their fields join `answer`.",
    )
    aspects = serializers.ListField(
        source="project.aspects", child=serializers.DictField(), help_text="What kind `rate` asks of each answer."
    )
    guidelines = serializers.SerializerMethodField(help_text="What raters of this project are told (Markdown).")
    draft = serializers.DictField(help_text="What this rater saved before, in the shape of `answer`.")
    held_until = serializers.DateTimeField(help_text="Afterwards the seat may go to another rater; saving a draft extends it.")
    key = serializers.SerializerMethodField(help_text="Send it with the judgement: the same key twice is one judgement.")

    @extend_schema_field(ShownAnswerSerializer(many=True))
    def get_answers(self, seat: Seat) -> list[dict[str, Any]]:
        return [{"sample_id": sample.pk, "messages": sample.messages} for sample in asking.of_seat(seat).samples]

    def get_guidelines(self, seat: Seat) -> str:
        return seat.guidelines.text if seat.guidelines else ""

    def get_key(self, seat: Seat) -> str:
        return desk.key_of(seat)


class AnswerSerializer(Exact):
    """A judgement as a rater sends it."""

    answer = serializers.DictField(
        help_text='`write`, `edit`: {"text": …}. `rank`: {"tiers": [[best ids], …], "unacceptable": [ids]}. `compare`: '
        '{"preferred": id or null for a tie, "strength": 1 to 3, "both_bad": bool}. `rate`: {"ratings": {id: {aspect: value}}}.'
    )
    key = serializers.CharField(max_length=80, help_text="Idempotency key, from the seat; the same key twice is one judgement.")
    seconds = serializers.FloatField(
        min_value=0, max_value=86_400, required=False, allow_null=True, help_text="Time spent, in seconds."
    )
    comment = serializers.CharField(max_length=5000, allow_blank=True, default="")


class ChangeSerializer(AnswerSerializer):
    """A judgement as its rater has it now."""

    key = serializers.CharField(max_length=80, help_text="A new idempotency key; the same key twice is one change.")


class DraftSerializer(Exact):
    """Work not yet done."""

    draft = serializers.DictField(help_text="In the shape of `answer`; it need not be complete.")


class SkipSerializer(Exact):
    """Why a rater will not judge a task."""

    reason = serializers.CharField(max_length=300, help_text="The lead of the project can read it.")


class ReceiptSerializer(serializers.ModelSerializer):
    """What was kept of a judgement."""

    class Meta:
        model = Judgement
        fields = ["id", "seat", "key", "created"]


RANK = OpenApiExample(
    "A ranking with a tie",
    {"answer": {"tiers": [[12], [13, 14]], "unacceptable": [15]}, "key": "3f0c…", "seconds": 41.5},
    request_only=True,
)
WRITE = OpenApiExample("A written answer", {"answer": {"text": "Paris."}, "key": "9a41…", "seconds": 20}, request_only=True)
NOTHING = OpenApiResponse(description="Nothing is left for this rater.")
LATE = OpenApiResponse(description="The time to change it is over, or it was changed already.")
LOST = OpenApiResponse(description="The seat lapsed and another rater took it: claim the next one.")


class RaterDoor(Door):
    access, scope = Role.RATER, Scope.RATE

    def seat(self, seat_id: int, seats: QuerySet[Seat] | None = None) -> Seat:
        """A seat that is the caller's, open or filled; other raters' seats are not found."""
        mine = (Seat.objects.all() if seats is None else seats).filter(rater_id=self.user.pk)
        return self.one(mine.select_related("task__prompt", "project", "guidelines"), seat_id)

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, desk.SeatLost | correcting.NotYours):
            exc = Conflict(str(exc))
        return super().handle_exception(exc)


class NextSeat(RaterDoor):
    """The rater's next piece of work."""

    serializer_class = SeatSerializer

    @extend_schema(request=None, responses={200: SeatSerializer, 204: NOTHING})
    def post(self, request: Request, project_id: int) -> Response:
        """Claims the next seat of this project; while one is held, answers that one again."""
        seat = desk.claim(self.user, self.project)
        if seat is None:
            return Response(status=status.HTTP_204_NO_CONTENT)
        return Response(SeatSerializer(self.seat(seat.pk)).data)


class OneSeat(RaterDoor):
    """A seat that the caller holds."""

    serializer_class = SeatSerializer

    def get(self, request: Request, seat_id: int) -> Response:
        """The question again, with the draft."""
        return Response(SeatSerializer(self.seat(seat_id, Seat.objects.held_by(self.user))).data)


class SubmitJudgement(RaterDoor):
    """The answer to a seat."""

    serializer_class = AnswerSerializer

    @extend_schema(request=AnswerSerializer, responses={201: ReceiptSerializer, 409: LOST}, examples=[RANK, WRITE])
    def post(self, request: Request, seat_id: int) -> Response:
        """Fills the seat. The same key again answers what the first call answered."""
        seat, given = self.one(Seat.objects.select_related("task", "project"), seat_id), self.asked(AnswerSerializer)
        judgement = desk.fill(
            seat, self.user, given["answer"], key=given["key"], seconds=given.get("seconds"), comment=given["comment"]
        )
        return Response(ReceiptSerializer(judgement).data, status.HTTP_201_CREATED)


class ChangeJudgement(RaterDoor):
    """The caller's own judgement, while it may be changed."""

    serializer_class = ChangeSerializer

    @extend_schema(request=ChangeSerializer, responses={201: ReceiptSerializer, 409: LATE}, examples=[RANK, WRITE])
    def post(self, request: Request, judgement_id: int) -> Response:
        """Sends a judgement that takes the place of this one, which is kept. For some minutes, or after a reviewer returned it."""
        mine = Judgement.objects.filter(rater=self.user).select_related("seat__project", "task")
        judgement, given = self.one(mine, judgement_id), self.asked(ChangeSerializer)
        changed = correcting.amend(
            judgement, self.user, given["answer"], key=given["key"], seconds=given.get("seconds"), comment=given["comment"]
        )
        return Response(ReceiptSerializer(changed).data, status.HTTP_201_CREATED)


class Draft(RaterDoor):
    """Work not yet done at a seat."""

    serializer_class = DraftSerializer

    @extend_schema(request=DraftSerializer, responses={204: None, 409: LOST})
    def put(self, request: Request, seat_id: int) -> Response:
        """Keeps a draft, and the seat with it."""
        desk.save_draft(self.one(Seat.objects.select_related("project"), seat_id), self.user, self.asked(DraftSerializer)["draft"])
        return Response(status=status.HTTP_204_NO_CONTENT)


class Release(RaterDoor):
    """Hands a seat back."""

    @extend_schema(request=None, responses={204: None, 409: LOST})
    def post(self, request: Request, seat_id: int) -> Response:
        """Leaves the seat to whoever comes next; the caller may be offered it again."""
        desk.release(self.one(Seat.objects.all(), seat_id), self.user)
        return Response(status=status.HTTP_204_NO_CONTENT)


class SkipSeat(RaterDoor):
    """Hands a seat back for good."""

    serializer_class = SkipSerializer

    @extend_schema(request=SkipSerializer, responses={204: None, 409: LOST})
    def post(self, request: Request, seat_id: int) -> Response:
        """Leaves the seat to others; the caller is not offered this task again."""
        desk.skip(self.one(Seat.objects.all(), seat_id), self.user, self.asked(SkipSerializer)["reason"])
        return Response(status=status.HTTP_204_NO_CONTENT)
