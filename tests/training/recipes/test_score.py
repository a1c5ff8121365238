"""Reward models score answers: on their own scale, all of them, whatever interrupts them."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest

from tests.training.recipes.conftest import Attempt, assistant, attempt, create, stop_at_once, user

pytestmark = pytest.mark.heavy

ANSWERS = [
    {"sample_id": 11, "prompt": user("say sun moon tree"), "tools": [], "messages": assistant("sun moon tree")},
    {"sample_id": 12, "prompt": user("say sun moon tree"), "tools": [], "messages": assistant("no no no no")},
]
TOO_LONG = {"sample_id": 13, "prompt": user("say"), "tools": [], "messages": assistant("river stone bird " * 99)}


@pytest.fixture(scope="session")
def reward(tmp_path_factory, base: Path, snapshot: Path) -> Path:
    """A tiny reward model, trained to rank what says all three words above what says none."""
    folder = tmp_path_factory.mktemp("reward") / "run"
    config = {"max_steps": 60, "learning_rate": 3e-3, "batch_size": 8}
    run = attempt(create(folder, "reward", {"model": base, "dataset": snapshot}, config))
    assert run.state == "succeeded", run.end
    return run.out


def scoring(folder: Path, models: dict[str, Path], answers=ANSWERS) -> Path:
    """A run's folder with its material, ready to start."""
    names = {name: f"rm-{name}" for name in models}
    create(folder, "score", models, {}, main="evals.score", input_names=names)
    (folder / "material").mkdir()
    (folder / "material" / "answers.jsonl").write_text("".join(json.dumps(line) + "\n" for line in answers))
    return folder


def rewards(run: Attempt) -> list[dict]:
    return [json.loads(line) for line in (run.out / "rewards.jsonl").read_text().splitlines()]


def test_answers_are_scored_on_the_scale_of_the_model(reward, tmp_path):
    from training import reward_scores

    found = rewards(attempt(scoring(tmp_path / "run", {"reward": reward})))
    chats = [[*answer["prompt"], *answer["messages"]] for answer in ANSWERS]
    scale = json.loads((reward / "reward.json").read_text())
    raw = reward_scores.raw(reward, chats, [[], []])
    assert [(line["sample_id"], line["model"]) for line in found] == [(11, "rm-reward"), (12, "rm-reward")]
    for line, value in zip(found, raw, strict=True):
        assert math.isclose(line["value"], (value - scale["mean"]) / scale["std"], abs_tol=1e-6)
    assert found[0]["value"] > found[1]["value"]


def test_several_models_score_one_after_the_other(reward, tmp_path):
    other = shutil.copytree(reward, tmp_path / "other")
    (other / "reward.json").write_text('{"mean": 0.0, "std": 2.0}')
    found = rewards(attempt(scoring(tmp_path / "run", {"reward": reward, "second": other})))
    assert [(line["sample_id"], line["model"]) for line in found] == [
        (11, "rm-reward"), (12, "rm-reward"), (11, "rm-second"), (12, "rm-second"),
    ]  # fmt: skip


def test_an_answer_beyond_the_models_reach_is_left_out_and_counted(reward, tmp_path):
    run = attempt(scoring(tmp_path / "run", {"reward": reward}, [*ANSWERS, TOO_LONG]))
    assert [line["sample_id"] for line in rewards(run)] == [11, 12]
    assert "rm-reward: 1 answers are longer than it reads and get no score" in run.messages()


def test_a_stopped_run_goes_on_with_the_next_model(reward, tmp_path):
    folder = scoring(tmp_path / "run", {"reward": reward, "second": reward})
    stop_at_once(folder)
    assert attempt(folder).end["reason"] == "stopped after 0 of 2 reward models; their scores are kept"
    assert attempt(folder, 2).state == "succeeded"
    whole = attempt(scoring(tmp_path / "whole", {"reward": reward, "second": reward}))
    assert (folder / "out" / "rewards.jsonl").read_bytes() == (whole.out / "rewards.jsonl").read_bytes()


def test_nothing_to_score_and_no_scale_are_said(reward, tmp_path):
    assert "waits for judgements" in attempt(scoring(tmp_path / "none", {"reward": reward}, [])).end["reason"]
    bare = shutil.copytree(reward, tmp_path / "bare")
    (bare / "reward.json").unlink()
    assert "reward.json is missing" in attempt(scoring(tmp_path / "bare-run", {"reward": bare})).end["reason"]
