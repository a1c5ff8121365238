"""Sampling from weights in bfloat16, as PPO does on a card: here on a CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.recipes.conftest import user

pytestmark = pytest.mark.heavy

QUESTIONS = ["say sun", "say a very long thing, river stone bird fish", "say moon tree", "say snow"]


@pytest.fixture(params=[0, 4], ids=["whole", "adapted"])
def nets(request: pytest.FixtureRequest, base: Path) -> Any:
    from training import ppo_networks

    return ppo_networks.load(base, None, lora_rank=request.param)


def answered(nets: Any) -> list[Any]:
    """Answers drawn from the policy while its weights are rounded."""
    from training import text
    from training.ppo_generate import Asked, answers
    from training.ppo_networks import opened, rounded

    prompts = [Asked(place, user(said), [], text.encode_prompt(nets.tokenizer, user(said))) for place, said in enumerate(QUESTIONS)]
    with opened(nets.policy) as model, rounded(model, torch.bfloat16):
        assert {weight.dtype for weight in model.parameters()} == {torch.bfloat16}
        return answers(nets, prompts, [1, 2, 3, 4], temperature=1.0, most=20, at_once=4)


def test_after_sampling_the_weights_are_what_they_were(nets: Any):
    before = {name: weight.detach().clone() for name, weight in nets.policy.named_parameters()}
    answered(nets)
    torch.testing.assert_close(dict(nets.policy.named_parameters()), before, atol=0, rtol=0)


def test_weights_are_what_they_were_even_where_sampling_fails(nets: Any):
    from training.ppo_networks import rounded

    with pytest.raises(ZeroDivisionError), rounded(nets.policy, torch.bfloat16):
        _ = 1 / 0
    assert {weight.dtype for weight in nets.policy.parameters()} == {torch.float32}


def test_what_was_drawn_has_nearly_the_chance_that_training_gives_it(nets: Any):
    from training import ppo_forward, ppo_rollout

    rows = answered(nets)
    batch = ppo_forward.pack(rows, nets.tokenizer.pad_token_id, nets.device)
    again = ppo_forward.logprobs(nets, nets.policy, batch, 1.0)
    gap = (again - ppo_rollout.drawn_with(rows, batch)).abs().max()
    assert 0 < gap < 0.1


def test_a_policy_that_was_sampled_from_learns_in_float32(nets: Any):
    from training import ppo_forward

    rows = answered(nets)
    batch = ppo_forward.pack(rows, nets.tokenizer.pad_token_id, nets.device)
    ppo_forward.backward_by_token(nets, nets.policy, batch, 1.0, lambda logprobs: -logprobs.mean())
    learning = [weight for weight in nets.policy.parameters() if weight.requires_grad]
    assert {weight.grad.dtype for weight in learning if weight.grad is not None} == {torch.float32}
