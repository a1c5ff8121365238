"""Two processes learn what one does, however they share the model, and one goes on from what two have saved.

What cannot be shared is refused where it is configured.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.training.recipes.conftest import Attempt, attempt, create, joined, ranks
from training import schema
from training.recipes import dpo, grpo, pretrain, reward

pytestmark = pytest.mark.heavy

STEPS = {"max_steps": 4, "log_every": 1, "valid_every": 2, "save_every": 2, "learning_rate": 1e-3}
ONE = {"batch_size": 8, "accumulation": 1, "parallel": "ddp"}
TWO = {"batch_size": 2, "accumulation": 2}
CURVES = ("loss", "gradient_norm", "valid_loss")
NEAR = 2e-5  # relative: rounding is below a millionth, and moments of AdamW that were lost are far above
OWN = {"pretrain": {"block_size": 64}, "sft": {"max_length": 64}}


@pytest.fixture(scope="module", autouse=True)
def loaded() -> None:
    """Ranks are forks of this process: what it has loaded, they need not load."""
    os.environ.setdefault("DS_ACCELERATOR", "cpu")
    import deepspeed.runtime.zero.muon.original_muon  # noqa: F401  imports much of torch that every engine needs


@pytest.fixture(scope="module")
def inputs(base: Path, snapshot: Path, corpus: Path) -> dict[str, dict[str, Path]]:
    return {"pretrain": {"model": base, "corpus": corpus}, "sft": {"model": base, "dataset": snapshot}}


@pytest.fixture(scope="module")
def alone(inputs: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Attempt]:
    """A recipe's run in one process, made once."""
    folder = tmp_path_factory.mktemp("alone")
    return cache(lambda recipe: attempt(create(folder / recipe, recipe, inputs[recipe], STEPS | OWN[recipe] | ONE)))


def shares(parallel: str, recipe: str, inputs: dict[str, Any], folder: Path) -> Attempt:
    """The same run in two processes."""
    config = STEPS | OWN[recipe] | TWO | {"parallel": parallel}
    create(folder, recipe, inputs[recipe], config, resources={"processes": 2})
    return joined(ranks(folder), folder)


def logits(folder: Path) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        return model(input_ids=torch.arange(20)[None]).logits


@pytest.mark.parametrize("parallel", ["ddp", "zero2", "zero3", "fsdp2"])
@pytest.mark.parametrize("recipe", ["pretrain", "sft"])
def test_two_processes_learn_as_one_and_one_goes_on_from_theirs(
    recipe: str, parallel: str, inputs: Any, alone: Any, tmp_path: Path
) -> None:
    one, two = alone(recipe), shares(parallel, recipe, inputs, tmp_path / "run")
    for name in CURVES:
        assert len(one.curve(name)) >= 3
        assert two.curve(name) == pytest.approx(one.curve(name), rel=NEAR), name
    assert logits(two.out).numpy() == pytest.approx(logits(one.out).numpy(), abs=1e-4)
    again = attempt(by_one(two.folder), number=2)
    assert again.state == "succeeded", again.end
    assert any(message.startswith("going on from step-2, cut otherwise: batch_size was 2, is 8") for message in again.messages())
    for name in CURVES:
        later = [event[name] for event in again.events if event["attempt"] == 2 and name in event]
        assert later == pytest.approx(one.curve(name)[-len(later) :], rel=NEAR), name
    assert logits(again.out).numpy() == pytest.approx(logits(one.out).numpy(), abs=1e-4)


def by_one(folder: Path) -> Path:
    """The run as it was after half of its steps, to be gone on with in one process."""
    shutil.rmtree(folder / "out")
    shutil.rmtree(folder / "checkpoints" / "step-4")
    return cut(folder, ONE, 1)


def cut(folder: Path, how: dict[str, Any], processes: int) -> Path:
    """The same run, its steps cut otherwise."""
    spec = json.loads((folder / "run.json").read_text())
    changed = {"config": spec["config"] | how, "resources": {"processes": processes}}
    (folder / "run.json").write_text(json.dumps(spec | changed))
    return folder


def test_two_processes_killed_after_their_last_step_only_save(inputs: Any, alone: Any, tmp_path: Path) -> None:
    folder = shutil.copytree(alone("sft").folder, tmp_path / "run")
    shutil.rmtree(folder / "out")
    cut(folder, TWO | {"parallel": "fsdp2"}, 2)
    two = joined(ranks(folder, number=2), folder)
    assert two.weights == alone("sft").weights


@pytest.mark.parametrize("parallel", ["zero2", "zero3", "fsdp2"])
def test_two_processes_go_on_from_what_one_has_saved(parallel: str, inputs: Any, alone: Any, tmp_path: Path) -> None:
    one = alone("sft")
    folder = cut(by_one(shutil.copytree(one.folder, tmp_path / "run")), TWO | {"parallel": parallel}, 2)
    two = joined(ranks(folder, number=2), folder)
    assert two.curve("loss")[-2:] == pytest.approx(one.curve("loss")[-2:], rel=NEAR)


# Refused --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("parallel", ["zero2", "zero3", "fsdp2"])
def test_one_process_has_nobody_to_share_with(parallel: str, inputs: Any, tmp_path: Path) -> None:
    again = attempt(create(tmp_path / "run", "sft", inputs["sft"], STEPS | OWN["sft"] | {"parallel": parallel}))
    assert again.end["reason"].startswith(f"ValueError: parallel {parallel} shares a model between processes: start with")


def test_a_model_that_is_not_shared_as_was_asked_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from training import sharing

    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(RuntimeError, match=r"fsdp2 was asked for, but the model is a Linear \(not shared\)"):
        sharing.assert_shared(torch.nn.Linear(2, 2), "fsdp2")


@pytest.mark.parametrize("parallel", ["zero3", "fsdp2"])
@pytest.mark.parametrize("config", [dpo.Config, reward.Config, grpo.Config])
def test_recipes_that_read_weights_themselves_do_not_share_them_out(config: Any, parallel: str) -> None:
    with pytest.raises(schema.ConfigError, match="parallel: must be one of ddp, zero2"):
        schema.parse(config, {"parallel": parallel})


@pytest.mark.parametrize("parallel", ["zero3", "fsdp2"])
def test_compiled_weights_are_not_shared_out(parallel: str) -> None:
    with pytest.raises(schema.ConfigError, match=f"compile: has not been tried with weights that {parallel} shares out"):
        schema.parse(pretrain.Config, {"parallel": parallel, "compile": True})
