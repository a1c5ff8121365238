"""A step is the same step however it is cut: one batch of eight rows, eight of one, or two processes with four each.

The rows weigh differently, an epoch does not end with a whole step, and its last rows are too few for two processes: where means of
batches were averaged as if they were equals, or processes got rows twice, losses would differ by far more than rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bench.equivalence import judgements
from tests.training.recipes.conftest import WORDS, Attempt, attempt, create, joined, ranks

pytestmark = pytest.mark.heavy

RECIPES = ("reward", "dpo", "kto", "orpo", "simpo", "awr")
STEPS = {"max_length": 64, "max_steps": 6, "log_every": 1, "valid_every": 3, "learning_rate": 1e-3}
EIGHT, ONES = {"batch_size": 8, "accumulation": 1}, {"batch_size": 1, "accumulation": 8}
WHOLE, PIECES = STEPS | EIGHT, STEPS | ONES
CURVES = ("loss", "gradient_norm", "valid_loss")
# Two steps on each rollout, for in the first every ratio is 1.
ANSWERING = {"rewards": "length:1", "max_new_tokens": 12, "valid_every": 3, "learning_rate": 1e-3}
ONLINE = {**ANSWERING, "group_size": 4, "max_steps": 6, "iterations": 2, "save_every": 6}
TOLD = ("loss", "gradient_norm", "reward", "length", "valid_reward", "valid_kl")


@pytest.fixture(scope="module")
def weighted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """13 rankings of raters who weigh between a tenth and two, with soft labels: 11 to train on, 2 held out."""
    return judgements(tmp_path_factory.mktemp("weighted"), WORDS)


def assert_same(one: Attempt, other: Attempt, names: Sequence[str] = CURVES) -> None:
    assert (one.state, other.state) == ("succeeded", "succeeded"), (one.end, other.end)
    for name in names:
        assert len(one.curve(name)) >= 3
        assert other.curve(name) == pytest.approx(one.curve(name), rel=2e-3, abs=1e-5), name


@pytest.mark.parametrize("recipe", RECIPES)
def test_eight_batches_of_one_are_one_batch_of_eight(recipe: str, base: Path, weighted: Path, tmp_path: Path) -> None:
    inputs = {"model": base, "dataset": weighted}
    whole, pieces = (attempt(create(tmp_path / str(at), recipe, inputs, how)) for at, how in enumerate((WHOLE, PIECES)))
    assert_same(whole, pieces)


@pytest.mark.parametrize(
    ("recipe", "how"), [("grpo", {}), ("grpo", {"loss": "grpo"}), ("grpo", {"loss": "dr_grpo", "scale": "none"}), ("rloo", {})]
)
def test_answers_are_learned_alike_eight_at_once_or_one_by_one(
    recipe: str, how: Any, base: Path, weighted: Path, tmp_path: Path
) -> None:
    inputs = {"model": base, "prompts": weighted}
    cuts = enumerate((EIGHT, ONES))
    whole, pieces = (attempt(create(tmp_path / str(at), recipe, inputs, {**ONLINE, **how, **cut})) for at, cut in cuts)
    assert_same(whole, pieces, TOLD)
    assert max(whole.curve("gradient_norm")) > 0.01, "nothing was learned"


def test_ppo_learns_alike_however_few_answers_fit_in_memory(base: Path, weighted: Path, tmp_path: Path) -> None:
    inputs = {"model": base, "prompts": weighted}
    steps = {**ANSWERING, "updates": 3, "rollout_size": 16, "minibatch_size": 8, "critic_warmup": 0, "value_learning_rate": 1e-3}
    runs = (attempt(create(tmp_path / str(size), "ppo", inputs, {**steps, "batch_size": size})) for size in (8, 1))
    assert_same(*runs, ("policy_loss", "value_loss", "gradient_norm", "value_gradient_norm", "reward", "kl"))


def test_two_processes_are_one(base: Path, weighted: Path, tmp_path: Path) -> None:
    # KTO, because its loss knows something of the whole step besides its own rows.
    inputs = {"model": base, "dataset": weighted}
    whole = attempt(create(tmp_path / "one", "kto", inputs, WHOLE))
    folder = create(tmp_path / "two", "kto", inputs, {**STEPS, "batch_size": 4}, resources={"processes": 2})
    assert_same(whole, joined(ranks(folder), folder))
