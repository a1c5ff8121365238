"""Doors to answers: those of people and checkpoints to read, those of models outside of Crisol to add."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import chat, search
from annotation.api_bulk import MOST, BulkResultSerializer, BulkSerializer, fates, report, sorted_out
from annotation.api_fields import IdField, MessagesField, ObjectField, SearchField
from annotation.doors import Conflict, Door, Exact, sentences
from annotation.models import Project, Role, Sample
from annotation.simulated import pseudonym


class SampleSerializer(serializers.ModelSerializer):
    """One answer. Who wrote it is a pseudonym; a model is named."""

    prompt = serializers.IntegerField(source="prompt_id")
    messages = MessagesField()
    author = serializers.SerializerMethodField(help_text="Pseudonym of the person who wrote it, or null.")
    sampling = ObjectField()

    class Meta:
        model = Sample
        fields = ["id", "prompt", "messages", "model", "author", "sampling", "created"]

    def get_author(self, sample: Sample) -> str | None:
        return pseudonym(sample.author) if sample.author else None


class SampleQuery(serializers.Serializer):
    search = SearchField(help_text="Only answers that say this; words, “phrases”, -exclusions, prefix*.")
    prompt = IdField(required=False, help_text="Only answers to this prompt.")
    model = serializers.CharField(required=False, help_text="Only answers by this model; a checkpoint is named by its name.")


class NewSampleSerializer(Exact):
    """An answer by a model outside of Crisol: `messages`, or `text` for a single turn."""

    prompt = IdField()
    model = serializers.CharField(max_length=200)
    messages = MessagesField(required=False)
    text = serializers.CharField(required=False, trim_whitespace=False)
    sampling = ObjectField(required=False, help_text="How it was sampled: temperature, top_p, seed …")
    key = serializers.CharField(
        max_length=80, required=False, help_text="Yours, unique in the project: the same key again is the same sample."
    )

    def validate(self, fields: dict[str, Any]) -> dict[str, Any]:
        if ("messages" in fields) == ("text" in fields):
            raise serializers.ValidationError(_("Give either “messages” or “text”."))
        try:
            given = fields["messages"] if "messages" in fields else chat.said(fields.pop("text"))
            return fields | {"messages": chat.answer_messages(given)}
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from None


class NewSamplesSerializer(BulkSerializer):
    samples = serializers.ListField(child=ObjectField(), min_length=1, max_length=MOST)


def parsed(project: Project, lines: list[Any]) -> Any:
    """A function that reads one line into an unsaved Sample; ValueError names what is wrong with it."""
    asked = {line["prompt"] for line in lines if isinstance(line.get("prompt"), int)}
    prompts = set(project.prompts.filter(pk__in=asked).values_list("pk", flat=True))

    def parse(line: Any) -> Sample:
        given = NewSampleSerializer(data=line)
        if not given.is_valid():
            raise ValueError(" ".join(f"{name}: {sentence}" for name, sentence in sentences(given.errors)))
        fields = given.validated_data
        if fields["prompt"] not in prompts:
            raise ValueError(_("prompt: this project has no prompt %(id)d.") % {"id": fields["prompt"]})
        key = f"api/{project.pk}/{fields['key']}" if "key" in fields else None
        sampling = fields.get("sampling", {})
        return Sample(prompt_id=fields["prompt"], model=fields["model"], messages=fields["messages"], sampling=sampling, key=key)

    return parse


def kept(good: dict[int, Sample]) -> dict[int, dict[str, Any]]:
    """Saves the samples whose key is new, or that have none; a report for each line."""
    keys = {index: sample.key or index for index, sample in good.items()}
    known = dict(Sample.objects.filter(key__in={key for key in keys.values() if isinstance(key, str)}).values_list("key", "pk"))
    new = {key: good[index] for index, key in reversed(keys.items()) if key not in known}
    made = Sample.objects.bulk_create(reversed(new.values()), batch_size=1000)
    return fates(keys, known, known | {key: sample.pk for key, sample in zip(reversed(new), made, strict=True)})


class Samples(Door):
    """Answers to a project's prompts."""

    access, write_access = Role.REVIEWER, Role.LEAD
    lists = True
    serializer_class = SampleSerializer

    @extend_schema(parameters=[SampleQuery])
    def get(self, request: Request, project_id: int) -> Response:
        """The answers, oldest first."""
        asked = self.query(SampleQuery)
        words = asked.pop("search", "")
        rows = Sample.objects.filter(prompt__project=self.project, **asked).select_related("author")
        return self.listed(search.saying(rows, words))

    @extend_schema(
        request=NewSamplesSerializer,
        responses={200: BulkResultSerializer, 201: BulkResultSerializer},
        examples=[
            OpenApiExample(
                "An outside model's answer",
                {
                    "samples": [
                        {"prompt": 1, "model": "their-model", "text": "Rayleigh scattering.", "sampling": {"temperature": 0.7}}
                    ]
                },
                request_only=True,
            )
        ],
    )
    def post(self, request: Request, project_id: int) -> Response:
        """Adds up to 10,000 answers by outside models. A bad line refuses the call unless `skip_bad`."""
        given = self.asked(NewSamplesSerializer)
        good, bad = sorted_out(given["samples"], parsed(self.project, given["samples"]), skip_bad=given["skip_bad"])
        try:
            with transaction.atomic():
                return report(bad | kept(good))
        except IntegrityError:
            raise Conflict(_("Another call is adding samples of the same keys. Send this one again.")) from None
