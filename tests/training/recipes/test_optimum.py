"""On a world small enough to write down every answer, PPO and DPO come near the best policy that there is.

In full, with more recipes and more worlds: `bench/optimum.py`.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from annotation import frozen
from bench import enumerable, optimum

pytestmark = pytest.mark.heavy

BETA = optimum.BETA


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> enumerable.World:
    made = enumerable.make(tmp_path_factory.mktemp("enumerable"), most=1, seed=3)
    made.judge(made.folder / "judged", 1_000, seed=3)
    return made


def judged(world: enumerable.World) -> list[dict[str, Any]]:
    return list(frozen.read_rows(world.folder / "judged"))


def test_every_answer_is_there(world: enumerable.World):
    assert world.answers == ["", *enumerable.WORDS]
    assert (world.reference[:, :-1].exp().sum(-1) > 0.5).all(), "most answers are longer than what is listed"
    assert world.reference.exp().sum(-1).tolist() == pytest.approx([1.0] * len(enumerable.PROMPTS))


def test_rewards_are_in_the_unit_that_ppo_pays(world: enumerable.World):
    weight = world.reference[:, :-1].exp()
    rewards = world.rewards[:, :-1]
    assert float((weight * rewards).sum() / weight.sum()) == pytest.approx(0.0, abs=1e-9)
    assert float((weight * rewards**2).sum() / weight.sum()) == pytest.approx(1.0)


def test_no_policy_is_better_than_the_optimum(world: enumerable.World):
    best = world.objective(world.optimum(BETA), BETA)
    assert best == pytest.approx(float(BETA * (world.reference + world.rewards / BETA).logsumexp(-1).mean()))
    torch.manual_seed(0)
    for spread in (0.01, 0.1, 1.0):
        other = (world.optimum(BETA) + spread * torch.randn(world.reference.shape)).log_softmax(-1)
        assert world.objective(other, BETA) < best
    assert world.share(world.reference, BETA) == 0.0
    assert world.share(world.optimum(BETA), BETA) == pytest.approx(1.0)


def test_labels_are_drawn_from_the_bradley_terry_of_the_rewards(world: enumerable.World):
    """The mean of (share of the raters − σ(difference)) over the pairs is 0 within three standard errors."""
    off = []
    for row in judged(world):
        first, second = row["answers"]
        likely = torch.sigmoid(torch.tensor(first["grades"]["score"] - second["grades"]["score"]))
        off.append(first["beats"][str(second["sample_id"])] - float(likely))
    errors = torch.tensor(off)
    assert len(errors) == 1_000
    assert abs(float(errors.mean())) < 3 * float(errors.std()) / len(errors) ** 0.5
    assert float(errors.std()) < 0.5 / enumerable.RATERS**0.5


def test_answers_are_drawn_as_the_model_says_them(world: enumerable.World):
    """The share of each answer among those judged is its chance, within four standard errors."""
    said = Counter((row["prompt_id"], answer["messages"][0]["content"]) for row in judged(world) for answer in row["answers"])
    for prompt in range(len(enumerable.PROMPTS)):
        total = sum(count for (asked, _), count in said.items() if asked == prompt)
        for place, answer in enumerate(world.answers):
            chance = float(world.reference[prompt, place].exp())
            assert abs(said[prompt, answer] / total - chance) < 4 * (chance * (1 - chance) / total) ** 0.5


@pytest.mark.parametrize(
    ("name", "config", "least"),
    [
        ("ppo", {"updates": 50, "rollout_size": 128, "minibatch_size": 64, "max_new_tokens": 2}, 0.97),
        ("dpo", {"batch_size": 32}, 0.97),
        ("ipo", {"batch_size": 32}, 0.2),
    ],
)
def test_nearly_all_is_gained_that_any_policy_could(
    name: str, config: dict[str, Any], least: float, world: enumerable.World, tmp_path: Path
):
    assert least <= optimum.share(world, name, tmp_path / name, config) <= 1.0
