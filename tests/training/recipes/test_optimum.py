"""On a world small enough to write down every answer, PPO and DPO come near the best policy that there is.

In full, with more recipes and more worlds: `bench/optimum.py`.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from annotation import frozen
from bench import enumerable, optimum
from training import pair_losses

pytestmark = pytest.mark.heavy

BETA = optimum.BETA


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> enumerable.World:
    made = enumerable.make(tmp_path_factory.mktemp("enumerable"), most=1, seed=3)
    made.judge(made.folder / "judged", 1_000, seed=3)
    return made


def judged(world: enumerable.World) -> list[dict[str, Any]]:
    return list(frozen.read_rows(world.folder / "judged"))


def test_every_answer_is_there(tmp_path: Path):
    world = enumerable.make(tmp_path, most=2, seed=0)
    assert world.answers == ["", "a", "b", "c", "a d", "a e", "a f", "b d", "b e", "b f", "c d", "c e", "c f"]
    assert world.reference.exp().sum(-1).tolist() == pytest.approx([1.0] * len(enumerable.PROMPTS), abs=1e-12)
    assert (world.reference.exp() > 1e-4).all(), "an answer is so rare that a rollout never shows it"


def test_a_model_that_says_more_is_refused(world: enumerable.World, tmp_path: Path):
    model = AutoModelForCausalLM.from_pretrained(world.folder / "model")
    with torch.no_grad():
        model.lm_head.weight[world.tokenizer.convert_tokens_to_ids("d")] = 0.0
    model.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="answers that are not listed have a chance of"):
        world.logs(tmp_path)


def test_rewards_are_in_the_unit_that_ppo_pays(world: enumerable.World):
    weight = world.reference.exp() / len(enumerable.PROMPTS)
    assert float((weight * world.rewards).sum()) == pytest.approx(0.0, abs=1e-9)
    assert float((weight * world.rewards**2).sum()) == pytest.approx(1.0)


def test_no_policy_is_better_than_the_optimum(world: enumerable.World):
    best = world.objective(world.optimum(BETA), BETA)
    assert best == pytest.approx(float(BETA * (world.reference + world.rewards / BETA).logsumexp(-1).mean()))
    torch.manual_seed(0)
    for spread in (0.01, 0.1, 1.0):
        other = (world.optimum(BETA) + spread * torch.randn(world.reference.shape)).log_softmax(-1)
        assert world.objective(other, BETA) < best
    assert world.share(world.reference, BETA) == 0.0
    assert world.share(world.optimum(BETA), BETA) == pytest.approx(1.0)


def test_the_optimum_of_ipo_is_where_its_loss_is_least(world: enumerable.World):
    """At π_ref exp(P(y beats another) / β) the gradient of the loss, expected over all pairs of the reference's answers, is 0."""
    paid = world.of_preferences()
    logs = paid.optimum(BETA).requires_grad_()
    ratios, weight = logs - world.reference, world.reference.exp()
    beats = torch.sigmoid(world.rewards[:, :, None] - world.rewards[:, None, :])
    left, right = ratios[:, :, None].expand_as(beats), ratios[:, None, :].expand_as(beats)
    losses = pair_losses.expected(lambda better, worse: pair_losses.ipo(better, worse, BETA), left, right, beats)
    [slope] = torch.autograd.grad((weight[:, :, None] * weight[:, None, :] * losses).sum(), logs)
    assert float(slope.abs().max()) < 1e-12
    assert world.share(logs.detach(), BETA) < 0.97, "the preferences' optimum is the reward's as well"


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
    ("name", "config"),
    [
        ("ppo", {"updates": 50, "rollout_size": 128, "minibatch_size": 128, "max_new_tokens": 2}),
        ("dpo", {"batch_size": 32}),
    ],
)
def test_nearly_all_is_gained_that_any_policy_could(name: str, config: dict[str, Any], world: enumerable.World, tmp_path: Path):
    assert 0.97 <= world.share(optimum.learned(world, name, tmp_path / name, config), BETA) <= 1.0


def test_ipo_gains_nearly_all_of_what_it_aims_at(world: enumerable.World, tmp_path: Path):
    logs = optimum.learned(world, "ipo", tmp_path / "ipo", {"batch_size": 32})
    assert 0.97 <= world.of_preferences().share(logs, BETA) <= 1.0
    assert world.share(logs, BETA) > 0.2
