"""A rehearsal of every checkpoint among the inputs: it loads, its weights are numbers, its tokenizer fits, and it can be saved."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from training import card, text
from training.preflight.look import Finding, Look, Model
from training.rundir import RunDir
from training.schema import Input

MOST_BYTES = 4e9  # of a checkpoint that is held, saved and loaded again; a larger one is read tensor by tensor


def rehearsed(run: RunDir, wanted: Input) -> Model | None:
    """An input checkpoint as far as this machine can look at it; None where it was not given or is a tokenizer."""
    folder = run.input(wanted.name)
    if wanted.kind != "checkpoint" or folder is None:
        return None
    role = str(card.read(folder).get("role") or wanted.role or "causal-lm")
    if "tokenizer" in (role, wanted.role):
        return None
    model = Model(name := str(run.spec["input_names"].get(wanted.name) or wanted.name), role)
    try:
        scan(model, folder)
        if sum(file.stat().st_size for file in folder.glob("*.safetensors")) <= MOST_BYTES:
            load(model, folder, run.path / "rehearsal")
        fit(model, folder)
    except Exception as error:  # whatever a foreign folder raises, it does not load
        model.faults.append(Finding("unloadable", figures={"name": name, "error": f"{error}"[:300]}))
    return model


def scan(model: Model, folder: Path) -> None:
    """Every tensor of the files, one at a time: counted, and looked at for NaN."""
    from safetensors import safe_open
    from transformers import AutoConfig

    if not any(folder.glob("*.safetensors")):
        raise FileNotFoundError(f"there are no *.safetensors in {folder}")
    model.config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    bad: list[str] = []
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 (no mapping: it has keys and nothing else)
                tensor = file.get_tensor(name)
                model.parameters += tensor.numel()
                if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
                    bad.append(name)
    if bad:
        model.faults.append(Finding("not_finite", figures={"name": model.name, "count": len(bad), "tensor": bad[0]}))


def load(model: Model, folder: Path, scratch: Path) -> None:
    """Loads it, every weight found; saves it and loads that again: it must be the same."""
    from training.recipes import fetch

    try:
        model.loaded = fetch.load(folder, model.role)
    except ValueError as error:
        raise ValueError(str(error).removeprefix("source: ")) from error
    try:
        model.loaded.save_pretrained(scratch)
        again = fetch.load(scratch, model.role).state_dict()
        if changed := [name for name, was in model.loaded.state_dict().items() if not same(was, again.get(name))]:
            raise ValueError(f"{changed[0]} came back changed")
    except Exception as error:  # the same words, whatever saving raises
        model.faults.append(Finding("unsaveable", figures={"name": model.name, "error": f"{error}"[:300]}))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def same(was: Any, now: Any) -> bool:
    """Equal bit for bit, NaN and all."""
    return now is not None and was.shape == now.shape and bool(((was == now) | (was.isnan() & now.isnan())).all())


def fit(model: Model, folder: Path) -> None:
    """The tokenizer's tokens have rows in the embedding, and generation stops where answers end."""
    from transformers import AutoTokenizer

    model.tokenizer = tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    rows = model.loaded.get_input_embeddings().num_embeddings if model.loaded is not None else model.config.vocab_size
    if len(tokenizer) > rows:
        model.faults.append(Finding("vocabulary", figures={"name": model.name, "tokens": len(tokenizer), "rows": rows}))
    ends = stops(folder)
    if ends and tokenizer.eos_token_id is not None and tokenizer.eos_token_id not in ends and model.role == "causal-lm":
        words = ", ".join(tokenizer.convert_ids_to_tokens([end for end in ends if end < len(tokenizer)])) or str(ends)
        figures = {"name": model.name, "model": words, "token": tokenizer.eos_token}
        model.faults.append(Finding("stop_token", figures=figures))


def stops(folder: Path) -> list[int]:
    """The tokens at which the model's own settings of generation stop; empty where it has none."""
    path = folder / "generation_config.json"
    end = json.loads(path.read_text(encoding="utf-8")).get("eos_token_id") if path.exists() else None
    return end if isinstance(end, list) else [] if end is None else [end]


def checkpoints(look: Look) -> Iterator[Finding]:
    """What the rehearsals found."""
    for model in look.models:
        yield from model.faults


def tokenizer(look: Look) -> Iterator[Finding]:
    """What keeps the tokenizer from being trained with."""
    if look.tokenizer is not None:
        yield from (Finding(fault) for fault in text.faults(look.tokenizer))


CHECKS = (checkpoints, tokenizer)
