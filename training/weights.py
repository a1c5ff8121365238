"""What recipes do with a model besides training it: prepare it, measure it, save it. torch and transformers inside functions."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from training import card
from training.rundir import RunDir, rank, staged


def without_dropout(model: Any) -> Any:
    """The model with every dropout off: log-probabilities that are compared must not be noisy."""
    import torch

    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if isinstance(getattr(module, "attention_dropout", None), float):
            module.attention_dropout = 0.0  # of a function, not of a module
    return model


def longest(model: Any, wanted: int) -> int:
    """Tokens that a row may have: as many as wanted, if the model's positions reach so far."""
    return min(wanted, getattr(model.config, "max_position_embeddings", wanted))


def for_generation(folder: Path) -> Any:
    """The language model of a folder on this process' device, in bfloat16 on CUDA."""
    import torch
    from transformers import AutoModelForCausalLM

    cuda = torch.cuda.is_available()
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16 if cuda else torch.float32)
    return model.to(f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if cuda else "cpu").eval()


def lora(rank: int, task: str, dora: bool = False) -> Any:
    """LoRA adapters of this rank on every linear layer, or None at rank 0. `task`: CAUSAL_LM or SEQ_CLS; `dora`: lengths apart."""
    if not rank:
        return None
    from peft import LoraConfig

    return LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type=task, use_dora=dora)


def with_adapters(model: Any, rank: int, task: str, dora: bool = False) -> Any:
    """The model with `lora` adapters, or itself at rank 0."""
    if not rank:
        return model
    from peft import get_peft_model

    return get_peft_model(model, lora(rank, task, dora))


def merged(model: Any) -> Any:
    """The model with its adapters added into its weights."""
    return model.merge_and_unload() if hasattr(model, "merge_and_unload") else model


def save(
    run: RunDir,
    model: Any,
    tokenizer: Any,
    *,
    role: str,
    recipe: str,
    step: int,
    figures: dict[str, Any],
    report: dict[str, Any] | None = None,
    **files: Any,
) -> None:
    """The run's `out/` folder: weights, tokenizer, card (with its `report`), and each of `files` as NAME.json. Rank 0 only."""
    if rank() != 0:
        return
    model.config.use_cache = True
    with staged(run.out) as out:
        model.save_pretrained(out)
        tokenizer.save_pretrained(out)
        parameters = sum(parameter.numel() for parameter in model.parameters())
        about = {"report": report} if report else {}
        card.write(out, role=role, recipe=recipe, step=step, parameters=parameters, figures=figures, **about)
        for name, value in files.items():
            (out / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")
