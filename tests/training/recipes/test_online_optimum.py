"""On a task small enough to write down every answer, RLOO and GRPO come near the best policy that there is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench import enumerable

pytestmark = pytest.mark.heavy

CONFIG = {
    "max_steps": 30,
    "group_size": 8,
    "batch_size": 96,
    "accumulation": 1,
    "max_new_tokens": 2,
    "learning_rate": 2e-3,
    "schedule": "linear",
    "warmup": 0.0,
    "held_out": 0,
    "beta": 0.5,
    "save_every": 30,
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> enumerable.World:
    return enumerable.make(tmp_path_factory.mktemp("enumerable"), most=1, seed=3)


@pytest.fixture
def inputs(world: enumerable.World) -> dict[str, Path]:
    return {name: world.folder / name for name in ("model", "reward", "prompts")}


@pytest.mark.parametrize(("recipe", "own"), [("rloo", {}), ("grpo", {"loss": "dr_grpo", "scale": "none"})])
def test_most_is_gained_that_any_policy_could(
    recipe: str, own: dict[str, Any], trained: Any, inputs: Any, world: enumerable.World
) -> None:
    ended = trained(recipe, inputs, CONFIG | own)
    assert ended.state == "succeeded"
    assert 0.9 <= world.share(world.logs(ended.out), 0.5) <= 1.0
