"""The doors for programs, under /api/: each app lists its own in `api_urls.py`; here are their schema and its page."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.access import signed_in
from annotation.api_access import AccessPermission
from annotation.tokens import ScopePermission


class Schema(SpectacularAPIView):
    """The OpenAPI 3.1 description of these doors."""

    access = "signed_in"
    permission_classes = [ScopePermission, AccessPermission]

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        view: Any = super().as_view(**initkwargs)
        view.access = cls.access
        return view


@signed_in
@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The schema, to read and to try: Swagger UI from our own static files."""
    return render(request, "api/docs.html")


urlpatterns = [
    path("schema/", Schema.as_view(), name="api_schema"),
    path("docs/", docs, name="api_docs"),
    path("", include("annotation.api_urls")),
    path("", include("training.api_urls")),
    path("", include("evals.api_urls")),
]
