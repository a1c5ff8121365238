"""What a model in training says is shown at every look at held-out rows, and changes nothing of what it learns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.training.recipes.conftest import Attempt

pytestmark = pytest.mark.heavy


def shown(attempt: Attempt) -> list[dict[str, Any]]:
    return [event for event in attempt.events if event["kind"] == "samples"]


def test_a_new_model_goes_on_from_the_beginnings_of_held_out_documents(base_run: Attempt, corpus: Path):
    first, last = shown(base_run)[0], shown(base_run)[-1]
    assert (first["step"], last["step"]) == (0, 60)
    asked = [sample["prompt"] for sample in first["samples"]]
    assert asked == [sample["prompt"] for sample in last["samples"]]
    assert all(prompt and prompt in corpus.read_text() for prompt in asked)
    assert [sample["answer"] for sample in first["samples"]] != [sample["answer"] for sample in last["samples"]]


def test_a_fine_tuned_model_answers_held_out_questions_and_learns_the_same(trained, base, snapshot, monkeypatch):
    config = {"max_length": 64, "batch_size": 4, "max_steps": 4, "valid_every": 2, "learning_rate": 1e-3}
    inputs = {"model": base, "dataset": snapshot}
    told = trained("sft", inputs, config)
    assert [event["step"] for event in shown(told)] == [0, 2, 4]
    assert all("say" in sample["prompt"] for sample in shown(told)[0]["samples"])
    monkeypatch.setattr("training.continuations.Continuations.show", lambda *_: None)
    silent = trained("sft", inputs, config, "silent")
    assert shown(silent) == []
    assert silent.weights == told.weights


def test_a_block_of_documents_begins_with_a_part_of_each():
    from training.blocks import Blocks

    blocks = Blocks([[1, 2, 3, 4, 5], [6], [7, 8, 9, 10, 11, 12, 13, 14]], 4, 0)
    assert blocks.beginnings(2) == [[1, 2, 3], [6]]
    assert blocks.beginnings(9, size=2) == [[1, 2], [6], [7, 8]]


def test_a_beginning_that_fills_all_positions_is_followed_by_nothing(base: Path, tokenizer: Any):
    from transformers import AutoModelForCausalLM

    from training.continuations import Continuations

    model = AutoModelForCausalLM.from_pretrained(base)
    full = [5] * model.config.max_position_embeddings
    found: list[list[int]] = [Continuations(None, tokenizer, []).said(model, ids) for ids in (full, full[:-3])]
    assert found[0] == []
    assert 1 <= len(found[1]) <= 3
