"""Preflight: what is wrong with a run before it costs anything. It is a run itself, of the same recipe, config and inputs.

    python manage.py preflight sft --project P --input model=NAME --input dataset=SNAPSHOT

`training/train.py` calls `main` in place of the recipe's where `run.json` says "preflight": true. The recipe's own reader shows
every row that training would learn (`show(run, config, tokenizer, split, onlooker)`); the checks look at those, at the checkpoints
and at the plan. Each is one small function that yields findings; `words.py` says what they mean. No Django; torch inside functions.

out/findings.json   {"findings": [{"check", "severity", "unit", "ids", "figures"}], "figures", "lengths", "xray"}
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from annotation.frozen import SPLITS
from training.preflight import label_checks, memory, model_checks, plan_checks, text_checks, token_checks
from training.preflight.look import Finding, Look, Model, Recorder
from training.preflight.severity import SEVERITIES
from training.preflight.xray import xray
from training.rundir import RunDir, Stopped, plain, rank, staged

FINDINGS = "findings.json"
BINS = 24

Check = Callable[[Look], Iterator[Finding]]


def main(run: RunDir, recipe: Any, config: Any) -> None:
    """Checkpoints, rows, checks, and everything that was found in one file."""
    if rank() != 0:
        return  # what is true of the run is true once, however many processes it would have
    look = looked(run, recipe, config)
    findings: list[Finding] = []
    checks = checks_of(look)
    for number, check in enumerate(checks):
        stop_if_asked(run)
        findings += check(look)
        run.progress(number + 1, len(checks), "checks")
    findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    report = {
        "findings": [finding.as_dict() for finding in findings],
        "figures": figures(look),
        "lengths": lengths(look),
        "xray": xray(look, findings),
    }
    with staged(run.out) as out:
        (out / FINDINGS).write_text(json.dumps(plain(report), ensure_ascii=False), encoding="utf-8")
    counts = ", ".join(f"{sum(one.severity == word for one in findings)} {word}" for word in SEVERITIES)
    run.message(f"preflight: {len(findings)} findings ({counts})")


def looked(run: RunDir, recipe: Any, config: Any) -> Look:
    """The run with its checkpoints rehearsed and its rows read."""
    look = Look(run, recipe, config)
    look.models = [model for wanted in recipe.INPUTS if (model := model_checks.rehearsed(run, wanted))]
    look.tokenizer = tokenizer_of(run, look.models)
    look.positions = next((getattr(model.config, "max_position_embeddings", None) for model in look.models), None)
    blind = look.tokenizer is None and any(wanted.role in ("causal-lm", "tokenizer") for wanted in recipe.INPUTS)
    if hasattr(recipe, "show") and not blind and not any(model_checks.tokenizer(look)):
        look.was_read = True
        for split in SPLITS:
            stop_if_asked(run)
            read(look, split)
    return look


def tokenizer_of(run: RunDir, models: list[Model]) -> Any:
    """The tokenizer that rows are read with, as it is; None where there is none, or none that loads."""
    if run.input("model"):
        return models[0].tokenizer if models else None
    if not (folder := run.input("tokenizer")):
        return None
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, trust_remote_code=False)


def read(look: Look, split: str) -> None:
    """The rows of a split, as the recipe reads them."""
    try:
        look.recipe.show(look.run, look.config, look.tokenizer, split, Recorder(look, split))
    except (ValueError, OSError) as error:
        look.refused = f"{error}"[:300]


def checks_of(look: Look) -> list[Check]:
    """The checks in their order; those of tokens only where there are any."""
    on_tokens = token_checks.CHECKS if any(row.tokens for row in look.rows) else ()
    return [
        *model_checks.CHECKS,
        *text_checks.CHECKS,
        *on_tokens,
        *label_checks.CHECKS,
        *plan_checks.CHECKS,
        *memory.CHECKS,
    ]


def stop_if_asked(run: RunDir) -> None:
    if run.stop_requested:
        raise Stopped("stopped before all was checked; it begins anew")


# What the page shows besides ------------------------------------------------------------------------------------------------


def figures(look: Look) -> dict[str, Any]:
    """Counts of what was read, beside what the checks noted."""
    shown = [one for row in look.learned for one in row.tokens]
    counts = {f"rows_{split}": len(look.of(split)) for split in SPLITS if look.of(split)}
    tokens = {"tokens": sum(len(one.ids) for one in shown), "learned": sum(one.taught for one in shown)} if shown else {}
    beyond = {"documents_not_looked_at": len(look.unseen)} if look.unseen else {}
    return {**counts, **tokens, **beyond, **look.figures}


def lengths(look: Look) -> dict[str, Any]:
    """How many training rows there are of each length: [from, to, rows], equally wide, and the limit."""
    rows = [row for row in look.of("train") if row.tokens]
    if not rows:
        return {}
    longest = max(row.length for row in rows)
    width = max(1, -(-longest // BINS))
    counts = [0] * (longest // width + 1)
    for row in rows:
        counts[row.length // width] += 1
    return {
        "bins": [[place * width, (place + 1) * width, count] for place, count in enumerate(counts)],
        "limit": look.limit(rows[0]),
    }
