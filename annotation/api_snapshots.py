"""Doors to snapshots: freeze one, then stream its rows in the shape that a trainer expects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.contrib.auth.models import User
from django.core import signing
from django.http import Http404, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.text import slugify
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from annotation import frozen, snapshot
from annotation.doors import BadInput, Conflict, Door, Exact
from annotation.models import Role, Snapshot
from annotation.parts import names, part

SALT = "annotation.api_snapshots"
LINES_AT_ONCE = 64
PLAIN = ("rows", "prompts")


class SnapshotSerializer(serializers.ModelSerializer):
    """A frozen set of judgements and prompts."""

    state = serializers.SerializerMethodField(help_text="`waiting` until the supervisor has frozen it, then `frozen`; or `failed`.")
    manifest = serializers.DictField(allow_null=True, help_text="What it holds: counts, hashes, licences; null until frozen.")

    class Meta:
        model = Snapshot
        fields = ["id", "name", "options", "state", "error", "manifest", "created"]

    def get_state(self, row: Snapshot) -> str:
        return "frozen" if row.frozen else "failed" if row.error else "waiting"


class NewSnapshotSerializer(Exact):
    """A name, and the shares of prompts held out."""

    name = serializers.CharField(max_length=120)
    validation = serializers.FloatField(required=False, help_text="Share of prompts held out to watch training; 0.1 by default.")
    test = serializers.FloatField(required=False, help_text="Share of the prompts held out to evaluate; 0.1 by default.")
    reliability = serializers.BooleanField(
        required=False, help_text="Add soft labels: each rater's weight, and how sure each preference is."
    )


class RowsQuery(serializers.Serializer):
    format = serializers.ChoiceField(
        [*PLAIN, *names("FORMATS")],
        default="rows",
        help_text="Shape of a line; `rows` and `prompts` are the frozen files.",
    )
    split = serializers.ChoiceField(frozen.SPLITS, required=False, help_text="Only rows of this split.")


class NewLinkSerializer(Exact, RowsQuery):
    """What a link opens, and for how long."""

    hours = serializers.IntegerField(min_value=1, max_value=24 * 30, default=24, help_text="Until the link expires.")


class LinkSerializer(serializers.Serializer):
    """A link that needs no token: whoever has it may read until it expires, or its maker may not any more."""

    url = serializers.URLField()
    expires = serializers.DateTimeField()


class AnyAccept(BaseContentNegotiation):
    """Rows are JSON lines whatever `Accept` asks for; refusals are JSON."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class Snapshots(Door):
    """The snapshots of a project."""

    access, write_access = Role.REVIEWER, Role.LEAD
    lists = True
    serializer_class = SnapshotSerializer

    def get(self, request: Request, project_id: int) -> Response:
        """The snapshots, oldest first."""
        return self.listed(self.project.snapshots.all())

    @extend_schema(
        request=NewSnapshotSerializer,
        responses={201: SnapshotSerializer},
        examples=[OpenApiExample("The usual", {"name": "v1", "validation": 0.1, "test": 0.1}, request_only=True)],
    )
    def post(self, request: Request, project_id: int) -> Response:
        """Asks for a snapshot. The supervisor freezes it: ask again until `state` is `frozen`."""
        given = self.asked(NewSnapshotSerializer)
        name = given.pop("name")
        if self.project.snapshots.filter(name=name).exists():
            raise BadInput({"name": _("This project has a snapshot of this name. Choose another.")})
        try:
            options = snapshot.options(given)
        except ValueError as error:
            raise BadInput({"options": str(error)}) from None
        row = self.project.snapshots.create(name=name, options=options, created_by=self.user)
        return Response(SnapshotSerializer(row).data, status.HTTP_201_CREATED)


class OneSnapshot(Door):
    """One snapshot."""

    access = Role.REVIEWER
    serializer_class = SnapshotSerializer

    def get(self, request: Request, snapshot_id: int) -> Response:
        """Its state, and its manifest once frozen."""
        return Response(self.get_serializer(self.one(Snapshot.objects.all(), snapshot_id)).data)


ROWS = {
    (200, "application/x-ndjson"): OpenApiResponse(OpenApiTypes.BINARY, description="One JSON object a line."),
    304: OpenApiResponse(description="The caller has it already (`If-None-Match`)."),
    409: OpenApiResponse(description="Not frozen yet."),
}


class SnapshotRows(Door):
    """The rows of a snapshot."""

    access = Role.REVIEWER
    content_negotiation_class = AnyAccept

    @extend_schema(parameters=[RowsQuery], responses=ROWS)
    def get(self, request: Request, snapshot_id: int) -> HttpResponseBase:
        """Streams the rows as JSON lines, in the order in which they were judged, with flat memory."""
        return streamed(request, self.one(Snapshot.objects.select_related("project"), snapshot_id), **self.query(RowsQuery))


class SnapshotLinks(Door):
    """Links for programs that cannot send a header."""

    access = Role.REVIEWER
    serializer_class = NewLinkSerializer

    @extend_schema(request=NewLinkSerializer, responses={201: LinkSerializer})
    def post(self, request: Request, snapshot_id: int) -> Response:
        """Makes a signed link to the rows in one format; it expires, and dies with its maker's right to read."""
        given, row = self.asked(NewLinkSerializer), self.one(Snapshot.objects.all(), snapshot_id)
        expires = timezone.now() + timedelta(hours=given.pop("hours"))
        token = signing.dumps(
            {"snapshot": row.pk, "maker": self.user.pk, "expires": expires.isoformat(), "query": given}, salt=SALT
        )
        answer = {"url": reverse("api_link", args=[token], request=request), "expires": expires}
        return Response(LinkSerializer(answer).data, status.HTTP_201_CREATED)


class Link(Door):
    """The rows behind a signed link."""

    access = "public"
    content_negotiation_class = AnyAccept

    @extend_schema(responses=ROWS, auth=[])
    def get(self, request: Request, link: str) -> HttpResponseBase:
        """Streams what the link was made for; 404 once it has expired."""
        try:
            given = signing.loads(link, salt=SALT)
        except signing.BadSignature:
            raise Http404 from None
        maker = User.objects.filter(pk=given["maker"], is_active=True).first()
        if maker is None or datetime.fromisoformat(given["expires"]) <= timezone.now():
            raise Http404
        row = Snapshot.objects.visible_to(maker, Role.REVIEWER).select_related("project").filter(pk=given["snapshot"]).first()
        if row is None:
            raise Http404
        return streamed(request, row, **given["query"])


def streamed(request: Request, row: Snapshot, format: str, split: str | None = None) -> HttpResponseBase:
    """The rows as they are read from the frozen file; Conflict while there is none."""
    if row.manifest is None:
        raise Conflict(row.error or _("This snapshot is not frozen yet. Ask again in a few seconds."))
    etag = f'"{row.manifest["digest"]}-{format}-{split or "all"}"'
    unchanged = get_conditional_response(request._request, etag=etag)
    if unchanged is not None:
        return unchanged
    lines = () if request.method == "HEAD" else blocks(row, format, split)
    response = StreamingHttpResponse(lines, content_type="application/x-ndjson")
    name = "-".join(filter(None, [slugify(row.project.name), slugify(row.name), format, split]))
    response["ETag"] = etag
    response["Content-Disposition"] = f'attachment; filename="{name}.jsonl"'
    return response


def shaped(row: Snapshot, format: str, split: str | None) -> Iterator[dict[str, Any]]:
    """The rows of a snapshot in a format. ValueError at the end when the file is not the one that was frozen."""
    if format == "prompts":
        yield from frozen.read_prompts(row.folder, split)
    elif format == "rows":
        yield from frozen.read_rows(row.folder, split)
    else:
        shape = part("FORMATS", format).rows
        for judged in frozen.read_rows(row.folder, split):
            yield from shape(judged)


def blocks(row: Snapshot, format: str, split: str | None) -> Iterator[bytes]:
    """JSON lines, some at a time: a chunk of HTTP for each line would cost more than the line."""
    lines = (json.dumps(line, ensure_ascii=False, sort_keys=True).encode() + b"\n" for line in shaped(row, format, split))
    while block := b"".join(islice(lines, LINES_AT_ONCE)):
        yield block
