"""What every door for programs shares: who may enter, what belongs to the caller, and how a refusal reads.

A door says `access` (who may read) and, where changing things needs more, `write_access`; both are words of `annotation/access.py`.
A door without the word lets nobody in. A refusal is `{"detail": sentence}`, with `{"errors": {field: sentence}}` for bad input.
"""

from __future__ import annotations

import difflib
from typing import Any, ClassVar, cast

from django.contrib.auth.models import User
from django.core.exceptions import RequestDataTooBig
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import exceptions, serializers, status
from rest_framework.generics import GenericAPIView
from rest_framework.response import Response
from rest_framework.views import exception_handler

from annotation.api_access import access_needed
from annotation.models import Project, Role, Scope


class Door(GenericAPIView):
    """One URL for programs. Rows are looked up among those that the caller's role shows, never among all."""

    access: ClassVar[str | Role]
    write_access: ClassVar[Role | None] = None
    scope: ClassVar[Scope | None] = None
    lists: ClassVar[bool] = False  # GET answers a page of rows

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        view: Any = super().as_view(**initkwargs)
        view.access = cls.access
        return view

    @property
    def role(self) -> Role:
        """The role with which this call looks: what it sees, and what it may change."""
        word = access_needed(self, self.request.method or "GET")
        return word if isinstance(word, Role) else Role.RATER

    @property
    def user(self) -> User:
        """Whoever calls. The permissions have turned everybody without an account away."""
        return cast(User, self.request.user)

    @cached_property
    def project(self) -> Project:
        """The project in the URL, if the caller has the role for this call in it."""
        return self.one(Project.objects.all(), self.kwargs["project_id"])

    def visible(self, rows: QuerySet[Any]) -> Any:
        return rows.visible_to(self.user, self.role)  # type: ignore[attr-defined]

    def one(self, rows: QuerySet[Any], pk: int) -> Any:
        """The row of this id among those that the caller may see; 404 for all others alike."""
        return get_object_or_404(self.visible(rows), pk=pk)

    def asked(self, serializer: type[serializers.Serializer], **kwargs: Any) -> dict[str, Any]:
        """What the body says, checked; a 400 names every bad field."""
        given = serializer(data=self.request.data, context=self.get_serializer_context(), **kwargs)
        given.is_valid(raise_exception=True)
        return given.validated_data

    def query(self, serializer: type[serializers.Serializer]) -> dict[str, Any]:
        """What the query string says, checked; parameters that were not given are absent."""
        given = serializer(data=self.request.query_params.dict(), context=self.get_serializer_context())
        given.is_valid(raise_exception=True)
        return given.validated_data

    def listed(self, rows: QuerySet[Any]) -> Response:
        """One page of the rows, by cursor."""
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class Exact(serializers.Serializer):
    """A body that refuses names it does not know, so that a misspelt option is an error and not a silence."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = sorted(set(data) - set(self.fields)) if isinstance(data, dict) else []
        if unknown:
            raise serializers.ValidationError({name: [self._unknown(name)] for name in unknown})
        return super().to_internal_value(data)

    def _unknown(self, name: str) -> str:
        near = difflib.get_close_matches(name, self.fields, n=1, cutoff=0.5)
        if near:
            return _("No such field; did you mean “%(near)s”?") % {"near": near[0]}
        return _("No such field; there are: %(names)s.") % {"names": ", ".join(self.fields)}


@extend_schema_serializer(component_name="Refusal", many=False)
class RefusalSerializer(serializers.Serializer):
    """Why a call was refused, and what to do."""

    detail = serializers.CharField(help_text="One sentence for a person.")
    errors = serializers.DictField(  # type: ignore[assignment]
        child=serializers.CharField(), required=False, help_text="For bad input: a sentence for each bad field."
    )


class Conflict(exceptions.APIException):
    """What was asked cannot be done in the state that things are in."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class TooLarge(exceptions.APIException):
    """A body beyond what one call may send (`DATA_UPLOAD_MAX_MEMORY_SIZE`)."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE


class BadInput(exceptions.APIException):
    """Bad input, named field by field; `more` is added to the answer."""

    status_code = status.HTTP_400_BAD_REQUEST

    def __init__(self, errors: dict[str, str], detail: str = "", **more: Any):
        self.errors, self.more = errors, more
        super().__init__(detail or _("Nothing was done: correct what `errors` names and send it again."))


def explain(error: Exception, context: dict[str, Any]) -> Response | None:
    """Every refusal in one shape. Named in `REST_FRAMEWORK["EXCEPTION_HANDLER"]`."""
    if isinstance(error, RequestDataTooBig):
        error = TooLarge(_("The body is larger than one call may send. Send less at a time, or a file."))
    if isinstance(error, DjangoValidationError):
        error = exceptions.ValidationError(serializers.as_serializer_error(error))
    if isinstance(error, exceptions.NotAuthenticated):
        error.detail = exceptions.ErrorDetail(_("Send a token in the header “Authorization: Bearer …”, or sign in."))
    if isinstance(error, Http404):
        error = exceptions.NotFound(_("There is no such thing among those that you may see."))
    if isinstance(error, exceptions.ValidationError):
        error = BadInput(dict(sentences(error.detail)))
    response = exception_handler(error, context)
    if response is not None and isinstance(error, BadInput):
        response.data = {"detail": str(error.detail), "errors": error.errors, **error.more}
    return response


def sentences(detail: Any, path: str = "") -> list[tuple[str, str]]:
    """(field, sentence) for each error of a serializer; a nested field is named by its path, as in `prompts.3.messages`."""
    if isinstance(detail, dict):
        items: Any = detail.items()
    elif isinstance(detail, list) and any(isinstance(item, dict | list) for item in detail):
        items = enumerate(detail)
    else:
        return [(path or "body", " ".join(map(str, detail)) if isinstance(detail, list) else str(detail))]
    return [
        pair
        for name, inner in items
        for pair in sentences(inner, path if name == "non_field_errors" else f"{path}.{name}".lstrip("."))
        if inner
    ]
