"""PPO's engine against plain computations: decoding, grouping, gradients without whole logits, adapters, several processes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.recipes.conftest import attempt, create, joined, ranks, stop_at_once, user

pytestmark = pytest.mark.heavy

QUESTIONS = ["say sun", "say a very long thing, river stone bird fish wind rain", "say moon tree", "say snow", "say fish bird sun"]
SHORT = {
    "updates": 3,
    "rollout_size": 8,
    "minibatch_size": 4,
    "batch_size": 4,
    "max_new_tokens": 6,
    "learning_rate": 1e-3,
    "value_learning_rate": 1e-3,
    "critic_warmup": 1,
    "held_out": 8,
}


@pytest.fixture(scope="module")
def inputs(base: Path, snapshot: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reward") / "run"
    config = {"max_length": 64, "max_steps": 20, "batch_size": 8, "learning_rate": 3e-3}
    reward = attempt(create(folder, "reward", {"model": base, "dataset": snapshot}, config)).out
    return {"model": base, "reward": reward, "prompts": snapshot}


@pytest.fixture
def nets(inputs: Any) -> Any:
    from training import ppo_networks

    return ppo_networks.load(inputs["model"], inputs["reward"])


def asked(nets: Any, questions: list[str]) -> list[Any]:
    from training import text
    from training.ppo_generate import Asked

    return [Asked(place, user(said), [], text.encode_prompt(nets.tokenizer, user(said))) for place, said in enumerate(questions)]


def answered(nets: Any, seeds: list[int], questions: list[str] = QUESTIONS, temperature: float = 0.7) -> list[Any]:
    from training.ppo_generate import answers

    return answers(nets, asked(nets, questions), seeds, temperature=temperature, most=80, at_once=8)


# Decoding -------------------------------------------------------------------------------------------------------------------


def test_tokens_are_drawn_as_often_as_they_are_likely():
    from training.ppo_generate import drawn

    logits, draws = torch.tensor([[1.0, -2.0, 0.5, -30.0, 2.0]]).expand(10_000, 5), (torch.arange(10_000) + 0.5) / 10_000
    tokens, logprobs, entropies = drawn(logits, draws, 0.7)
    chances = (logits[0] / 0.7).softmax(-1)
    torch.testing.assert_close(torch.bincount(tokens, minlength=5) / 10_000, chances, atol=1e-4, rtol=0)
    torch.testing.assert_close(logprobs, chances.log()[tokens])
    assert entropies[0].item() == pytest.approx(-sum(p * math.log(p) for p in chances.tolist()), abs=1e-5)


def test_log_probabilities_kept_while_decoding_are_those_of_a_forward_over_the_whole_answer(nets: Any):
    rows = answered(nets, [1, 2, 3, 4, 5])
    assert len({len(row.ids) for row in rows}) > 1, "rows that end apart are wanted here"
    for row in rows:
        logits = nets.policy(input_ids=torch.tensor([[*row.asked.ids, *row.ids]])).logits[0, len(row.asked.ids) - 1 : -1] / 0.7
        whole = logits.log_softmax(-1).gather(-1, torch.tensor(row.ids)[:, None])[:, 0]
        torch.testing.assert_close(torch.tensor(row.logprobs), whole.detach(), atol=1e-4, rtol=0)
        assert row.ended == (row.ids[-1] == nets.tokenizer.eos_token_id)
        assert nets.tokenizer.eos_token_id not in row.ids[:-1]


def test_what_a_row_draws_does_not_depend_on_its_neighbours(nets: Any):
    together = answered(nets, [1, 2, 3, 4, 5])
    alone = [answered(nets, [seed], [question])[0] for seed, question in zip([1, 2, 3, 4, 5], QUESTIONS, strict=True)]
    assert [row.ids for row in together] == [row.ids for row in alone]
    assert answered(nets, [6, 7, 8, 9, 10])[0].ids != together[0].ids


# Grouping -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lengths", "sizes"), [([], []), ([5, 3, 2], [2, 1]), ([9, 1, 4, 4], [1, 3]), ([4, 4, 4, 4], [2, 2]), ([8, 8], [1, 1])]
)
def test_groups_of_rows_keep_to_the_budget_where_a_row_does(lengths: list[int], sizes: list[int]):
    from training.ppo_forward import groups

    assert groups(lengths, 9 if 9 in lengths else 8) == sizes


# Gradients ------------------------------------------------------------------------------------------------------------------


def gradient(network: Any) -> torch.Tensor:
    return torch.cat([parameter.grad.flatten() for parameter in network.parameters() if parameter.grad is not None])


def experienced(nets: Any) -> tuple[Any, torch.Tensor]:
    """A rollout, and an advantage for each of its tokens."""
    from training import ppo_rollout
    from training.recipes.ppo import Config

    torch.manual_seed(0)
    experience = ppo_rollout.gather(Config(temperature=0.7, max_new_tokens=20, batch_size=3), nets, asked(nets, QUESTIONS))
    experience.logprobs += 0.3 * torch.randn_like(experience.logprobs) * experience.batch.mask
    return experience, torch.randn_like(experience.logprobs) * experience.batch.mask


def learner(nets: Any, **config: Any) -> Any:
    from training.ppo_learner import Learner
    from training.recipes.ppo import Config

    return Learner(nets, Config(critic_warmup=0, temperature=0.7, **config))


def test_the_policys_gradient_is_that_of_whole_logits_row_by_row(nets: Any, monkeypatch: pytest.MonkeyPatch):
    from training import ppo_forward, ppo_math

    monkeypatch.setitem(ppo_forward.TOKENS_AT_ONCE, "cpu", 7)
    experience, advantages = experienced(nets)
    told = learner(nets, batch_size=2).policy_gradient(experience, advantages, torch.arange(len(QUESTIONS)))
    found = gradient(nets.policy)
    nets.policy.zero_grad()
    total = torch.zeros(())
    for place, row in enumerate(experience.answered):
        logits = nets.policy(input_ids=torch.tensor([[*row.asked.ids, *row.ids]])).logits[0, len(row.asked.ids) - 1 : -1] / 0.7
        new = logits.log_softmax(-1).gather(-1, torch.tensor(row.ids)[:, None])[:, 0]
        count = len(row.ids)
        total = total + ppo_math.policy_loss(new, experience.logprobs[place, :count], advantages[place, :count], 0.2).sum()
    loss = total / sum(len(row.ids) for row in experience.answered)
    loss.backward()
    assert told["policy_loss"] == pytest.approx(loss.item(), abs=1e-6)
    torch.testing.assert_close(found, gradient(nets.policy), atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("role", ["policy", "value"])
def test_layers_computed_twice_give_the_same_gradient(role: str, nets: Any):
    experience, advantages = experienced(nets)
    found = []
    for wanted in (False, True):
        learning = learner(nets, gradient_checkpointing=wanted)
        (learning.policy_gradient if role == "policy" else learning.value_gradient)(experience, advantages, torch.arange(5))
        found.append(gradient(getattr(nets, role)))
        getattr(nets, role).zero_grad()
    torch.testing.assert_close(found[0], found[1], atol=1e-7, rtol=1e-5)
    assert not nets.policy.training


def test_a_model_in_training_mode_drops_nothing_out():
    from transformers import LlamaConfig, LlamaForCausalLM

    from training import weights

    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 20}
    model, ids = weights.without_dropout(LlamaForCausalLM(LlamaConfig(**sizes, attention_dropout=0.5))), torch.tensor([[1, 2, 3]])
    torch.testing.assert_close(model.train()(input_ids=ids).logits, model.eval()(input_ids=ids).logits)


# Several processes ----------------------------------------------------------------------------------------------------------


def test_two_processes_learn_what_one_learns(inputs: Any, tmp_path: Path):
    two = create(tmp_path / "two", "ppo", inputs, SHORT, resources={"processes": 2})
    started = ranks(two)
    one = attempt(create(tmp_path / "one", "ppo", inputs, SHORT))
    both = joined(started, two)
    for name in ("reward", "kl", "length", "policy_loss", "value_loss", "gradient_norm", "value_gradient_norm", "valid_reward"):
        assert both.curve(name) == pytest.approx(one.curve(name), rel=1e-2, abs=1e-5), name


# Adapters -------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def adapted(inputs: Any) -> Any:
    from training import ppo_networks

    return ppo_networks.load(inputs["model"], inputs["reward"], lora_rank=4)


def stir(network: Any) -> None:
    """Adapters begin as nothing: gives them something to say."""
    torch.manual_seed(1)
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            parameter.data += 0.1 * torch.randn_like(parameter) * ("lora" in name)


def test_with_adapters_the_reference_and_the_reward_model_stay_what_they_were(adapted: Any, nets: Any):
    from training import ppo_forward

    stir(adapted.policy)
    stir(adapted.value)
    rows = answered(nets, [1, 2, 3, 4, 5])
    batch = ppo_forward.pack(rows, nets.tokenizer.pad_token_id, nets.device)
    whole = ppo_forward.logprobs(nets, nets.reference, batch, 1.0)
    torch.testing.assert_close(ppo_forward.logprobs(adapted, adapted.reference, batch, 1.0), whole)
    torch.testing.assert_close(ppo_forward.scores(adapted, rows, 4), ppo_forward.scores(nets, rows, 4))
    assert not torch.allclose(ppo_forward.logprobs(adapted, adapted.policy, batch, 1.0), whole, atol=1e-2)
    assert not torch.allclose(ppo_forward.values(adapted, batch), ppo_forward.values(nets, batch), atol=1e-2)


def test_a_critic_with_adapters_begins_as_the_reward_model(adapted: Any, nets: Any):
    from training import ppo_forward

    batch = ppo_forward.pack(answered(nets, [1, 2, 3, 4, 5]), nets.tokenizer.pad_token_id, nets.device)
    torch.testing.assert_close(ppo_forward.values(adapted, batch), ppo_forward.values(nets, batch))


def test_without_a_reward_model_one_trunk_serves_all(inputs: Any):
    from training import ppo_networks

    nets = ppo_networks.load(inputs["model"], None, lora_rank=4)
    trunks = [network.get_base_model().base_model for network in (nets.policy, nets.value)]
    frozen = [{name: weight for name, weight in trunk.named_parameters() if "lora" not in name} for trunk in trunks]
    assert frozen[0].keys() == frozen[1].keys()
    assert all(weight.data_ptr() == frozen[1][name].data_ptr() for name, weight in frozen[0].items())


def test_merged_adapters_speak_as_they_did_apart(adapted: Any, nets: Any, tmp_path: Path):
    from transformers import AutoModelForCausalLM

    from training import weights

    stir(adapted.policy)
    ids = torch.tensor([asked(nets, QUESTIONS)[1].ids])
    apart = adapted.policy(input_ids=ids).logits.detach()
    weights.merged(adapted.policy).save_pretrained(tmp_path)
    torch.testing.assert_close(AutoModelForCausalLM.from_pretrained(tmp_path)(input_ids=ids).logits, apart, atol=1e-4, rtol=1e-4)


def test_a_stopped_run_with_adapters_goes_on_as_if_nothing_had_happened(inputs: Any, tmp_path: Path):
    config = SHORT | {"lora_rank": 4}
    untouched = attempt(create(tmp_path / "untouched", "ppo", inputs, config))
    folder = create(tmp_path / "run", "ppo", inputs, config)
    stop_at_once(folder)
    attempt(folder)
    again = attempt(folder, number=2)
    assert untouched.state == "succeeded"
    assert again.weights == untouched.weights
    assert again.weights != (inputs["model"] / "model.safetensors").read_bytes()


def test_adapters_learn_what_the_reward_model_likes(trained: Any, inputs: Any):
    rates = {"learning_rate": 1e-2, "value_learning_rate": 1e-2, "lora_rank": 8, "critic_warmup": 3}
    sizes = {"updates": 25, "rollout_size": 32, "minibatch_size": 16, "batch_size": 32, "max_new_tokens": 12, "held_out": 24}
    ended = trained("ppo", inputs, SHORT | sizes | rates)
    assert ended.figures["reward_end"] > ended.figures["reward_start"] + 0.2
