"""The doors describe themselves: OpenAPI 3.1 without a warning, and every door says who may enter."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.urls import get_resolver
from drf_spectacular.generators import SchemaGenerator

from annotation.doors import Door
from annotation.models import Role


def doors() -> list[type]:
    """Every REST view of the URLconf."""
    api = next(entry for entry in get_resolver().url_patterns if str(entry.pattern) == "api/")
    flat = [entry for inner in api.url_patterns for entry in getattr(inner, "url_patterns", [inner])]
    return [entry.callback.cls for entry in flat if hasattr(entry.callback, "cls")]


@pytest.fixture(scope="module")
def openapi() -> dict:
    return SchemaGenerator().get_schema(request=None, public=True)


def operations(openapi):
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
    ]


def test_the_schema_is_valid_openapi_without_a_warning(tmp_path):
    call_command("spectacular", file=str(tmp_path / "schema.yml"), fail_on_warn=True, validate=True)
    assert (tmp_path / "schema.yml").read_text().startswith("openapi: 3.1")


def test_every_door_says_who_may_enter():
    assert len(doors()) > 30
    for door in doors():
        assert door.access in {"public", "signed_in"} or isinstance(door.access, Role), door


def test_every_operation_is_explained_and_says_what_it_needs(openapi):
    for name, operation in operations(openapi):
        assert operation["summary"], name
        assert "Needs " in operation["description"] or "Anybody" in operation["description"], name


def test_every_operation_stands_under_a_heading_of_the_river(openapi):
    headings = [tag["name"] for tag in openapi["tags"]]
    assert {tag for _name, operation in operations(openapi) for tag in operation["tags"]} == set(headings)


def test_a_refusal_has_one_shape_in_every_operation(openapi):
    for name, operation in operations(openapi):
        if "Anybody" not in operation["description"]:
            refused = operation["responses"]["401"]["content"]["application/json"]["schema"]
            assert refused == {"$ref": "#/components/schemas/Refusal"}, name


def test_a_door_without_the_word_lets_nobody_in(rf, admin_user):
    class Silent(Door):
        access = None  # type: ignore[assignment]

        def get(self, request):
            raise AssertionError("entered")

    request = rf.get("/api/silent/")
    request.user = request._force_auth_user = admin_user
    assert Silent.as_view()(request).status_code == 403


def test_the_schema_and_its_page_are_for_those_who_sign_in(client, client_of, lead):
    assert client.get("/api/schema/").status_code == 401
    assert client.get("/api/docs/").status_code == 302
    assert client_of(lead).get("/api/schema/").status_code == client_of(lead).get("/api/docs/").status_code == 200
