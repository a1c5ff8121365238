"""Rows that the tests of pages start from: a snapshot, checkpoints, runs with a folder, a preflight with findings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings

from annotation.models import Prompt, Sample, Snapshot, content_digest
from training.models import Checkpoint, Corpus, Run, RunInput
from training.rundir import RunDir

EMPTY = {"check": "empty_answer", "severity": "consent", "unit": "judgement", "ids": [4, 9], "figures": {"count": 2, "of": 50}}
LEAK = {"check": "leak", "severity": "stop", "unit": "prompt", "ids": [7], "figures": {"count": 1, "of": 5}}
LATE = {"check": "few_steps", "severity": "note", "unit": "", "ids": [], "figures": {"steps": 3}}
XRAY = {
    "why": "longest",
    "unit": "judgement",
    "id": 4,
    "chats": [
        {
            "tokens": 9,
            "learned": 4,
            "pieces": [["<b>ask</b>", "read"], ["so", "learned"], ["<|end|>", "learned special"], ["12", "gap"]],
        }
    ],
}


def a_corpus(project, user, name: str = "tales", **fields: Any) -> Corpus:
    return Corpus.objects.create(project=project, name=name, digest="0" * 64, size=1234, created_by=user, **fields)


def a_snapshot(project, user, name: str = "first", rows: int = 40, raters: int = 3) -> Snapshot:
    manifest = {
        "version": 1,
        "counts": {"rows": rows, "prompts": 20, "raters": raters},
        "licences": [{"source": "tales", "licence": "CC0-1.0", "prompts": 20}],
    }
    made = Snapshot.objects.create(project=project, name=name, manifest=manifest, created_by=user)
    made.folder.mkdir(parents=True)
    return made


def a_run(project, user, recipe: str = "sft", inputs: dict[str, Any] | None = None, **fields: Any) -> Run:
    run = Run.objects.create(project=project, recipe=recipe, created_by=user, **fields)
    for name, thing in (inputs or {}).items():
        RunInput.objects.create(run=run, name=name, **{type(thing).__name__.lower(): thing})
    return run


def a_checkpoint(project, name: str, role: str = "causal-lm", run: Run | None = None, **fields: Any) -> Checkpoint:
    folder = Path(settings.CRISOL_HOME) / "checkpoints" / name
    folder.mkdir(parents=True, exist_ok=True)
    fields = {"source": "" if run else "elsewhere", "path": str(folder), "card": {"parameters": 1_250_000}} | fields
    return Checkpoint.objects.create(project=project, name=name, role=role, run=run, digest="0" * 64, **fields)


def a_preflight(project, user, *findings: dict[str, Any], xray: tuple[dict[str, Any], ...] = ()) -> Run:
    """A preflight of sft that has found these."""
    inputs = {"model": a_checkpoint(project, "base"), "dataset": a_snapshot(project, user)}
    run = a_run(project, user, "sft", inputs, preflight=True, state=Run.State.SUCCEEDED, config={"epochs": 2.0}, seed=5)
    figures = {"rows_train": 50, "steps": 12, "rates": [[0, 0.0], [12, 1e-5]]}
    told = {"findings": list(findings), "figures": figures, "lengths": {"bins": [[0, 10, 40], [10, 20, 10]], "limit": 16}}
    (run.folder / "out").mkdir(parents=True)
    (run.folder / "out" / "findings.json").write_text(json.dumps(told | {"xray": list(xray)}))
    return run


def a_folder(run: Run) -> RunDir:
    """The run's folder, as the supervisor makes it before the first attempt."""
    spec = {"run": run.pk, "recipe": run.recipe, "main": "none", "config": {}, "inputs": {}, "seed": 0, "resources": {}}
    return RunDir.create(run.folder, spec)


def answers(project, run: Run, model: str, texts: dict[str, list[str]]) -> list[Sample]:
    """Samples of a run: `texts` maps a question to the answers of `model`."""
    made = []
    for question, said in texts.items():
        prompt, _new = Prompt.objects.get_or_create(
            project=project, digest=_digest(question), defaults={"messages": _user(question)}
        )
        for index, text in enumerate(said):
            made.append(
                Sample.objects.create(
                    prompt=prompt,
                    model=model,
                    key=f"{run.pk}/{prompt.pk}/{index}",
                    messages=[{"role": "assistant", "content": text}],
                )
            )
    return made


def _user(question: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": question}]


def _digest(question: str) -> str:
    return content_digest(_user(question), [])
