"""The likelihood of rankings is the published one: closed forms, every outcome listed, and the raters' model in numpy."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest
import torch

from annotation.quality import davidson_luce
from training import choice, judgements
from training.judgements import Ranking, Task

pytestmark = pytest.mark.heavy

TIE = torch.tensor(-0.7)


def ranking(*tiers: int, **more) -> Ranking:
    grades = tuple(float(max(tiers) - tier) for tier in tiers)
    return Ranking(tuple(range(len(tiers))), tiers, **({"grades": grades} | more))


def nats(loss: choice.Loss, scores: list[float], ranked: Ranking, tie: torch.Tensor | None = TIE) -> float:
    return loss.nats(torch.tensor(scores), choice.tensors([ranked], [0]), tie).item()


def whole(largest: int) -> choice.Loss:
    return choice.Loss("plackett_luce", largest)


def weak_orders(size: int) -> Iterator[tuple[int, ...]]:
    """Every way to put answers into tiers, ties allowed: 1, 3, 13, 75 …"""
    return (tiers for tiers in product(range(size), repeat=size) if set(tiers) == set(range(max(tiers) + 1)))


@pytest.mark.parametrize("size", [2, 3, 4])
def test_the_chances_of_all_rankings_sum_to_one(size: int) -> None:
    scores = [0.3, -1.2, 2.0, 0.1][:size]
    orders = list(weak_orders(size))
    assert len(orders) == {2: 3, 3: 13, 4: 75}[size]
    assert sum(math.exp(-nats(whole(size), scores, ranking(*tiers))) for tiers in orders) == pytest.approx(1, abs=1e-5)


def test_two_answers_without_ties_are_bradley_terry_whichever_loss() -> None:
    for loss in (whole(1), choice.Loss("bradley_terry")):
        assert nats(loss, [1.3, -0.4], ranking(0, 1), None) == pytest.approx(math.log1p(math.exp(-1.7)), abs=1e-6)


def test_two_answers_with_ties_are_davidson() -> None:
    a, b, ties = math.exp(1.3), math.exp(-0.4), math.exp(-0.7)
    total = a + b + ties * math.sqrt(a * b)
    for tiers, share in (((0, 1), a), ((1, 0), b), ((0, 0), ties * math.sqrt(a * b))):
        assert nats(whole(2), [1.3, -0.4], ranking(*tiers)) == pytest.approx(-math.log(share / total), abs=1e-6)


def test_a_ranking_without_ties_is_plackett_luce() -> None:
    scores = [0.5, -1.0, 2.0, 0.0]
    order = [2, 0, 3, 1]
    worth = [math.exp(scores[place]) for place in order]
    expected = -sum(math.log(worth[at] / sum(worth[at:])) for at in range(4))
    assert nats(whole(1), scores, ranking(1, 3, 0, 2), None) == pytest.approx(expected, abs=1e-5)


def test_it_is_the_model_by_which_raters_are_judged() -> None:
    random = np.random.default_rng(3)
    for _ in range(40):
        size = int(random.integers(2, 7))
        tiers = np.unique(random.integers(0, size, size), return_inverse=True)[1]
        largest, scores = davidson_luce.largest_tier(tiers), random.normal(size=size)
        stages = davidson_luce.stages(tiers[None, None], largest)
        one = np.ones((1, 1))
        known = davidson_luce.log_likelihood(stages, one, one * TIE.item(), scores[None, None])
        assert nats(whole(largest), scores.tolist(), ranking(*tiers.tolist())) == pytest.approx(-known.item(), abs=1e-4)


def test_judgements_of_several_sizes_and_tasks_share_a_batch() -> None:
    four, two = ranking(0, 1, 1, 2), Ranking((2, 0), (1, 0), (0.0, 1.0))
    tasks = [Task(1, "en", [[1]] * 4, [four]), Task(2, "en", [[1]] * 3, [two])]
    scores = torch.tensor([0.3, -1.0, 0.8, 0.1, 1.5, 9.0, -0.2])
    assert judgements.starts(tasks) == [0, 4]
    together = whole(2).nats(scores, choice.tensors([four, two], [0, 4]), TIE)
    apart = [nats(whole(2), scores[:4].tolist(), four), nats(whole(2), [1.5, -0.2], ranking(0, 1))]
    assert together.tolist() == pytest.approx(apart, abs=1e-5)


def test_of_the_unacceptable_it_is_said_that_they_are_below_and_no_more() -> None:
    scores = [1.0, -0.5, 0.3]
    below = nats(whole(1), scores, ranking(0, 1, 1, open_end=True), None)
    worth = [math.exp(score) for score in scores]
    assert below == pytest.approx(-math.log(worth[0] / sum(worth)), abs=1e-6)
    assert ranking(0, 0, open_end=True).stages() == []
    assert ranking(0, 1, 1, open_end=True).stages() == [(3, 1)]
    assert ranking(0, 1, 1).stages() == [(3, 1), (2, 2)]


def test_every_judgement_counts_once_however_many_pairs_it_makes() -> None:
    four, two = ranking(0, 1, 1, 2), ranking(0, 1)
    found = choice.Loss("bradley_terry").nats(torch.zeros(6), choice.tensors([four, two], [0, 4]), None)
    assert found.tolist() == pytest.approx([math.log(2)] * 2)


@pytest.mark.parametrize("name", ["plackett_luce", "bradley_terry"])
def test_a_raters_weight_multiplies_their_judgement(name: str) -> None:
    loss = choice.Loss(name)
    plain, heavy = ranking(0, 1, 2), ranking(0, 1, 2, weight=2.5)
    assert nats(loss, [0.1, 0.4, 0.0], heavy, None) == pytest.approx(2.5 * nats(loss, [0.1, 0.4, 0.0], plain, None), rel=1e-5)


def test_a_margin_is_subtracted_for_each_grade() -> None:
    much = ranking(0, 1, grades=(3.0, 0.0))
    for name in ("plackett_luce", "bradley_terry"):
        found = nats(choice.Loss(name, margin=0.5), [2.0, 1.0], much, None)
        assert found == pytest.approx(math.log1p(math.exp(-(1.0 - 1.5))), abs=1e-6)


def test_soft_labels_are_learned_as_they_are() -> None:
    soft = ranking(0, 1, beats=((0.0, 0.8), (0.2, 0.0)))
    scores = torch.tensor([math.log(4.0), 0.0], requires_grad=True)
    loss = choice.Loss("soft")(scores, choice.tensors([soft], [0]), None)
    loss.backward()
    assert loss.item() == pytest.approx(-0.8 * math.log(0.8) - 0.2 * math.log(0.2), abs=1e-6)
    assert scores.grad.abs().max() < 1e-6  # σ(ln 4) is 0.8 already


def test_centring_is_the_mean_square_of_the_sums_of_pairs() -> None:
    scores, tiers = [1.0, -2.0, 0.5], torch.tensor([[0, 1, 2, choice.UNFILLED]])
    found = choice.off_centre(torch.tensor([[*scores, 7.0]]), tiers != choice.UNFILLED)
    assert found.item() == pytest.approx((1.0 + 2.25 + 2.25) / 3)
    batch = choice.tensors([ranking(0, 1, 2)], [0])
    plain, centred = (choice.Loss("bradley_terry", centring=weight)(torch.tensor(scores), batch, None) for weight in (0.0, 0.1))
    assert (centred - plain).item() == pytest.approx(0.1 * 5.5 / 3, abs=1e-6)


def test_scores_that_are_far_apart_give_finite_gradients() -> None:
    scores = torch.tensor([300.0, -300.0, 0.0, 299.0], requires_grad=True)
    tie = torch.tensor(3.0, requires_grad=True)
    loss = whole(3)(scores, choice.tensors([ranking(2, 0, 0, 1), ranking(0, 0, 0, 1)], [0, 0]), tie)
    loss.backward()
    assert torch.isfinite(torch.stack([loss, tie.grad])).all()
    assert torch.isfinite(scores.grad).all()


def test_learning_starts_where_equal_answers_tie_as_often_as_people_did() -> None:
    said = [ranking(0, 1, 1, 2), ranking(0, 1, 2), ranking(0, 0), ranking(0, 1), ranking(1, 0, 1), ranking(0, 1, 1, open_end=True)]
    largest = judgements.largest_tier(said)
    tie = torch.tensor(judgements.tie_of_equals(said), requires_grad=True)
    batch = choice.tensors(said, [0] * len(said))
    whole(largest).nats(torch.zeros(4), batch, tie).sum().backward()
    assert largest == 2
    assert abs(tie.grad.item()) < 1e-4  # the maximum of the likelihood
