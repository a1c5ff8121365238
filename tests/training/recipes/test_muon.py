"""Muon: matrices of hidden layers take orthogonal steps, all else AdamW's; it learns, resumes exactly, and is refused with ZeRO."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.training.recipes.conftest import TINY, attempt, create, stop_at_once
from training import schema
from training.recipes import pretrain

pytestmark = pytest.mark.heavy

CONFIG = {**TINY, "optimizer": "muon", "max_steps": 8, "valid_every": 4, "save_every": 4}


def test_a_stopped_run_goes_on_as_if_nothing_had_happened(base: Path, corpus: Path, tmp_path: Path) -> None:
    inputs = {"corpus": corpus, "model": base}
    whole = attempt(create(tmp_path / "whole", "pretrain", inputs, CONFIG))
    assert whole.state == "succeeded", whole.end
    assert whole.curve("valid_loss")[-1] < whole.curve("valid_loss")[0]
    folder = create(tmp_path / "run", "pretrain", inputs, CONFIG)
    stop_at_once(folder)
    assert attempt(folder).state == "stopped"
    assert attempt(folder, number=2).weights == whole.weights


def test_hidden_matrices_are_stepped_by_muon_and_the_rest_by_adamw(base: Path) -> None:
    from transformers import AutoModelForCausalLM

    from training.muon import parted

    model = AutoModelForCausalLM.from_pretrained(base)
    matrices, rest = parted(model)
    names: dict[int, str] = {id(weight): name for name, weight in model.named_parameters()}
    hidden = {f"model.layers.{layer}.{part}.weight" for layer in (0, 1) for part in PARTS}
    assert {names[id(weight)] for weight in matrices} == hidden
    assert {names[id(weight)] for weight in rest} == set(names.values()) - hidden


PARTS = [*(f"self_attn.{name}_proj" for name in "qkvo"), *(f"mlp.{name}_proj" for name in ("gate", "up", "down"))]


@pytest.mark.parametrize("parallel", ["zero2", "zero3", "fsdp2"])
def test_muon_is_refused_where_gradients_are_shared_out(parallel: str) -> None:
    given: dict[str, Any] = {"optimizer": "muon", "parallel": parallel}
    with pytest.raises(schema.ConfigError, match=f"optimizer: muon needs whole gradients, which {parallel} shares out"):
        schema.parse(pretrain.Config, given)
