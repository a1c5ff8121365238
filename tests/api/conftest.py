"""Callers with tokens, and a river's worth of rows to call about."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from annotation import desk, snapshot, tasks
from annotation.models import ApiToken, Member, Project, Prompt, Role, Sample, Scope, Snapshot


def caller(user: User, *scopes: str) -> APIClient:
    """A program with a token of `user`'s, of every scope unless some are named."""
    client = APIClient()
    _token, secret = ApiToken.issue(user=user, name="test", scopes=list(scopes or Scope.values))
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client


@pytest.fixture
def as_lead(lead, project) -> APIClient:
    return caller(lead)


@pytest.fixture
def as_rater(rater, project) -> APIClient:
    return caller(rater)


@pytest.fixture
def as_reviewer(project) -> APIClient:
    user = User.objects.create_user("reviewer")
    Member.objects.create(project=project, user=user, role=Role.REVIEWER)
    return caller(user)


@pytest.fixture
def as_stranger(db) -> APIClient:
    """The lead of another project."""
    user = User.objects.create_user("stranger")
    Member.objects.create(project=Project.objects.create(name="Elsewhere"), user=user, role=Role.LEAD)
    return caller(user)


@pytest.fixture
def prompts(project) -> list[Prompt]:
    words = ["Why is the sky blue?", "¿Qué es un crisol?", "Name a prime."]
    return [Prompt.objects.create(project=project, messages=[{"role": "user", "content": text}]) for text in words]


@pytest.fixture
def samples(prompts) -> list[list[Sample]]:
    """Three answers of two models to each prompt."""
    return [
        [
            Sample.objects.create(
                prompt=prompt, model=f"model-{number % 2}", messages=[{"role": "assistant", "content": f"Answer {number}."}]
            )
            for number in range(3)
        ]
        for prompt in prompts
    ]


@pytest.fixture
def judged(project, rater, prompts, samples) -> Project:
    """The project with every prompt ranked and answered once by `rater`."""
    tasks.answer_tasks(samples, kind="rank", overlap=1)
    tasks.write_tasks(prompts, overlap=1)
    while seat := desk.claim(rater, project):
        payload = {"text": "Mine."} if seat.task.kind == "write" else {"tiers": [seat.order[:1], seat.order[1:]]}
        desk.fill(seat, rater, payload, key=f"k{seat.pk}")
    return project


@pytest.fixture
def frozen(judged, lead) -> Snapshot:
    """Its snapshot, everything in the split `train`."""
    options = {"validation": 0.0, "test": 0.0}
    return snapshot.freeze(Snapshot.objects.create(project=judged, name="v1", options=options, created_by=lead))
