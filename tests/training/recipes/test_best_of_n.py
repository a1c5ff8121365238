"""The model learns its own best answers: which those are, how far that may lead it away, and that no stage is done twice."""

from __future__ import annotations

import itertools
import json
import math
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.recipes.conftest import WORDS, assistant, attempt, create, stop_at_once, user
from tests.training.recipes.logged_world import graded
from training import awr_math
from training.paying import Given
from training.recipes import best_of_n
from training.recipes.best_of_n import Config

pytestmark = pytest.mark.heavy

SHORT = {
    "rewards": "length:1",
    "answers": 4,
    "rounds": 2,
    "max_new_tokens": 16,
    "learning_rate": 3e-3,
    "batch_size": 8,
    "max_length": 64,
    "valid_every": 1,
}


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some forty prompts that want an answer of two words at most; two of five are held out."""
    dice = random.Random(5)
    asked: dict[str, list[Any]] = {f"say {' '.join(dice.sample(WORDS, 3))}": [] for _ in range(40)}
    return graded(tmp_path_factory.mktemp("prompts"), asked, ("train", "train", "train", "validation", "validation"), max_words=2)


def answer(text: str, reward: float, prompt_id: int = 1, ended: bool = True) -> tuple[Given, float]:
    return Given(prompt_id, user("say"), [], assistant(text), ended=ended), reward


def kept(*rows: tuple[Given, float], **config: Any) -> list[str]:
    return [one.answer[0]["content"] for one, _reward in best_of_n.best(list(rows), Config(**config))]


# Which answers --------------------------------------------------------------------------------------------------------------


def test_the_best_of_each_prompt_is_kept_and_of_equals_the_first() -> None:
    assert kept(answer("a", 1), answer("b", 3), answer("c", 3), answer("d", 0, prompt_id=2)) == ["b", "d"]


def test_an_answer_that_was_cut_is_never_kept() -> None:
    assert kept(answer("a", 1), answer("b", 3, ended=False)) == ["a"]
    with pytest.raises(ValueError, match="no answer is good enough to learn"):
        kept(answer("b", 3, ended=False))


def test_several_may_be_kept_none_twice_and_none_that_earns_too_little() -> None:
    rows = [answer("a", 1), answer("b", 3), answer("b", 3), answer("c", 2)]
    assert kept(*rows, keep=2) == ["b", "c"]
    assert kept(*rows, keep=4, least=2.0) == ["b", "c"]
    with pytest.raises(ValueError, match="no answer is good enough to learn"):
        kept(*rows, least=4.0)


def test_the_bound_on_the_kl_holds_and_is_reached_where_no_answer_is_drawn_twice() -> None:
    for n, sorts in itertools.product((2, 4, 16), (3, 10_000)):
        below = np.arange(sorts + 1) / sorts  # equally likely answers, in order of reward
        best = np.diff(below**n)
        exact = float((best * np.log(best * sorts)).sum())
        bound = awr_math.kl_of_best(n)
        assert exact <= bound + 1e-9
        assert (bound - exact < 0.01) == (sorts == 10_000)
    assert awr_math.kl_of_best(8) == pytest.approx(math.log(8) - 7 / 8)


def test_more_best_answers_than_answers_are_refused() -> None:
    assert Config(answers=2, keep=3).check() == {"keep": "must not be more than `answers`"}
    assert "there are: model, exact" in Config(rewards="nice:1").check()["rewards"]


# The run --------------------------------------------------------------------------------------------------------------------


def test_held_out_answers_get_better_and_the_way_is_told(base: Path, prompts: Path, tmp_path: Path) -> None:
    run = attempt(
        create(tmp_path / "run", "best_of_n", {"model": base, "prompts": prompts}, {**SHORT, "answers": 8, "epochs": 4.0})
    )
    assert run.state == "succeeded", run.end
    drawn, chosen = run.curve("reward_drawn"), run.curve("reward_kept")
    assert len(drawn) == len(chosen) == 2
    assert drawn[1] > drawn[0]
    assert all(best > mean for best, mean in zip(chosen, drawn, strict=True))
    assert run.figures["reward_end"] > run.figures["reward_start"]
    assert run.figures["kl"] > 0
    assert run.curve("kl_bound") == [pytest.approx(math.log(8) - 7 / 8)] * 2
    assert not list(run.folder.glob("round-*-learning"))


def test_a_run_that_is_stopped_in_every_stage_ends_as_if_nobody_had(base: Path, prompts: Path, tmp_path: Path) -> None:
    inputs = {"model": base, "prompts": prompts}
    config = {**SHORT, "rounds": 1, "max_steps": 3, "generation_batch": 16}
    whole = attempt(create(tmp_path / "whole", "best_of_n", inputs, config))
    folder, number = create(tmp_path / "run", "best_of_n", inputs, config), 1
    stop_at_once(folder, number)
    stopped = attempt(folder, number)
    assert stopped.state == "stopped"
    # The measure before the first round is made, answers are waiting: then it is stopped while it learns.
    shutil.copytree(tmp_path / "whole" / "round-0-held-out", folder / "round-0-held-out", dirs_exist_ok=True)
    shutil.copytree(tmp_path / "whole" / "round-1-answers", folder / "round-1-answers", dirs_exist_ok=True)
    stop_at_once(folder, 2)
    stopped = attempt(folder, 2)
    assert (stopped.state, stopped.end["reason"]) == ("stopped", "stopped at step 1 of 3; saved")
    again = attempt(folder, 3)
    assert again.state == "succeeded", again.end
    assert again.weights == whole.weights
    assert again.figures == whole.figures
    kept_answers = (folder / "round-1-held-out" / "out" / "samples.jsonl").read_text()
    assert kept_answers == (tmp_path / "whole" / "round-1-held-out" / "out" / "samples.jsonl").read_text()


def test_what_was_killed_after_its_last_deed_is_not_done_again(base: Path, prompts: Path, tmp_path: Path) -> None:
    folder = create(tmp_path / "run", "best_of_n", {"model": base, "prompts": prompts}, {**SHORT, "rounds": 1, "max_steps": 1})
    weights = attempt(folder).weights
    again = attempt(folder, 2)
    assert (again.state, again.weights) == ("succeeded", weights)
    assert not [event for event in again.events if event["attempt"] == 2 and event["kind"] == "metrics"]


def test_without_held_out_prompts_the_gain_is_not_measured(base: Path, tmp_path: Path) -> None:
    only = graded(tmp_path / "prompts", {f"say {word}": [] for word in WORDS}, ("train",), max_words=9)
    run = attempt(create(tmp_path / "run", "best_of_n", {"model": base, "prompts": only}, {**SHORT, "rounds": 1, "max_steps": 1}))
    assert run.state == "succeeded", run.end
    assert json.loads((run.out / "card.json").read_text())["figures"] == {}
