"""A question with answers, for those who want to see the desk before they have any. Nothing of it is ever stored."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from annotation.asking import Ask
from annotation.models import Project, Prompt, Sample, Task
from annotation.parts import part

SHOWN = 4


def asked(project: Project, kind: str) -> Ask:
    """A question of this kind as a rater of the project would meet it: the project's first prompt with answers, else an example."""
    prompt, samples = _own(project, kind) or _example()
    shown = samples[: min(SHOWN, part("KINDS", kind).MOST)]
    ask = Ask(project, Task(prompt=prompt, kind=kind), [sample.pk for sample in shown])
    ask.samples = shown
    return ask


def _own(project: Project, kind: str) -> tuple[Prompt, list[Sample]] | None:
    """The first of the project's prompts that has as many answers as the kind wants."""
    if not project.pk:
        return None
    prompts = project.prompts.order_by("pk")
    fewest = part("KINDS", kind).FEWEST
    if fewest:
        prompts = prompts.filter(samples__isnull=False)
    prompt = prompts.first()
    samples = list(prompt.samples.order_by("pk")[:SHOWN]) if prompt and fewest else []
    return (prompt, samples) if prompt and len(samples) >= fewest else None


def _example() -> tuple[Prompt, list[Sample]]:
    prompt = Prompt(messages=[_said("user", _("Why is the sky blue, and why is the evening sky red?"))])
    texts = [
        _(
            "Air scatters **short waves** more than long ones, so blue light reaches you from all over the sky. In the evening "
            "sunlight crosses much more air: most of its blue is scattered away before it arrives, and the *red* is left."
        ),
        _("Because it reflects the sea. In the evening the sea is darker, so the sky turns red."),
        _("1. By day: blue light is scattered most.\n2. In the evening: the way through air is longer.\n3. Red remains."),
        _("That is due to Rayleigh scattering."),
    ]
    return prompt, [Sample(pk=pk, prompt=prompt, messages=[_said("assistant", text)]) for pk, text in enumerate(texts, 1)]


def _said(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": text}
