"""PPO on a tiny model: it learns what the reward model likes, goes on exactly after a stop or a kill, and refuses the rest."""

from __future__ import annotations

import json
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from annotation import frozen
from tests.training.recipes.conftest import attempt, create, forked, stop_at_once, user

pytestmark = pytest.mark.heavy

SHORT = {
    "updates": 6,
    "rollout_size": 8,
    "minibatch_size": 4,
    "batch_size": 4,
    "max_new_tokens": 6,
    "learning_rate": 1e-3,
    "value_learning_rate": 1e-3,
    "critic_warmup": 1,
    "held_out": 8,
    "valid_every": 2,
    "save_every": 2,
}


@pytest.fixture(scope="module")
def reward_run(tmp_path_factory: pytest.TempPathFactory, base: Path, snapshot: Path) -> Any:
    folder = tmp_path_factory.mktemp("reward") / "run"
    config = {"max_length": 64, "max_steps": 60, "batch_size": 8, "learning_rate": 3e-3}
    return attempt(create(folder, "reward", {"model": base, "dataset": snapshot}, config))


@pytest.fixture(scope="module")
def inputs(base: Path, snapshot: Path, reward_run: Any) -> dict[str, Path]:
    return {"model": base, "reward": reward_run.out, "prompts": snapshot}


@pytest.fixture(scope="module")
def untouched(inputs: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return attempt(create(tmp_path_factory.mktemp("untouched") / "run", "ppo", inputs, SHORT))


@pytest.fixture(scope="module")
def stopped(inputs: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What was left of a run that was stopped at once."""
    folder = create(tmp_path_factory.mktemp("stopped") / "run", "ppo", inputs, SHORT)
    stop_at_once(folder)
    return attempt(folder)


# It learns ------------------------------------------------------------------------------------------------------------------


def test_the_reward_rises_on_prompts_that_were_never_answered_in_training(trained: Any, inputs: Any):
    config = SHORT | {"updates": 40, "rollout_size": 32, "minibatch_size": 16, "batch_size": 32, "max_new_tokens": 12}
    # A guard is right to mind: in this world the shortest answers are paid best.
    rates = {"learning_rate": 3e-3, "value_learning_rate": 3e-3, "critic_warmup": 4, "length_drift": None}
    ended = trained("ppo", inputs, config | rates | {"held_out": 24})
    assert ended.state == "succeeded"
    assert ended.figures["reward_end"] > ended.figures["reward_start"] + 0.5
    assert 0 < ended.figures["kl"] < 50
    for name in ("reward", "kl", "entropy", "approx_kl", "clip_fraction", "value_loss", "policy_loss", "length", "eos_rate"):
        assert len(ended.curve(name)) == 40, name
    assert ended.curve("valid_reward")[0] == ended.figures["reward_start"]
    assert ended.curve("valid_reward")[-1] == ended.figures["reward_end"]


def test_before_the_first_update_the_policy_is_its_reference(untouched: Any):
    assert untouched.curve("valid_kl")[0] == pytest.approx(0.0, abs=1e-5)


def test_while_the_critic_warms_up_the_policy_rests(trained: Any, inputs: Any):
    ended = trained("ppo", inputs, SHORT | {"critic_warmup": 6})
    before = (inputs["model"] / "model.safetensors").read_bytes()
    assert ended.weights == before
    assert ended.curve("gradient_norm") == [0.0] * 6
    assert min(ended.curve("value_gradient_norm")) > 0


def test_an_update_ends_early_when_the_policy_has_moved_far_enough(trained: Any, inputs: Any):
    ended = trained("ppo", inputs, SHORT | {"critic_warmup": 0, "approx_kl_stop": 1e-9})
    assert max(ended.curve("steps")) == 2


# It is paid -----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, snapshot: Path) -> Path:
    """The prompts of the snapshot, each with an answer by rule: at least two and at most three words."""
    folder = tmp_path_factory.mktemp("asked")
    prompts = [{**row, "metadata": {"min_words": 2, "max_words": 3}} for row in frozen.read_prompts(snapshot)]
    frozen.write(folder, prompts, [])
    return folder


def test_a_rule_is_learned_without_a_reward_model(trained: Any, base: Path, asked: Path):
    sizes = {"updates": 30, "rollout_size": 32, "minibatch_size": 16, "batch_size": 32, "max_new_tokens": 12, "critic_warmup": 2}
    rates = {"learning_rate": 3e-3, "value_learning_rate": 3e-3, "held_out": 24, "rewards": "length:1"}
    ended = trained("ppo", {"model": base, "prompts": asked}, SHORT | sizes | rates)
    assert ended.state == "succeeded"
    assert ended.figures["reward_end"] > ended.figures["reward_start"] + 0.3
    assert ended.curve("valid_reward_length")[-1] > ended.curve("valid_reward_length")[0]


def test_each_part_of_a_weighted_sum_is_a_curve(trained: Any, inputs: Any, asked: Path):
    ended = trained("ppo", inputs | {"prompts": asked}, SHORT | {"rewards": "model:1 length:0.5", "updates": 2})
    assert {name: len(ended.curve(name)) for name in ("reward", "reward_model", "reward_length")} == {
        "reward": 2,
        "reward_model": 2,
        "reward_length": 2,
    }


def test_an_answer_is_paid_the_weighted_sum_unless_it_did_not_end(nets: Any, rows: list[Any]):
    from training import ppo_rewards

    for row in rows:
        row.asked.metadata["max_words"] = 3
    pay, parts = ppo_rewards.paid(
        nets.tokenizer, rows, {"model": 1.0, "length": 0.5}, model=torch.tensor([0.25, 2.0, 9.0]), unended=-1.0
    )
    assert pay.tolist() == [0.75, 2.0, -1.0]  # one word; six, twice as many as allowed; no end
    assert parts == {"reward_model": 3.75, "reward_length": pytest.approx(2 / 3)}


@pytest.mark.parametrize(
    ("config", "given", "told"),
    [
        ({"rewards": "model:1"}, ("model", "prompts"), "ValueError: rewards names model: give a reward checkpoint as input reward"),
        (
            {"rewards": "length:1"},
            ("model", "prompts", "reward"),
            "ValueError: a reward checkpoint was given that rewards='length:1'",
        ),
        ({"rewards": "length:1"}, ("model", "prompts"), "ValueError: prompt 0: reward length: metadata.min_words or "),
        ({"rewards": "longth:1"}, ("model", "prompts"), "ConfigError: rewards: no reward 'longth'; there are: model, exact, "),
    ],
)
def test_rewards_that_cannot_be_paid_are_refused(config: Any, given: Any, told: str, trained: Any, inputs: Any):
    assert trained("ppo", {name: inputs[name] for name in given}, SHORT | config).end["reason"].startswith(told)


# People are asked -----------------------------------------------------------------------------------------------------------


def test_at_chosen_distances_people_are_asked_and_training_goes_on_as_if_nobody_had_been(inputs: Any, trained: Any):
    config = SHORT | {"critic_warmup": 0, "audit_prompts": 3, "kl_cap": None}
    ended = trained("ppo", inputs | {"gold": inputs["reward"]}, config | {"audit_at": "0.1 50"})
    (event,) = [event for event in ended.events if event["kind"] == "audit"]
    rows = [json.loads(line) for line in (ended.folder / event["file"]).read_text().splitlines()]
    assert (event["distance"], event["rows"], len(rows)) == (0.1, 3, 3)
    for row in rows:
        assert sorted(row) == [
            "gold_policy",
            "gold_reference",
            "policy",
            "prompt_id",
            "reference",
            "score_policy",
            "score_reference",
        ]
        assert row["policy"][0]["role"] == row["reference"][0]["role"] == "assistant"
    assert trained("ppo", inputs, config | {"audit_at": ""}, name="unasked").weights == ended.weights


# It goes on exactly ---------------------------------------------------------------------------------------------------------


def test_a_stopped_run_goes_on_as_if_nothing_had_happened(stopped: Any, untouched: Any, tmp_path: Path):
    assert (stopped.code, stopped.end["reason"]) == (0, "stopped at update 1 of 6; saved")
    assert not stopped.out.exists()
    again = attempt(shutil.copytree(stopped.folder, tmp_path / "run"), number=2)
    assert again.weights == untouched.weights
    assert again.figures == untouched.figures


def test_a_killed_run_goes_on_as_if_nothing_had_happened(inputs: Any, untouched: Any, tmp_path: Path):
    folder = create(tmp_path / "run", "ppo", inputs, SHORT)
    process = forked(folder)
    while not (folder / "checkpoints" / "step-2").exists():
        assert process.is_alive(), "the run ended before it could be killed"
        time.sleep(0.002)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    again = attempt(folder, number=2)
    assert again.weights == untouched.weights
    assert again.figures == untouched.figures


@pytest.mark.parametrize("missing", ["rng_state.pth", "state.pt", "policy", "value", "segment.json"])
def test_a_checkpoint_that_lacks_anything_is_refused(missing: str, stopped: Any, tmp_path: Path):
    folder = shutil.copytree(stopped.folder, tmp_path / "run")
    gone = folder / "checkpoints" / "step-1" / missing
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    again = attempt(folder, number=2)
    assert again.state == "failed"
    assert again.end["reason"].startswith("NoWholeCheckpoint: step-1 lacks ")
    assert missing in again.end["reason"]


def test_a_damaged_checkpoint_is_refused_by_name_and_the_one_before_it_used(stopped: Any, untouched: Any, tmp_path: Path):
    folder = shutil.copytree(stopped.folder, tmp_path / "run")
    stop_at_once(folder, 2)
    attempt(folder, 2)
    state = folder / "checkpoints" / "step-2" / "state.pt"
    state.write_bytes(state.read_bytes()[:-100])
    again = attempt(folder, number=3)
    assert "step-2 has a damaged state.pt: refused, going on from step-1" in again.messages()
    assert again.weights == untouched.weights
    assert again.figures == untouched.figures


# It refuses -----------------------------------------------------------------------------------------------------------------


def test_a_policy_that_leaves_its_reference_too_far_ends_the_run_with_the_reason(trained: Any, inputs: Any):
    ended = trained("ppo", inputs, SHORT | {"learning_rate": 0.05, "kl_cap": 0.1, "save_every": 1, "critic_warmup": 2})
    assert (ended.code, ended.state) == (0, "stopped")
    assert ended.end["reason"].startswith("guard kl_cap: KL is ")
    last = int(ended.end["reason"].partition("above 0.1; last good checkpoint: step-")[2].partition(".")[0])
    assert (ended.folder / "checkpoints" / f"step-{last}").is_dir()
    assert ended.curve("kl")[-1] > 0.1 >= max(ended.curve("kl")[:-1])
    assert len(ended.curve("kl")) == last + 2, "the checkpoint before the one whose policy went too far"
    assert not ended.out.exists()


def test_a_reward_model_with_another_tokenizer_is_refused(trained: Any, inputs: Any, tmp_path: Path):
    other = tmp_path / "other"
    shutil.copytree(inputs["reward"], other)
    tokenizer = json.loads((other / "tokenizer.json").read_text())
    tokenizer["added_tokens"].append({**tokenizer["added_tokens"][0], "id": 300, "content": "<|new|>"})
    (other / "tokenizer.json").write_text(json.dumps(tokenizer))
    ended = trained("ppo", inputs | {"reward": other}, SHORT)
    assert ended.end["reason"].startswith("ValueError: model and reward do not share a tokenizer")


def test_a_reward_model_without_its_scale_is_refused(trained: Any, inputs: Any, tmp_path: Path):
    other = tmp_path / "other"
    shutil.copytree(inputs["reward"], other)
    (other / "reward.json").unlink()
    assert "PPO needs the mean and spread of the scores" in trained("ppo", inputs | {"reward": other}, SHORT).end["reason"]


# What the networks say ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def nets(inputs: Any) -> Any:
    from training import ppo_networks

    return ppo_networks.load(inputs["model"], inputs["reward"])


def answered(nets: Any, question: str, content: str, *, ended: bool = True) -> Any:
    from training import text
    from training.ppo_generate import Answered, Asked

    asked = Asked(1, user(question), [], text.encode_prompt(nets.tokenizer, user(question)))
    ids = nets.tokenizer.encode(content, add_special_tokens=False)
    return Answered(asked, [*ids, nets.tokenizer.eos_token_id] if ended else ids, ended)


@pytest.fixture
def rows(nets: Any) -> list[Any]:
    return [
        answered(nets, "say sun", "sun"),
        answered(nets, "say a very long thing, river stone bird fish", "river stone bird fish wind rain"),
        answered(nets, "say moon tree", "moon tree river", ended=False),
    ]


def test_log_probabilities_and_values_of_a_padded_batch_are_those_of_each_row_alone(nets: Any, rows: list[Any]):
    from training import ppo_forward as forward

    with torch.no_grad():
        together = forward.pack(rows, nets.tokenizer.pad_token_id, nets.device)
        logprobs, values = forward.logprobs(nets, nets.policy, together, 0.7), forward.values(nets, together)
        for place, row in enumerate(rows):
            prompt, ids = row.asked.ids, torch.tensor([[*row.asked.ids, *row.ids]])
            logits = nets.policy(input_ids=ids).logits[0, len(prompt) - 1 : -1] / 0.7
            alone = logits.log_softmax(-1).gather(-1, torch.tensor(row.ids)[:, None])[:, 0]
            hidden = nets.value.base_model(input_ids=ids).last_hidden_state[0, len(prompt) - 1 : -1]
            critic = (nets.value.score(hidden)[:, 0] - nets.mean) / nets.std
            torch.testing.assert_close(logprobs[place][together.mask[place]], alone, atol=1e-5, rtol=0)
            torch.testing.assert_close(values[place][together.mask[place]], critic, atol=1e-5, rtol=0)


def test_the_mask_covers_the_answers_tokens_and_no_prompt_or_padding(nets: Any, rows: list[Any]):
    from training import ppo_forward as forward

    batch = forward.pack(rows, nets.tokenizer.pad_token_id, nets.device)
    for place, row in enumerate(rows):
        assert batch.tokens[place][batch.mask[place]].tolist() == row.ids


def test_an_answer_is_scored_as_the_reward_model_was_trained(nets: Any, rows: list[Any]):
    from training import ppo_forward as forward
    from training import text

    scores = forward.scores(nets, rows, at_once=2)
    for place, row in enumerate(rows):
        chat = [*row.asked.messages, {"role": "assistant", "content": text.decode_answer(nets.tokenizer, row.ids)}]
        ids = torch.tensor([text.encode_chat(nets.tokenizer, chat).input_ids])
        assert scores[place].item() == pytest.approx(nets.reward(input_ids=ids).logits.item(), abs=1e-5)


def test_the_gradient_of_a_step_does_not_depend_on_how_many_rows_fit_in_memory(nets: Any, rows: list[Any], inputs: Any):
    from training import ppo_math, ppo_networks
    from training.ppo_learner import Learner
    from training.ppo_rollout import gather
    from training.recipes.ppo import Config

    gradients = []
    for size in (1, 2, 3):
        config = Config(batch_size=size, critic_warmup=0, max_new_tokens=8, max_grad_norm=1e9)
        fresh = ppo_networks.load(inputs["model"], inputs["reward"])
        torch.manual_seed(0)
        experience = gather(Config(batch_size=3, max_new_tokens=8), fresh, [row.asked for row in rows])
        advantages = ppo_math.whiten(
            torch.arange(experience.logprobs.numel()).view_as(experience.logprobs).float(), experience.batch.mask
        )
        Learner(fresh, config).policy_gradient(experience, advantages, torch.arange(3))
        gradients.append(torch.cat([parameter.grad.flatten() for parameter in fresh.policy.parameters()]))
    torch.testing.assert_close(gradients[0], gradients[2], atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(gradients[1], gradients[2], atol=1e-6, rtol=1e-4)


def test_every_prompt_comes_once_before_any_comes_twice():
    from training.recipes.ppo import following

    prompts: list[Any] = list(range(10))
    first, second = following(prompts, 0, 10, seed=1), following(prompts, 10, 10, seed=1)
    assert sorted(first) == sorted(second) == prompts
    assert first != second
    assert following(prompts, 7, 6, seed=1) == [*first[7:], *second[:3]]
