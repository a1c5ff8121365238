"""Doors to projects and their members. What a project holds has its doors in the other `api_*.py`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.validators import UniqueValidator

from annotation.doors import Door, Exact
from annotation.guidelines import revise
from annotation.models import Guidelines, Invitation, Member, Project, Role


def described(projects: QuerySet[Project]) -> QuerySet[Project]:
    """With the guidelines in force, in one query for all."""
    newest = Guidelines.objects.filter(project=OuterRef("pk")).order_by("-version")
    return projects.annotate(text=Subquery(newest.values("text")[:1]), version=Subquery(newest.values("version")[:1]))


class ProjectSerializer(Exact, serializers.ModelSerializer):
    """A piece of work for people. Guidelines are never edited: sending another text makes a new version."""

    name = serializers.CharField(max_length=120, validators=[UniqueValidator(Project.objects.all())])
    overlap = serializers.IntegerField(min_value=1, max_value=100, default=1, help_text="How many people judge each new task.")
    hold_minutes = serializers.IntegerField(
        min_value=1,
        max_value=100_000,
        default=45,
        help_text="After this long without a sign of life a seat may go to others.",
    )
    guidelines = serializers.CharField(
        source="text", allow_blank=True, required=False, help_text="What raters are told (Markdown): the newest version."
    )
    guidelines_version = serializers.IntegerField(source="version", read_only=True, allow_null=True)

    class Meta:
        model = Project
        fields = ["id", "name", "description", "state", "overlap", "hold_minutes", "guidelines", "guidelines_version", "created"]


class Projects(Door):
    """Projects in which the caller has a role."""

    access, write_access = "signed_in", Role.LEAD
    lists = True
    serializer_class = ProjectSerializer

    def get(self, request: Request) -> Response:
        """The caller's projects, oldest first."""
        return self.listed(described(self.visible(Project.objects.all())))

    @extend_schema(responses={201: ProjectSerializer})
    def post(self, request: Request) -> Response:
        """Makes a project; the caller becomes its lead."""
        fields = self.asked(ProjectSerializer)
        text = fields.pop("text", None)
        with transaction.atomic():
            project = Project.objects.create(**fields)
            Member.objects.create(project=project, user=self.user, role=Role.LEAD)
            if text is not None:
                revise(project, text)
        return Response(ProjectSerializer(described(Project.objects.all()).get(pk=project.pk)).data, status.HTTP_201_CREATED)


class OneProject(Door):
    """One project, with its guidelines."""

    access, write_access = Role.RATER, Role.LEAD
    serializer_class = ProjectSerializer

    def get(self, request: Request, project_id: int) -> Response:
        """One project, with the guidelines in force."""
        return Response(self.get_serializer(self.one(described(Project.objects.all()), project_id)).data)

    def patch(self, request: Request, project_id: int) -> Response:
        """Changes what is named; another text in `guidelines` makes a new version of them."""
        given = self.get_serializer(self.project, data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        fields = dict(given.validated_data)
        text = fields.pop("text", None)
        with transaction.atomic():
            Project.objects.filter(pk=self.project.pk).update(**fields)
            if text is not None:
                revise(self.project, text)
        return self.get(request, project_id)


class MemberSerializer(Exact, serializers.ModelSerializer):
    """One person's role in a project."""

    user = serializers.CharField(source="user.username", read_only=True)

    class Meta:
        model = Member
        fields = ["id", "user", "role", "created"]
        read_only_fields = ["id", "created"]


class Members(Door):
    """Who works in a project."""

    access = Role.LEAD
    lists = True
    serializer_class = MemberSerializer

    def get(self, request: Request, project_id: int) -> Response:
        """The members. New ones come in by an invitation."""
        return self.listed(self.project.members.select_related("user"))


class OneMember(Door):
    """A member who is not the caller: a lead who steps down could leave the project without any."""

    access = Role.LEAD
    serializer_class = MemberSerializer

    def other(self, member_id: int) -> Member:
        return get_object_or_404(self.project.members.select_related("user").exclude(user_id=self.user.pk), pk=member_id)

    def patch(self, request: Request, project_id: int, member_id: int) -> Response:
        """Gives another member another role."""
        given = self.get_serializer(self.other(member_id), data=request.data)
        given.is_valid(raise_exception=True)
        return Response(self.get_serializer(given.save()).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, project_id: int, member_id: int) -> Response:
        """Takes another member out of the project; what they judged stays."""
        self.other(member_id).delete()
        return Response(status=status.HTTP_204_NO_CONTENT)


class InvitationSerializer(Exact, serializers.Serializer):
    """A link with which some people may sign up, for some days."""

    role = serializers.ChoiceField(Role.choices, default=Role.RATER)
    places = serializers.IntegerField(min_value=1, max_value=100, default=1, help_text="How many people may use it.")
    days = serializers.IntegerField(min_value=1, max_value=365, default=14, write_only=True, help_text="Until it expires.")
    expires = serializers.DateTimeField(read_only=True)
    link = serializers.URLField(read_only=True, help_text="Shown this once: only its hash is kept.")


class Invitations(Door):
    """Links with which people join a project."""

    access = Role.LEAD
    serializer_class = InvitationSerializer

    @extend_schema(responses={201: InvitationSerializer})
    def post(self, request: Request, project_id: int) -> Response:
        """Makes an invitation link."""
        fields = self.asked(InvitationSerializer)
        expires = timezone.now() + timedelta(days=fields.pop("days"))
        invitation, secret = Invitation.issue(project=self.project, created_by=self.user, expires=expires, **fields)
        answer: dict[str, Any] = {
            "role": invitation.role,
            "places": invitation.places,
            "expires": expires,
            "link": request.build_absolute_uri(reverse("join", args=[secret])),
        }
        return Response(InvitationSerializer(answer).data, status.HTTP_201_CREATED)
