"""Doors to what is asked: prompts, and files of prompts, demonstrations and rankings."""

from __future__ import annotations

from django.db import transaction
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import search
from annotation.api_bulk import MOST, BulkResultSerializer, BulkSerializer, fates, report, sorted_out
from annotation.api_fields import MessagesField, ObjectField, SearchField, ToolsField
from annotation.doors import Door
from annotation.imports import prompts as prompt_shape
from annotation.models import Prompt, Role


class PromptSerializer(serializers.ModelSerializer):
    """What is asked."""

    messages = MessagesField()
    tools = ToolsField()
    metadata = ObjectField()

    class Meta:
        model = Prompt
        fields = ["id", "messages", "tools", "language", "source", "licence", "metadata", "created"]


class PromptQuery(serializers.Serializer):
    search = SearchField(help_text="Only prompts that say this; words, “phrases”, -exclusions, prefix*.")
    language = serializers.CharField(required=False, help_text="Only prompts in this language, e.g. `en`.")
    source = serializers.CharField(required=False, help_text="Only prompts from this source.")  # type: ignore[assignment]


class NewPromptsSerializer(BulkSerializer):
    prompts = serializers.ListField(child=ObjectField(), min_length=1, max_length=MOST)


class Prompts(Door):
    """What a project asks."""

    access, write_access = Role.REVIEWER, Role.LEAD
    lists = True
    serializer_class = PromptSerializer

    @extend_schema(parameters=[PromptQuery])
    def get(self, request: Request, project_id: int) -> Response:
        """The prompts, oldest first."""
        asked = self.query(PromptQuery)
        words = asked.pop("search", "")
        return self.listed(search.saying(self.project.prompts.filter(**asked), words))

    @extend_schema(
        request=NewPromptsSerializer,
        responses={200: BulkResultSerializer, 201: BulkResultSerializer},
        examples=[OpenApiExample("Two prompts", {"prompts": [prompt_shape.EXAMPLE, {"prompt": "Why?"}]}, request_only=True)],
    )
    def post(self, request: Request, project_id: int) -> Response:
        """Adds up to 10,000 prompts. Each line's fate is reported; one bad line refuses the call unless `skip_bad`."""
        given = self.asked(NewPromptsSerializer)
        good, bad = sorted_out(given["prompts"], prompt_shape.parse, skip_bad=given["skip_bad"])
        digests = {index: row.digest for index, row in good.items()}
        first: dict[str, prompt_shape.PromptRow] = {}
        for row in good.values():
            first.setdefault(row.digest, row)
        with transaction.atomic():
            known = dict(self.project.prompts.filter(digest__in=set(digests.values())).values_list("digest", "pk"))
            now = prompt_shape.ensure(self.project, first.values())
        return report(bad | fates(digests, known, now))
