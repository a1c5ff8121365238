"""The recipes on preferences learn what people preferred, start where their mathematics says, and say what they left out."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from tests.training.recipes.conftest import assistant, attempt, create, stop_at_once, user
from training import pairs

pytestmark = pytest.mark.heavy

FAST = {"learning_rate": 2e-3, "max_length": 64, "valid_every": 20, "max_steps": 40}


def test_dpo_starts_at_reward_zero_and_learns_to_prefer(trained: Any, base: Path, snapshot: Path) -> None:
    run = trained("dpo", {"model": base, "dataset": snapshot}, {**FAST, "learning_rate": 5e-4})
    assert run.curve("valid_loss")[0] == pytest.approx(math.log(2), abs=1e-4)
    assert run.curve("margin")[0] == pytest.approx(0, abs=1e-4)
    assert run.figures["accuracy"] > 0.7
    assert run.figures["margin"] > 0.2


@pytest.mark.parametrize(
    ("loss", "start"),
    [("ipo", 25.0), ("hinge", 1.0), ("robust", math.log(2))],  # 1/(2β) is 5 nats
)
def test_each_loss_of_dpos_family_starts_where_no_answer_is_preferred_and_falls(
    loss: str, start: float, trained: Any, base: Path, snapshot: Path
) -> None:
    config = {**FAST, "max_steps": 20, "learning_rate": 5e-4, "loss": loss, "label_smoothing": 0.1}
    if loss != "robust":
        config["label_smoothing"] = 0.0
    run = trained("dpo", {"model": base, "dataset": snapshot}, config)
    assert run.curve("valid_loss")[0] == pytest.approx(start, rel=1e-4)
    assert run.curve("valid_loss")[-1] < 0.97 * start


def test_kto_starts_at_reward_zero_and_learns_what_is_acceptable(trained: Any, base: Path, snapshot: Path) -> None:
    run = trained("kto", {"model": base, "dataset": snapshot}, {**FAST, "learning_rate": 5e-4})
    assert run.curve("valid_loss")[0] == pytest.approx(0.5, abs=1e-4)
    assert run.curve("kl")[0] == pytest.approx(0, abs=1e-4)
    assert run.figures["margin"] > 0.2
    assert "108 acceptable answers, 36 not; weighted they are 3.00 to 1 (1 to 1.33 is advised)" in run.messages()


@pytest.mark.parametrize("recipe", ["orpo", "simpo"])
def test_recipes_without_a_reference_learn_to_prefer(recipe: str, trained: Any, base: Path, snapshot: Path) -> None:
    run = trained(recipe, {"model": base, "dataset": snapshot}, FAST)
    assert run.figures["accuracy"] > 0.7
    assert run.figures["margin"] > run.curve("margin")[0] + 0.1
    assert run.figures["valid_loss"] < run.curve("valid_loss")[0]


@pytest.mark.parametrize("recipe", ["dpo", "kto", "orpo", "simpo"])
def test_adapters_learn_too_and_end_in_a_plain_model(recipe: str, trained: Any, base: Path, snapshot: Path) -> None:
    from transformers import AutoModelForCausalLM

    run = trained(recipe, {"model": base, "dataset": snapshot}, {**FAST, "max_steps": 5, "lora_rank": 4})
    assert run.state == "succeeded", run.end
    assert run.curve("valid_loss")[-1] < run.curve("valid_loss")[0]
    ours, before = (AutoModelForCausalLM.from_pretrained(path).state_dict() for path in (run.out, base))
    assert set(ours) == set(before)


def test_adapters_that_were_stopped_go_on_as_if_nothing_had_happened(base: Path, snapshot: Path, tmp_path: Path) -> None:
    inputs, config = {"model": base, "dataset": snapshot}, {**FAST, "max_steps": 4, "lora_rank": 4}
    whole = attempt(create(tmp_path / "whole", "dpo", inputs, config))
    folder = create(tmp_path / "stopped", "dpo", inputs, config)
    stop_at_once(folder)
    attempt(folder)
    again = attempt(folder, number=2)
    assert again.weights == whole.weights


def test_only_an_answers_own_tokens_count(tokenizer: Any) -> None:
    row = {"prompt": [*user("say sun"), *assistant("sun"), *user("again")]}
    answer = pairs.encode(tokenizer, row, assistant("sun!"))
    mine = [token for token, kept in zip(answer.ids, answer.answer, strict=True) if kept]
    assert tokenizer.decode(mine) == "sun!<|end|>"
