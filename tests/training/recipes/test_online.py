"""GRPO and RLOO: they learn what is paid for, go on exactly after a stop or a kill, and refuse the rest."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from annotation import frozen
from tests.training.recipes.conftest import WORDS, attempt, create, stop_at_once, user

pytestmark = pytest.mark.heavy

SHORT = {
    "rewards": "length:1",
    "group_size": 4,
    "batch_size": 8,
    "accumulation": 2,
    "max_steps": 6,
    "max_new_tokens": 8,
    "learning_rate": 1e-3,
    "held_out": 6,
    "valid_every": 2,
    "save_every": 2,
    "audit_at": "",
}
RECIPES = pytest.mark.parametrize("recipe", ["grpo", "rloo"])


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory, base: Path) -> dict[str, Path]:
    """The tiny base model, and prompts that ask for at most three words."""
    folder, dice = tmp_path_factory.mktemp("prompts"), random.Random(2)
    shared = {"tools": [], "language": "en", "source": "test", "licence": "CC0-1.0", "metadata": {"max_words": 3}}
    rows = [
        {**shared, "prompt_id": number, "messages": user("say " + " ".join(dice.sample(WORDS, 2))), "split": split}
        for number, split in enumerate(["train", "train", "validation"] * 8)
    ]
    frozen.write(folder, rows, [])
    return {"model": base, "prompts": folder}


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory, inputs: Any) -> Any:
    """The run that nobody touched."""
    return attempt(create(tmp_path_factory.mktemp("untouched") / "run", "grpo", inputs, SHORT))


# It learns ------------------------------------------------------------------------------------------------------------------


@RECIPES
def test_the_reward_rises_on_prompts_that_were_never_answered_in_training(recipe: str, trained: Any, inputs: Any) -> None:
    config = SHORT | {"max_steps": 25, "batch_size": 32, "group_size": 8, "accumulation": 1, "max_new_tokens": 12}
    ended = trained(recipe, inputs, config | {"learning_rate": 3e-3, "held_out": 8, "valid_every": 30, "save_every": 30})
    assert ended.state == "succeeded"
    assert ended.figures["reward_end"] > ended.figures["reward_start"] + 0.5
    assert ended.curve("valid_reward") == [ended.figures["reward_start"], ended.figures["reward_end"]]
    for name in ("reward", "reward_length", "reward_std", "kl_per_token", "length", "eos_rate", "entropy", "gradient_norm"):
        assert len(ended.curve(name)) == 25, name


def test_before_the_first_step_the_policy_is_its_reference(untouched: Any) -> None:
    kl = untouched.curve("valid_kl")
    assert (len(kl), kl[0]) == (4, pytest.approx(0.0, abs=1e-5))
    assert kl[-1] == untouched.figures["kl"] != 0
    assert [event["step"] for event in untouched.events if event["kind"] == "samples"] == [0, 2, 4, 6]


# It goes on -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("recipe", "how"), [("rloo", {}), ("grpo", {"iterations": 2}), ("grpo", {"lora_rank": 4})])
def test_a_stopped_run_goes_on_as_if_nothing_had_happened(recipe: str, how: Any, inputs: Any, tmp_path: Path) -> None:
    folder = create(tmp_path / "run", recipe, inputs, SHORT | how)
    stop_at_once(folder)
    first = attempt(folder)
    rollout = how.get("iterations", 1)
    assert (first.code, first.end["reason"]) == (0, f"stopped at step {rollout} of 6; saved")
    again = attempt(folder, number=2)
    whole = attempt(create(tmp_path / "untouched", recipe, inputs, SHORT | how))
    assert again.state == "succeeded"
    assert again.weights == whole.weights
    assert again.figures == whole.figures


def test_a_run_killed_while_it_saved_goes_on_as_if_nothing_had_happened(untouched: Any, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(untouched.folder, folder)
    shutil.rmtree(folder / "out")
    (folder / "checkpoints" / "trl.tmp").mkdir()
    (folder / "checkpoints" / "step-6").rename(folder / "checkpoints" / "trl.tmp" / "checkpoint-6")
    (folder / "checkpoints" / "trl.tmp" / "checkpoint-6" / "trainer_state.json").write_text("{")
    again = attempt(folder, number=2)
    assert again.state == "succeeded"
    assert again.weights == untouched.weights
    assert again.figures == untouched.figures


def test_a_run_killed_after_its_last_step_takes_no_step_more(untouched: Any, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(untouched.folder, folder)
    shutil.rmtree(folder / "out")
    again = attempt(folder, number=2)
    assert again.state == "succeeded"
    assert again.weights == untouched.weights
    assert again.figures == untouched.figures


# It refuses -----------------------------------------------------------------------------------------------------------------


def test_a_checkpoint_of_another_config_is_refused(inputs: Any, tmp_path: Path) -> None:
    folder = create(tmp_path / "run", "grpo", inputs, SHORT)
    stop_at_once(folder)
    attempt(folder)
    spec = json.loads((folder / "run.json").read_text())
    spec["config"]["beta"] = 0.5
    (folder / "run.json").write_text(json.dumps(spec))
    reason = attempt(folder, number=2).end["reason"]
    assert reason.startswith("NotResumable: step-1 was made by another run (beta was 0.04, is 0.5)")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"group_size": 3}, "group_size: must divide the answers of a step: batch_size × accumulation is 16"),
        ({"iterations": 4}, "max_steps: must be a multiple of iterations (4): only between rollouts can a run be resumed"),
        ({"rewards": "exakt:1"}, "rewards: no reward 'exakt'"),
        ({"audit_at": "often"}, "audit_at: must be numbers separated by spaces"),
        ({"rewards": "model:1"}, "rewards names model: give a reward checkpoint as input reward"),
        ({"rewards": "exact:1"}, "metadata.answer must be the right answer"),
        ({"max_new_tokens": 64}, "none of 16 training prompts leaves room for 64 new tokens"),
    ],
)
def test_what_cannot_be_is_refused_by_name(change: Any, sentence: str, trained: Any, inputs: Any) -> None:
    ended = trained("grpo", inputs, SHORT | change)
    assert ended.state == "failed"
    assert sentence in ended.end["reason"]


def test_a_gradient_that_is_not_finite_ends_the_run_before_it_spoils_the_weights() -> None:
    import torch

    from training import hf, trl_online

    model = torch.nn.Linear(2, 1)
    keeper = trl_online.Keeper(SimpleNamespace(trainer=SimpleNamespace(model=model)))
    state = SimpleNamespace(global_step=3)
    model(torch.ones(2)).backward()
    keeper.on_pre_optimizer_step(None, state, None)
    model.weight.grad[0, 1] = float("nan")
    with pytest.raises(hf.NotFinite, match="the gradient is not finite at step 4"):
        keeper.on_pre_optimizer_step(None, state, None)


def test_a_reward_model_that_gives_no_number_ends_the_run(trained: Any, inputs: Any, tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(inputs["model"], num_labels=1)
    model.score.weight.data.fill_(float("inf"))
    model.save_pretrained(tmp_path / "reward")
    AutoTokenizer.from_pretrained(inputs["model"]).save_pretrained(tmp_path / "reward")
    (tmp_path / "reward" / "reward.json").write_text('{"mean": 0.0, "std": 1.0}')
    ended = trained("rloo", inputs | {"reward": tmp_path / "reward"}, SHORT | {"rewards": "model:1", "no_end": -1.0})
    assert ended.state == "failed"
    assert ended.end["reason"].startswith("ArithmeticError: an answer's reward is not a finite number")
