"""A run that was stopped or killed ends in the same weights, bit for bit, as one that nobody touched; else it refuses to go on.

A checkpoint that is damaged is refused by name, and the whole one before it is taken.
"""

from __future__ import annotations

import json
import shutil
import signal
import time
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.training.recipes.conftest import TINY, attempt, create, forked, stop_at_once

pytestmark = pytest.mark.heavy

SHORT = {
    "max_length": 64,
    "batch_size": 4,
    "accumulation": 2,
    "max_steps": 12,
    "save_every": 4,
    "valid_every": 3,
    "learning_rate": 1e-3,
}
CONFIGS = {
    "pretrain": {**TINY, "max_steps": 12, "save_every": 4, "valid_every": 3},
    "sft": SHORT,
    "reward": SHORT,
    "dpo": SHORT,
    "kto": SHORT,
    "orpo": SHORT,
    "simpo": SHORT,
}
RECIPES = pytest.mark.parametrize("recipe", CONFIGS)


@pytest.fixture(scope="module")
def inputs(base: Path, snapshot: Path, corpus: Path) -> dict[str, dict[str, Path]]:
    rows = {"model": base, "dataset": snapshot}
    return {
        "pretrain": {"model": base, "corpus": corpus},
        "sft": rows,
        "reward": rows,
        "dpo": rows,
        "kto": rows,
        "orpo": rows,
        "simpo": rows,
    }


@pytest.fixture(scope="module")
def untouched(inputs: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The run of a recipe that nobody touched, made once."""
    folder = tmp_path_factory.mktemp("untouched")
    return cache(lambda recipe: attempt(create(folder / recipe, recipe, inputs[recipe], CONFIGS[recipe])))


@pytest.fixture(scope="module")
def stopped(inputs: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of `sft` that was stopped after its first step."""
    folder = create(tmp_path_factory.mktemp("stopped") / "run", "sft", inputs["sft"], CONFIGS["sft"])
    stop_at_once(folder)
    attempt(folder)
    return folder


@RECIPES
def test_a_stopped_run_goes_on_as_if_nothing_had_happened(recipe: str, inputs: Any, untouched: Any, tmp_path: Path) -> None:
    folder = create(tmp_path / "run", recipe, inputs[recipe], CONFIGS[recipe])
    stop_at_once(folder)
    first = attempt(folder)
    assert (first.code, first.end["reason"]) == (0, "stopped at step 1 of 12; saved")
    assert not first.out.exists()
    again, whole = attempt(folder, number=2), untouched(recipe)
    assert again.state == "succeeded"
    assert again.weights == whole.weights
    assert again.figures == whole.figures


@RECIPES
def test_a_killed_run_goes_on_as_if_nothing_had_happened(recipe: str, inputs: Any, untouched: Any, tmp_path: Path) -> None:
    folder = create(tmp_path / "run", recipe, inputs[recipe], CONFIGS[recipe])
    process = forked(folder)
    while not (folder / "checkpoints" / "step-4").exists():
        assert process.is_alive(), "the run ended before it could be killed"
        time.sleep(0.002)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    half = folder / "checkpoints" / "step-99.tmp"
    half.mkdir()
    (half / "trainer_state.json").write_text("{")
    again, whole = attempt(folder, number=2), untouched(recipe)
    assert again.state == "succeeded"
    assert again.weights == whole.weights
    assert losses(again.events, 2)[-1] == losses(whole.events, 1)[-1]


def losses(events: list[dict[str, Any]], number: int) -> list[float]:
    return [event["valid_loss"] for event in events if event["attempt"] == number and "valid_loss" in event]


def test_a_run_killed_after_its_last_step_takes_no_step_more(untouched: Any, tmp_path: Path) -> None:
    whole = untouched("sft")
    folder = shutil.copytree(whole.folder, tmp_path / "run")
    shutil.rmtree(folder / "out")
    again = attempt(folder, number=2)
    assert again.state == "succeeded"
    assert again.weights == whole.weights


@pytest.mark.parametrize("name", ["rng_state.pth", "optimizer.pt", "scheduler.pt", "trainer_state.json", "segment.json"])
def test_a_checkpoint_without_all_its_state_is_refused(name: str, stopped: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(stopped, tmp_path / "run")
    (folder / "checkpoints" / "step-1" / name).unlink()
    again = attempt(folder, number=2)
    assert again.state == "failed"
    assert again.end["reason"] == f"NoWholeCheckpoint: step-1 lacks {name}: no whole checkpoint is left; remove them to begin anew"


@RECIPES
def test_a_damaged_checkpoint_is_refused_by_name_and_the_one_before_it_used(
    recipe: str, inputs: Any, untouched: Any, tmp_path: Path
) -> None:
    folder = create(tmp_path / "run", recipe, inputs[recipe], CONFIGS[recipe])
    for number in (1, 2):
        stop_at_once(folder, number)
        attempt(folder, number)
    weights = folder / "checkpoints" / "step-2" / "model.safetensors"
    held = weights.read_bytes()
    weights.write_bytes(held[:-1] + bytes([held[-1] ^ 1]))
    again, whole = attempt(folder, number=3), untouched(recipe)
    assert "step-2 has a damaged model.safetensors: refused, going on from step-1" in again.messages()
    assert again.state == "succeeded"
    assert again.weights == whole.weights


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("max_steps", 13, "max_steps was 12, is 13"),
        ("batch_size", 2, "batch_size was 4, is 2"),
        ("learning_rate", 0.5, "learning_rate was 0.001, is 0.5"),
    ],
)
def test_a_checkpoint_of_another_config_is_refused(field: str, value: Any, named: str, stopped: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(stopped, tmp_path / "run")
    spec = json.loads((folder / "run.json").read_text())
    spec["config"][field] = value
    (folder / "run.json").write_text(json.dumps(spec))
    reason = attempt(folder, number=2).end["reason"]
    assert reason.startswith("NotResumable: step-1 was made by another run (")
    assert named in reason


def test_steps_of_as_many_rows_may_be_cut_otherwise(stopped: Path, untouched: Any, tmp_path: Path) -> None:
    folder = shutil.copytree(stopped, tmp_path / "run")
    spec = json.loads((folder / "run.json").read_text())
    spec["config"] |= {"batch_size": 8, "accumulation": 1}
    (folder / "run.json").write_text(json.dumps(spec))
    again = attempt(folder, number=2)
    assert losses(again.events, 2) == pytest.approx(losses(untouched("sft").events, 1)[-4:], rel=1e-5)
    assert "going on from step-1, cut otherwise: batch_size was 4, is 8; accumulation was 2, is 1; dropout" in again.messages()[-1]


def test_a_checkpoint_of_fewer_rows_a_step_is_refused_by_name(stopped: Path) -> None:
    from training import resuming

    checkpoint = stopped / "checkpoints" / "step-1"
    segment = json.loads((checkpoint / "segment.json").read_text())
    with pytest.raises(resuming.NotResumable, match=r"\(processes was 1, is 2\): a step had 8 rows and would have 16; choose"):
        resuming.refuse_unlike(checkpoint, segment | {"processes": 2}, may_differ=resuming.CUT)


def test_a_checkpoint_of_one_process_is_refused_by_two(stopped: Path) -> None:
    from training import resuming

    checkpoint = stopped / "checkpoints" / "step-1"
    segment = json.loads((checkpoint / "segment.json").read_text())
    assert resuming.refuse_unlike(checkpoint, segment) == ""
    with pytest.raises(resuming.NotResumable, match="processes was 1, is 2"):
        resuming.refuse_unlike(checkpoint, {**segment, "processes": 2})
