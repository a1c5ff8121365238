"""A prompt with two answers by models whose names tell, and `asked(…)`: what a rater is asked who sees them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from annotation.asking import Ask
from annotation.models import Prompt, Sample, Task


@pytest.fixture
def prompt(project) -> Prompt:
    return Prompt.objects.create(project=project, messages=[{"role": "user", "content": "Name a river."}])


@pytest.fixture
def answers(prompt) -> list[Sample]:
    return [
        Sample.objects.create(prompt=prompt, messages=[{"role": "assistant", "content": text}], model=f"telling-{text}")
        for text in ("Ebro.", "Duero.")
    ]


@pytest.fixture
def asked(project) -> Callable[..., Ask]:
    """`asked(kind, answers)`: the question, the answers in this order."""

    def ask(kind: str, answers: Iterable[Sample], **fields) -> Ask:
        return Ask(project, Task(kind=kind, **fields), [answer.pk for answer in answers])

    return ask
