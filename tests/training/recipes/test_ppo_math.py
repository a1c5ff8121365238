"""PPO's mathematics against sums by hand and closed forms."""

from __future__ import annotations

import math

import pytest
import torch

from training import ppo_math
from training.ppo_math import KLController

pytestmark = pytest.mark.heavy


def close(found: torch.Tensor, expected: object) -> None:
    torch.testing.assert_close(found, torch.as_tensor(expected, dtype=found.dtype), atol=1e-6, rtol=1e-5)


def mask(*rows: str) -> torch.Tensor:
    return torch.tensor([[mark == "x" for mark in row] for row in rows])


# Log-probabilities ----------------------------------------------------------------------------------------------------------


def test_log_probabilities_are_those_of_the_softmax_at_the_temperature():
    logits = torch.tensor([[[0.0, math.log(3.0)], [math.log(4.0), 0.0]]])
    close(ppo_math.token_logprobs(logits, torch.tensor([[1, 0]]), 1.0), [[math.log(3 / 4), math.log(4 / 5)]])
    close(ppo_math.token_logprobs(logits, torch.tensor([[1, 0]]), 0.5), [[math.log(9 / 10), math.log(16 / 17)]])


def test_their_gradient_is_what_was_chosen_less_what_was_likely():
    torch.manual_seed(0)
    logits, tokens, weights = torch.randn(5, 7, requires_grad=True), torch.randint(7, (5,)), torch.randn(5)
    (ppo_math.token_logprobs(logits, tokens, 0.7) * weights).sum().backward()
    chosen, likely = torch.nn.functional.one_hot(tokens, 7), (logits.detach() / 0.7).softmax(-1)
    close(logits.grad, (chosen - likely) * weights[:, None] / 0.7)


# Rewards --------------------------------------------------------------------------------------------------------------------


def test_the_score_stands_on_the_last_token_of_an_answer_and_the_kl_on_each():
    answers = mask(".xx.", "..xx", ".x..")
    new, reference = torch.full((3, 4), -1.0), torch.tensor([[-1.5, -3.0, -1.0, -9.0]] * 3)
    rewards = ppo_math.token_rewards(torch.tensor([10.0, 20.0, 30.0]), new, reference, answers, kl_coef=0.1)
    close(rewards, [[0, -0.2, 10, 0], [0, 0, 0, 20 - 0.8], [0, 30 - 0.2, 0, 0]])


def test_scores_are_normalised_and_clipped_and_an_answer_without_end_has_a_reward_of_its_own():
    raw = torch.tensor([5.0, 1.0, 1000.0, -1000.0, 1000.0])
    ended = torch.tensor([True, True, True, True, False])
    scores = ppo_math.normalised(raw, mean=3.0, std=2.0, clip=10.0)
    close(scores, [1, -1, 10, -10, 10])
    close(ppo_math.or_unended(scores, ended, unended=-1.0), [1, -1, 10, -10, -1])


# Advantages -----------------------------------------------------------------------------------------------------------------


def direct_advantage(rewards: list[float], values: list[float], t: int, gamma: float, lam: float) -> float:
    """Schulman et al. 2016, eq. 16, as the sum it is; the state after the end is worth 0."""
    after = [*values[1:], 0.0]
    deltas = [r + gamma * v1 - v for r, v, v1 in zip(rewards, values, after, strict=True)]
    return sum((gamma * lam) ** k * delta for k, delta in enumerate(deltas[t:]))


@pytest.mark.parametrize(("gamma", "lam"), [(1.0, 0.95), (0.9, 0.5), (1.0, 1.0), (1.0, 0.0)])
def test_advantages_are_the_direct_sum_wherever_the_answer_stands_in_its_row(gamma: float, lam: float):
    torch.manual_seed(0)
    rewards, values, answers = torch.randn(3, 6), torch.randn(3, 6), mask("xxxxxx", ".xxx..", "...xxx")
    found, returns = ppo_math.gae(rewards * answers, values, answers, gamma, lam)
    for row, span in enumerate((range(6), range(1, 4), range(3, 6))):
        inside = [rewards[row, t].item() for t in span], [values[row, t].item() for t in span]
        expected = torch.zeros(6)
        expected[span.start : span.stop] = torch.tensor([direct_advantage(*inside, t, gamma, lam) for t in range(len(span))])
        close(found[row], expected)
        close(returns[row], expected + values[row] * answers[row])


def test_with_lambda_one_a_return_is_the_sum_of_what_is_still_to_come():
    rewards = torch.tensor([[1.0, 2.0, 4.0]])
    _, returns = ppo_math.gae(rewards, torch.randn(1, 3), mask("xxx"), gamma=1.0, lam=1.0)
    close(returns, [[7, 6, 4]])


def test_whitened_advantages_have_mean_0_and_variance_1_over_the_answers_only():
    torch.manual_seed(0)
    answers = mask("xx..", "xxx.")
    white = ppo_math.whiten(torch.randn(2, 4) * 7 + 3, answers)
    close(white[answers].mean(), 0.0)
    close(white[answers].var(unbiased=False), 1.0)
    close(white[~answers], [0.0] * 3)


# Losses ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss", "slope"),
    [
        (1.0, 1.0, -1.0, -1.0),
        (1.1, 1.0, -1.1, -1.1),
        (1.3, 1.0, -1.2, 0.0),  # already likelier than the clip: no push further
        (0.7, 1.0, -0.7, -0.7),
        (0.7, -1.0, 0.8, 0.0),  # already rarer than the clip: no push further
        (1.3, -1.0, 1.3, 1.3),  # a bad token that got likelier is always pushed back
    ],
)
def test_the_clipped_loss_and_its_gradient(ratio: float, advantage: float, loss: float, slope: float):
    new = torch.tensor(math.log(ratio), requires_grad=True)
    found = ppo_math.policy_loss(new, torch.tensor(0.0), torch.tensor(advantage), clip=0.2)
    found.backward()
    close(found.detach(), loss)
    close(new.grad, slope)


def test_a_wild_ratio_stays_finite():
    assert torch.isfinite(ppo_math.policy_loss(torch.tensor(500.0), torch.tensor(-500.0), torch.tensor(-1.0), 0.2))


@pytest.mark.parametrize(
    ("new", "loss", "slope"),
    [
        (1.1, 0.5 * 0.9**2, -0.9),
        (1.5, 0.5 * 0.8**2, 0.0),  # moved further than the clip towards the return: no push further
        (0.5, 0.5 * 1.5**2, -1.5),  # moved away from it: pushed back
    ],
)
def test_the_clipped_value_loss_and_its_gradient(new: float, loss: float, slope: float):
    value = torch.tensor(new, requires_grad=True)
    found = ppo_math.value_loss(value, old=torch.tensor(1.0), returns=torch.tensor(2.0), clip=0.2)
    found.backward()
    close(found.detach(), loss)
    close(value.grad, slope)


def test_the_approximate_kl_is_never_negative_and_tends_to_the_true_one():
    torch.manual_seed(0)
    old, new = torch.randn(5).log_softmax(-1), torch.randn(5).log_softmax(-1)
    drawn = torch.multinomial(old.exp(), 200_000, replacement=True)
    estimates = ppo_math.approximate_kl(new[drawn], old[drawn])
    assert estimates.min() >= 0
    assert estimates.mean().item() == pytest.approx((old.exp() * (old - new)).sum().item(), rel=0.02)


# The price of KL ------------------------------------------------------------------------------------------------------------


def test_without_a_target_the_price_of_kl_never_moves():
    controller = KLController(0.05)
    controller.update(kl=100.0, answers=1000)
    assert controller.coef == 0.05


@pytest.mark.parametrize(("kl", "factor"), [(6.0, 1.0), (6.6, 1.01), (60.0, 1.02), (0.0, 0.98)])
def test_the_price_follows_its_target_a_fifth_of_a_step_at_most(kl: float, factor: float):
    controller = KLController(0.05, target=6.0, horizon=10_000)
    controller.update(kl=kl, answers=1000)
    assert controller.coef == pytest.approx(0.05 * factor)
