"""Learning from logged answers: what earned more is learned more, from people's grades, rules or a reward model."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotation import frozen
from tests.training.recipes.conftest import attempt, create, joined, ranks, stop_at_once, user
from tests.training.recipes.logged_world import Said, graded, judgement
from training import awr_math

pytestmark = pytest.mark.heavy

FAST = {"learning_rate": 2e-3, "critic_learning_rate": 2e-3, "max_length": 64, "batch_size": 8, "max_steps": 4, "aspect": "helpful"}
GOOD, BAD = "sun moon tree", "no no no"


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Eight prompts with a good answer and a bad one each; the last two are held out."""
    asked = {f"say {word}": [Said(f"{GOOD} {word}", 6.0), Said(f"{BAD} {word}", 2.0)] for word in "abcdefgh"}
    return graded(tmp_path / "dataset", asked, ("train", "train", "train", "validation"))


# The mathematics ------------------------------------------------------------------------------------------------------------


def test_the_baseline_of_an_answer_is_the_mean_of_the_others() -> None:
    found = awr_math.of_others(np.array([1.0, 2.0, 6.0, 5.0]), ["a", "a", "a", "b"])
    assert found[:3].tolist() == [4.0, 3.5, 1.5]
    assert math.isnan(found[3])


def test_spreads_are_within_a_prompt_and_never_nothing() -> None:
    assert awr_math.spread_within(np.array([0.0, 4.0, 7.0, 7.0]), [1, 1, 2, 2]).tolist() == [2.0, 2.0, 1.0, 1.0]


def test_weights_are_exponential_up_to_the_cap() -> None:
    found = awr_math.weights_of(np.array([-1.0, 0.0, 1.0, 900.0]), beta=0.5, most=20.0)
    assert found == pytest.approx([math.exp(-2), 1.0, math.exp(2), 20.0])


def test_the_effective_share_is_all_of_equals_and_one_of_a_single_weight() -> None:
    assert awr_math.effective_share(np.ones(8)) == 1.0
    assert awr_math.effective_share(np.array([1e9, 1.0, 1.0, 1.0])) == pytest.approx(1 / 4)


# Weights --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("baseline", "good", "bad"), [("none", 2.0, -2.0), ("group", 4.0, -4.0)])
def test_an_answer_weighs_by_what_it_earned_beyond_its_baseline(
    baseline: str, good: float, bad: float, trained: Any, base, dataset
) -> None:
    config = {**FAST, "baseline": baseline, "unit": "reward", "beta": 4.0}
    run = trained("awr", {"model": base, "dataset": dataset}, config)
    tokens = [[token_count(base, f"{text} {word}") for word in "abcefg"] for text in (GOOD, BAD)]
    weights = np.repeat(np.exp([good / 4, bad / 4]), [sum(tokens[0]), sum(tokens[1])])
    assert run.figures["weight_mean"] == pytest.approx(weights.mean())
    assert run.figures["weight_ess"] == pytest.approx(weights.sum() ** 2 / (weights**2).sum() / len(weights))
    assert run.figures["weight_capped"] == 0


def token_count(base: Path, answer: str) -> int:
    """Tokens of an answer, its end included."""
    from training import text

    return len(text.load_tokenizer(base).encode(answer, add_special_tokens=False)) + 1


def test_equal_rewards_are_plain_fine_tuning(trained: Any, base: Path, tmp_path: Path) -> None:
    answers = {f"say {word}": [Said(f"{GOOD} {word}", 5.0)] for word in "abcdef"}
    dataset = graded(tmp_path / "dataset", answers, ("train", "train", "validation"))
    run = trained("awr", {"model": base, "dataset": dataset}, {**FAST, "baseline": "none"})
    assert run.figures["weight_ess"] == pytest.approx(1)
    held_out = [(row, answer) for row in frozen.read_rows(dataset, "validation") for answer in row["answers"]]
    tokens = sum(token_count(base, answer["messages"][0]["content"]) for _row, answer in held_out)
    assert run.curve("valid_loss")[0] == pytest.approx(-loglikelihoods(base, held_out).sum() / tokens, rel=1e-5)


def test_a_critic_judges_only_prompts_that_it_did_not_see(trained: Any, base: Path, dataset: Path) -> None:
    from training import critic, logged, pairs

    rows = [logged.Logged(prompt, pairs.Answer([1], [1]), 0.0) for prompt in (1, 1, 2, 3, 3, 4)]
    folds = critic.folded(rows, 2, seed=0)
    assert (folds[0], folds[3]) == (folds[1], folds[4])
    assert set(folds) == {0, 1}
    with pytest.raises(ValueError, match="critic_folds: 5 folds need as many prompts; there are 4"):
        critic.folded(rows, 5, seed=0)
    run = trained("awr", {"model": base, "dataset": dataset}, {**FAST, "critic_epochs": 20.0})
    assert run.curve("critic_1_valid_loss")[-1] < run.curve("critic_1_valid_loss")[0]
    assert run.curve("critic_explained")[0] > 0.5  # the first words tell good from bad, whatever the prompt
    assert json.loads((run.folder / "critic_1" / "values.json").read_text())
    assert not (run.folder / "critic_1" / "checkpoints").exists()


# Rewards --------------------------------------------------------------------------------------------------------------------


def test_raters_are_averaged_by_their_weights(tmp_path: Path, base: Path) -> None:
    from training import logged
    from training.rundir import RunDir

    folder = graded(tmp_path / "dataset", {"say sun": []})
    shared = {
        "prompt_id": 0,
        "prompt": user("say sun"),
        "tools": [],
        "language": "en",
        "source": "",
        "licence": "",
        "split": "train",
    }
    words = [(1, 7.0, 2.0), (1, 1.0, 1.0), (2, 3.0, 0.0)]
    rows = [{**shared, **judgement(sample, Said("sun", value)), "weight": weight} for sample, value, weight in words]
    prompts = list(frozen.read_prompts(folder))
    frozen.write(folder, prompts, rows)
    run = RunDir(create(tmp_path / "run", "awr", {"dataset": folder}, {}))
    assert [value for _one, value in logged.graded(run, "train", "helpful")] == [5.0]  # nobody whose word counts judged the second


def test_ratings_and_orders_are_not_mixed(trained: Any, base: Path, snapshot: Path, tmp_path: Path) -> None:
    rated = {**next(frozen.read_rows(snapshot, "train")), **judgement(9999, Said(GOOD, 6.0, aspect="overall"))}
    both = tmp_path / "both"
    frozen.write(both, frozen.read_prompts(snapshot), [*frozen.read_rows(snapshot), rated])
    run = trained("awr", {"model": base, "dataset": both}, {**FAST, "aspect": "overall"})
    assert "'overall' was rated in some judgements and ordered in others" in run.end["reason"]


def test_an_aspect_that_nobody_graded_is_refused_with_those_that_there_are(trained: Any, base: Path, dataset: Path) -> None:
    run = trained("awr", {"model": base, "dataset": dataset}, {**FAST, "aspect": "honest"})
    assert run.end["reason"] == "ValueError: aspect: nobody graded 'honest' in split train; people graded: helpful"


def test_an_only_answer_has_nothing_to_be_compared_with(trained: Any, base: Path, tmp_path: Path) -> None:
    asked = {"say sun": [Said(GOOD, 6.0), Said(BAD, 2.0)], "say moon": [Said(GOOD, 6.0)]}
    run = trained("awr", {"model": base, "dataset": graded(tmp_path / "one", asked)}, {**FAST, "baseline": "group"})
    assert "train: 1 answers left out, each its prompt's only one: they compare with nothing" in run.messages()
    assert run.figures["train_answers"] == 2


def test_rules_score_the_answers_that_nobody_graded(trained: Any, base: Path, tmp_path: Path) -> None:
    asked = {"say sun": [Said("sun"), Said("moon")], "say tree": [Said("sun"), Said("sun moon")]}
    dataset = graded(tmp_path / "ungraded", asked, answer="sun")
    run = trained("awr", {"model": base, "dataset": dataset}, {**FAST, "rewards": "exact:2", "baseline": "none"})
    assert json.loads((run.folder / "rewards-train.json").read_text()) == [2.0, 0.0, 2.0, 0.0]


def test_a_reward_checkpoint_scores_them_on_its_scale(trained: Any, base: Path, dataset: Path, tmp_path: Path) -> None:
    from training import reward_scores

    reward = reward_model(base, tmp_path / "reward")
    run = trained("awr", {"model": base, "dataset": dataset, "reward": reward}, {**FAST, "rewards": "model:1", "baseline": "group"})
    rows = list(frozen.read_rows(dataset, "train"))
    chats = [[*row["prompt"], *row["answers"][0]["messages"]] for row in rows]
    found = json.loads((run.folder / "rewards-train.json").read_text())
    assert found == pytest.approx([(value - 1.0) / 2.0 for value in reward_scores.raw(reward, chats, [[]] * len(chats))], abs=1e-6)


def reward_model(base: Path, folder: Path) -> Path:
    """The base model with a random head for scores."""
    import torch
    from transformers import AutoModelForSequenceClassification

    from training import text

    torch.manual_seed(0)
    tokenizer = text.load_tokenizer(base)
    AutoModelForSequenceClassification.from_pretrained(base, num_labels=1, pad_token_id=tokenizer.pad_token_id).save_pretrained(
        folder
    )
    tokenizer.save_pretrained(folder)
    (folder / "reward.json").write_text('{"mean": 1.0, "std": 2.0}')
    return folder


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ("model:1", "rewards names 'model', but the run has no input 'reward'"),
        ("exact:1", "prompt 0: reward exact: metadata.answer must be the right answer"),
        ("exakt:1", "no reward 'exakt'"),
    ],
)
def test_rewards_that_cannot_be_paid_are_refused(wanted: str, reason: str, trained: Any, base: Path, dataset: Path) -> None:
    run = trained("awr", {"model": base, "dataset": dataset}, {**FAST, "rewards": wanted})
    assert reason in run.end["reason"]


# Held-out answers -----------------------------------------------------------------------------------------------------------


def test_the_models_own_answers_say_what_the_policy_would_earn(base: Path, dataset: Path, tmp_path: Path) -> None:
    config = {**FAST, "baseline": "none", "max_steps": 30}
    run = attempt(create(tmp_path / "own", "awr", {"model": base, "dataset": dataset}, config, input_names={"model": "base"}))
    assert run.curve("expected_reward")[0] == pytest.approx(run.curve("logged_reward")[0]) == 4.0
    assert run.curve("ess")[0] == pytest.approx(1)
    held_out = [(row, answer) for row in frozen.read_rows(dataset, "validation") for answer in row["answers"]]
    ratios = np.exp(loglikelihoods(run.out, held_out) - loglikelihoods(base, held_out))
    earned = np.array([answer["grades"]["helpful"] for _row, answer in held_out])
    assert run.figures["expected_reward"] == pytest.approx((ratios * earned).sum() / ratios.sum(), rel=1e-3)
    assert run.figures["ess"] == pytest.approx(ratios.sum() ** 2 / (ratios**2).sum() / len(ratios), rel=1e-3)


def loglikelihoods(folder: Path, answers: list[tuple[dict[str, Any], dict[str, Any]]]) -> np.ndarray:
    """log π of each answer to the prompt of its row, in nats."""
    from evals import scoring
    from training import text

    tokenizer, model = text.load_tokenizer(folder), scoring.load_language_model(folder)
    rows = [scoring.answer(tokenizer, row["prompt"], row["tools"], answer["messages"]) for row, answer in answers]
    return -scoring.score(model, rows, tokenizer.pad_token_id)[:, 0]


def test_of_answers_of_others_nobody_knows_how_likely_they_were(trained: Any, base: Path, dataset: Path) -> None:
    run = trained("awr", {"model": base, "dataset": dataset}, {**FAST, "baseline": "none"})
    assert "expected_reward" not in run.figures
    assert "none of the held-out answers is the model's own" in run.messages()[-1]


# Stopped, cut into pieces ---------------------------------------------------------------------------------------------------


def test_a_run_that_is_stopped_in_a_critic_and_again_later_ends_as_if_nobody_had(base: Path, dataset: Path, tmp_path: Path) -> None:
    inputs = {"model": base, "dataset": dataset}
    whole = attempt(create(tmp_path / "whole", "awr", inputs, FAST))
    folder = create(tmp_path / "run", "awr", inputs, FAST)
    for number, place in ((1, "critic_1"), (2, "critic_2"), (3, ".")):
        stop_at_once(folder, number)
        stopped = attempt(folder, number)
        assert stopped.state == "stopped", stopped.end
        assert [path.name for path in (folder / place / "checkpoints").iterdir()] == ["step-1"]
    again = attempt(folder, 4)
    assert again.state == "succeeded", again.end
    assert again.weights == whole.weights
    assert again.figures == whole.figures


def test_two_processes_learn_what_one_learns(base: Path, dataset: Path, tmp_path: Path) -> None:
    inputs = {"model": base, "dataset": dataset}
    whole = attempt(create(tmp_path / "one", "awr", inputs, {**FAST, "log_every": 1}))
    pieces = {**FAST, "batch_size": 2, "accumulation": 2, "log_every": 1}
    folder = create(tmp_path / "two", "awr", inputs, pieces, resources={"processes": 2})
    two = joined(ranks(folder), folder)
    for name in ("loss", "gradient_norm", "valid_loss", "critic_1_loss", "critic_explained"):
        assert two.curve(name) == pytest.approx(whole.curve(name), rel=2e-3), name


def test_adapters_are_merged(trained: Any, base: Path, dataset: Path) -> None:
    from transformers import AutoModelForCausalLM

    run = trained("awr", {"model": base, "dataset": dataset}, {**FAST, "lora_rank": 4})
    assert run.state == "succeeded", run.end
    ours, before = (set(AutoModelForCausalLM.from_pretrained(path).state_dict()) for path in (run.out, base))
    assert ours == before
