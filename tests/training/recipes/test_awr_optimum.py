"""Where every answer can be listed, the fixed point of advantage-weighted regression is known: π* ∝ π_ref exp(R/β)."""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from tests.training.recipes.conftest import assistant, attempt, create, user
from tests.training.recipes.logged_world import Said, graded
from training import awr_math

pytestmark = pytest.mark.heavy

BETA = 1.5
ANSWERS = [" ".join(words) for count in (1, 2) for words in itertools.product(("sun", "moon", "tree"), repeat=count)]
PROMPTS = ("say", "tell")
SPEED = {"aspect": "helpful", "learning_rate": 4e-3, "batch_size": 32, "max_length": 64, "unit": "reward", "beta": BETA}


# In tables ------------------------------------------------------------------------------------------------------------------


def tree() -> tuple[list[tuple[str, ...]], np.ndarray, np.ndarray]:
    """Every answer of up to three letters with its end, how likely it is, and what it earns."""
    dice = np.random.default_rng(0)
    answers = [(*letters, ".") for count in range(4) for letters in itertools.product("abc", repeat=count)]
    return answers, dice.dirichlet(np.ones(len(answers))), dice.normal(size=len(answers))


def regressed(answers: list[tuple[str, ...]], chances: np.ndarray, weights: list[list[float]]) -> np.ndarray:
    """The likelihood of each answer under the best weighted regression there is: a share for each letter after each beginning."""
    mass: dict[tuple[str, ...], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for answer, chance, of_tokens in zip(answers, chances, weights, strict=True):
        for place, weight in enumerate(of_tokens):
            mass[answer[:place]][answer[place]] += chance * weight
    likely = []
    for answer in answers:
        steps = [mass[answer[:place]] for place in range(len(answer))]
        likely.append(np.prod([step[answer[place]] / sum(step.values()) for place, step in enumerate(steps)]))
    return np.array(likely)


def values(answers: list[tuple[str, ...]], chances: np.ndarray, rewards: np.ndarray) -> list[list[float]]:
    """V_μ: the mean reward of all answers that begin so, before each letter of each answer."""
    mass: dict[tuple[str, ...], float] = defaultdict(float)
    worth: dict[tuple[str, ...], float] = defaultdict(float)
    for answer, chance, reward in zip(answers, chances, rewards, strict=True):
        for place in range(len(answer)):
            mass[answer[:place]] += chance
            worth[answer[:place]] += chance * reward
    return [[worth[answer[:place]] / mass[answer[:place]] for place in range(len(answer))] for answer in answers]


@pytest.mark.parametrize("baseline", ["value", "none"])
def test_the_fixed_point_is_the_optimum_whatever_the_baseline(baseline: str) -> None:
    answers, chances, rewards = tree()
    expected = values(answers, chances, rewards) if baseline == "value" else [[0.0] * len(answer) for answer in answers]
    weights = [
        awr_math.weights_of(reward - np.array(before), BETA, 1e9).tolist() for reward, before in zip(rewards, expected, strict=True)
    ]
    best = chances * np.exp(rewards / BETA)
    assert regressed(answers, chances, weights) == pytest.approx(best / best.sum(), abs=1e-12)


def test_the_mean_of_the_others_keeps_the_temperature_and_the_mean_of_all_would_not() -> None:
    answers, chances, rewards = tree()
    pairs = list(itertools.product(range(len(answers)), repeat=2))
    both = np.array([chances[one] * chances[other] for one, other in pairs])
    earned = np.array([[rewards[one], rewards[other]] for one, other in pairs])
    alone = np.array([awr_math.of_others(row, [1, 1])[0] for row in earned])
    for baseline, temperature in ((alone, BETA), (earned.mean(axis=1), 2 * BETA)):
        weights = both * awr_math.weights_of(earned[:, 0] - baseline, BETA, 1e9)
        found = np.bincount([one for one, _other in pairs], weights)
        best = chances * np.exp(rewards / temperature)
        assert found / found.sum() == pytest.approx(best / best.sum(), abs=1e-12)


# By the recipe --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reference(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that gives the answers of the list and hardly any other, some oftener: equal rewards make the recipe plain SFT."""
    folder, dice = tmp_path_factory.mktemp("reference"), random.Random(3)
    shown = {prompt: [Said(text, 3.0) for text in ANSWERS for _ in range(dice.randint(1, 4))] for prompt in PROMPTS}
    dataset = graded(folder / "answers", shown)
    config = {**SPEED, "baseline": "none", "max_steps": 120}
    return attempt(create(folder / "run", "awr", {"model": base, "dataset": dataset}, config)).out


def likelihoods(folder: Path, prompt: str) -> np.ndarray:
    """How likely the model gives each of the answers."""
    import torch
    from transformers import AutoModelForCausalLM

    from training import pairs, text

    tokenizer, model = text.load_tokenizer(folder), AutoModelForCausalLM.from_pretrained(folder).eval()
    rows = [pairs.encode(tokenizer, {"prompt": user(prompt)}, assistant(answer)) for answer in ANSWERS]
    with torch.no_grad():
        return pairs.logprobs(model, pairs.batched(rows, tokenizer.pad_token_id)).double().exp().numpy()


@pytest.mark.parametrize("baseline", ["none", "value"])
def test_the_recipe_gains_nearly_all_that_any_policy_could(baseline: str, reference: Path, tmp_path: Path) -> None:
    dice = np.random.default_rng(5)
    rewards = {prompt: dice.integers(1, 8, len(ANSWERS)).astype(float) for prompt in PROMPTS}
    before = {prompt: likelihoods(reference, prompt) for prompt in PROMPTS}
    asked = {prompt: drawn(before[prompt], rewards[prompt]) for prompt in PROMPTS}
    dataset = graded(tmp_path / "answers", asked)
    critic = {"critic_learning_rate": 1e-3, "critic_epochs": 1.0}
    config = {**SPEED, **critic, "baseline": baseline, "max_steps": 120, "weight_cap": 1000.0}
    run = attempt(create(tmp_path / "run", "awr", {"model": reference, "dataset": dataset}, config))
    gains = np.array([gained(before[prompt], likelihoods(run.out, prompt), rewards[prompt]) for prompt in PROMPTS])
    reached, most = gains.mean(axis=0)
    assert most > 0.2, "the task has nothing to gain"
    assert reached / most >= 0.9


def drawn(chances: np.ndarray, rewards: np.ndarray, count: int = 150) -> list[Said]:
    """Answers as often as the model gives them, with what they earn."""
    assert chances.sum() > 0.8, "the model gives other answers than those that are listed"
    times = (count * chances / chances.sum()).round().astype(int)
    return [Said(text, reward) for text, reward, often in zip(ANSWERS, rewards, times, strict=True) for _ in range(often)]


def gained(before: np.ndarray, after: np.ndarray, rewards: np.ndarray) -> tuple[float, float]:
    """The gain in E[r] − β KL(π ‖ π_ref) of a policy, and the best there is, among the answers of the list."""
    before, after = before / before.sum(), after / after.sum()

    def objective(chances: np.ndarray) -> float:
        return float((chances * (rewards - BETA * np.log(chances / before))).sum())

    best = before * np.exp(rewards / BETA)
    return objective(after) - objective(before), objective(best / best.sum()) - objective(before)
