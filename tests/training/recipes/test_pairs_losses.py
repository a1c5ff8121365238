"""The losses on preferences, against numbers worked out apart from torch, and against what their papers say of their optima."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from training import pair_losses, pairs
from training.recipes import dpo, kto, orpo, simpo

pytestmark = pytest.mark.heavy

# Two answers as log-probabilities of the policy and of the reference, and their lengths in tokens.
CHOSEN, REJECTED = -4.0, -6.5
REFERENCE = (-5.0, -5.5)
LENGTHS = (4, 5)


def sigma(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def batch(**said: float) -> pairs.Batch:
    """One pair, as the recipes have it."""
    answer = torch.zeros(2, 8)
    for row, length in enumerate(LENGTHS):
        answer[row, 2 : 2 + length] = 1
    told = {"probability": 1.0, "margin": 0.0, "weight": 1.0, **said}
    return {"answer": answer, "reference": torch.tensor(REFERENCE), **{name: torch.tensor([value]) for name, value in told.items()}}


def loss_of(recipe: Any, config: dict[str, Any], **said: float) -> float:
    return recipe.verdict(recipe.Config(**config), torch.tensor([CHOSEN, REJECTED]), batch(**said)).losses.item()


# log π/π_ref: chosen 1, rejected −1; their difference 2. With β = 0.3 the margin is 0.6.
WORKED_OUT = [
    ({"loss": "sigmoid"}, {}, -math.log(sigma(0.6))),
    ({"loss": "ipo"}, {}, (2 - 1 / 0.6) ** 2),
    ({"loss": "hinge"}, {}, 1 - 0.6),
    ({"loss": "sigmoid", "label_smoothing": 0.1}, {}, -0.9 * math.log(sigma(0.6)) - 0.1 * math.log(sigma(-0.6))),
    ({"loss": "robust", "label_smoothing": 0.1}, {}, (-0.9 * math.log(sigma(0.6)) + 0.1 * math.log(sigma(-0.6))) / 0.8),
    ({"loss": "sigmoid", "sft_coef": 0.5}, {}, -math.log(sigma(0.6)) + 0.5 * 4.0 / 4),
    ({"loss": "sigmoid", "margin_coef": 0.2}, {"margin": 2.0}, -math.log(sigma(0.6 - 0.4))),
    ({"loss": "hinge", "margin_coef": 0.2}, {"margin": 2.0}, 1 + 0.4 - 0.6),
    ({"loss": "sigmoid"}, {"probability": 0.7}, -0.7 * math.log(sigma(0.6)) - 0.3 * math.log(sigma(-0.6))),
    ({"loss": "ipo"}, {"probability": 0.7}, 0.7 * (2 - 1 / 0.6) ** 2 + 0.3 * (-2 - 1 / 0.6) ** 2),
]


@pytest.mark.parametrize(("config", "said", "expected"), WORKED_OUT)
def test_dpos_losses_are_those_of_their_papers(config: dict[str, Any], said: dict[str, float], expected: float) -> None:
    assert loss_of(dpo, {"beta": 0.3, **config}, **said) == pytest.approx(expected, rel=1e-5)


def test_orpo_is_the_nll_and_the_odds_ratio_of_mean_log_probabilities() -> None:
    better, worse = math.exp(-4 / 4), math.exp(-6.5 / 5)
    ratio = (better / (1 - better)) / (worse / (1 - worse))
    assert loss_of(orpo, {"odds_coef": 0.25}) == pytest.approx(4 / 4 - 0.25 * math.log(sigma(math.log(ratio))), rel=1e-5)


def test_simpo_is_the_margin_of_mean_log_probabilities_less_gamma() -> None:
    margin = 2 * (-4 / 4) - 2 * (-6.5 / 5) - 2 * 0.25
    assert loss_of(simpo, {"beta": 2.0, "gamma_ratio": 0.25}) == pytest.approx(-math.log(sigma(margin)), rel=1e-5)


def test_kto_weighs_gains_and_losses_from_its_reference_point() -> None:
    ratio, kl = torch.tensor([1.0, -0.5]), torch.tensor(0.25)
    found = pair_losses.kto(ratio, kl, torch.tensor([True, False]), 0.4, (1.5, 0.5))
    assert found.tolist() == pytest.approx([1.5 * (1 - sigma(0.4 * 0.75)), 0.5 * (1 - sigma(0.4 * 0.75))], rel=1e-5)
    assert pair_losses.reference_point(torch.tensor(-3.0), torch.tensor(2.0)) == 0
    assert pair_losses.reference_point(torch.tensor(3.0), torch.tensor(2.0)) == 1.5


@pytest.mark.parametrize("recipe", [dpo, orpo, simpo])
def test_a_step_down_the_loss_makes_the_chosen_answer_likelier_than_the_rejected(recipe: Any) -> None:
    logprobs = torch.tensor([CHOSEN, REJECTED], requires_grad=True)
    recipe.verdict(recipe.Config(), logprobs, batch()).losses.sum().backward()
    chosen, rejected = logprobs.grad.tolist()
    assert chosen < 0 < rejected


def test_a_step_down_ktos_loss_moves_each_kind_its_way_and_never_through_the_reference_point() -> None:
    ratio, kl = torch.tensor([0.3, 0.3], requires_grad=True), torch.tensor(0.1)
    pair_losses.kto(ratio, kl, torch.tensor([True, False]), 0.1, (1.0, 1.0)).sum().backward()
    assert ratio.grad[0] < 0 < ratio.grad[1]


def test_likely_answers_have_finite_odds_and_gradients() -> None:
    logprob = torch.tensor([0.0, -1e-9, -1e-3, -50.0], requires_grad=True)
    odds = pair_losses.log_odds(logprob)
    odds.sum().backward()
    assert odds.isfinite().all()
    assert logprob.grad.isfinite().all()
    assert odds[2].item() == pytest.approx(math.log(math.exp(-1e-3) / (1 - math.exp(-1e-3))), rel=1e-4)


# Optima ---------------------------------------------------------------------------------------------------------------------


def optimum(config: dict[str, Any], probability: float) -> float:
    """log π/π_ref of chosen less rejected where the loss of one pair is least, found by looking everywhere."""
    made = dpo.Config(**config)
    differences = torch.linspace(-30, 30, 60_001)
    probabilities = torch.full_like(differences, probability)
    losses = pair_losses.expected(dpo.pairwise(made, torch.zeros(1)), differences, torch.zeros_like(differences), probabilities)
    return differences[losses.argmin()].item()


def test_ipo_ends_at_its_margin_and_goes_no_further() -> None:
    assert optimum({"loss": "ipo", "beta": 0.1}, 1.0) == pytest.approx(5, abs=0.01)  # 1/(2β)
    assert optimum({"loss": "ipo", "beta": 0.1}, 0.75) == pytest.approx(2.5, abs=0.01)  # (2p − 1)/(2β)


def test_soft_labels_end_at_their_own_log_odds() -> None:
    # Bradley–Terry: β times the difference is log p/(1 − p), so an uncertain label cannot be learned by heart.
    assert optimum({"beta": 0.5}, 0.8) == pytest.approx(math.log(4) / 0.5, abs=0.01)


def test_ipos_margin_is_reached_by_training_on_one_pair() -> None:
    logits = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.05)
    reference = torch.full((2,), 0.5).log()
    for _ in range(600):
        optimizer.zero_grad()
        ratios = logits.log_softmax(0) - reference
        pair_losses.ipo(ratios[0], ratios[1], beta=0.25).backward()
        optimizer.step()
    assert (logits[0] - logits[1]).item() == pytest.approx(2, abs=1e-3)


def test_the_robust_loss_under_flipped_labels_is_on_average_the_loss_under_true_ones() -> None:
    better, worse = torch.tensor([1.3, -0.2]), torch.tensor([0.4, 0.9])

    def robust(one: Any, other: Any) -> Any:
        return pair_losses.robust(one, other, 0.3, 0.2)

    flipped = pair_losses.expected(robust, better, worse, torch.tensor(0.8))
    assert flipped.tolist() == pytest.approx(pair_losses.sigmoid(better, worse, 0.3).tolist(), rel=1e-5)


# Log-probabilities ----------------------------------------------------------------------------------------------------------


def test_log_probabilities_are_those_of_the_whole_vocabulary_at_the_answers_tokens(base: Any) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base).eval()
    dice = np.random.default_rng(0)
    rows = [dice.integers(8, 200, size).tolist() for size in (9, 14, 6)]
    answers = [pairs.Answer(row, [0] * 4 + [1] * (len(row) - 4)) for row in rows]
    answers[1].answer[7] = 0  # a tool's result in the middle of an answer
    seen: list[torch.Size] = []
    model.lm_head.register_forward_hook(lambda _, states, logits: seen.append(logits.shape))
    with torch.no_grad():
        found = pairs.logprobs(model, pairs.batched(answers, 0)).tolist()
        assert [shape[:-1].numel() for shape in seen] == [sum(sum(answer.answer) for answer in answers)]
        by_hand = [one_by_one(model, answer) for answer in answers]
    assert found == pytest.approx(by_hand, abs=1e-4)


def one_by_one(model: Any, answer: pairs.Answer) -> float:
    logits = model(input_ids=torch.tensor([answer.ids])).logits[0].double().numpy()
    logits = logits - logits.max(-1, keepdims=True)
    logprobs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    return sum(logprobs[at - 1, token] for at, token in enumerate(answer.ids) if answer.answer[at])


def test_ktos_reference_point_looks_at_answers_to_other_prompts() -> None:
    rows = [kto.Rated(pairs.Answer([prompt, 9, answer], [0, 0, 1]), True) for prompt, answer in ((1, 11), (1, 12), (2, 13))]
    assert kto.unrelated(rows[1:], rows[0], longest=8) == pairs.Answer([1, 9, 13], [0, 0, 1])
    assert kto.unrelated(rows[:2], rows[0], longest=8) is None
    assert kto.unrelated(rows[1:], rows[0], longest=2) is None


def test_a_margin_for_ipo_is_refused() -> None:
    from training import schema

    with pytest.raises(schema.ConfigError, match="margin_coef: ipo aims at a margin of its own"):
        schema.parse(dpo.Config, {"loss": "ipo", "margin_coef": 1})
