"""Queries that are written once and bound many times say what the ORM says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User

from annotation.models import Prompt
from annotation.prepared import Prepared


@pytest.fixture
def prompts(project) -> list[Prompt]:
    return [
        Prompt.objects.create(
            project=project,
            messages=[{"role": "user", "content": f"{number}"}],
            language="es" if number % 2 else "en",
            created=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number),
        )
        for number in range(4)
    ]


def since(project_id: int, language: str, moment: datetime):
    return Prompt.objects.filter(project=project_id, language=language, created__gte=moment, licence="").order_by("id")


def test_bound_values_find_what_the_query_finds(project, prompts):
    prepared = Prepared(since, project_id=int, language=str, moment=datetime)
    for language in ("en", "es"):
        for number in range(4):
            values = {"project_id": project.pk, "language": language, "moment": prompts[number].created}
            text, parameters = prepared.sql(**values)
            assert [prompt.pk for prompt in Prompt.objects.raw(text, parameters)] == list(
                since(**values).values_list("pk", flat=True)
            )


def test_a_value_is_bound_wherever_it_stands(db):
    first, second = User.objects.create_user("first"), User.objects.create_user("second")
    prepared = Prepared(lambda one, other: User.objects.filter(pk__in=[one, other]).exclude(pk=other), one=int, other=int)
    text, parameters = prepared.sql(one=first.pk, other=second.pk)
    assert [user.pk for user in User.objects.raw(text, parameters)] == [first.pk]
    text, parameters = prepared.sql(one=second.pk, other=first.pk)
    assert [user.pk for user in User.objects.raw(text, parameters)] == [second.pk]
