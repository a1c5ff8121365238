"""Labels put together by Dawid & Skene's model and by majority, against published figures and against crowd-kit."""

from __future__ import annotations

import numpy as np
import pytest

from annotation.quality import dawid_skene
from tests.annotation.quality.oracles import anaesthesia, crowd


def test_the_anaesthetists_of_1979_err_as_published():
    fit = dawid_skene.fit(*anaesthesia())
    assert fit.converged
    assert fit.priors == pytest.approx([0.3996, 0.4220, 0.1118, 0.0667], abs=5e-5)
    assert fit.log_likelihood == pytest.approx(-192.889, abs=2e-3)


def test_the_likelihood_is_that_of_the_labels():
    """Equation 2.7 of the paper, multiplied out label by label."""
    items, raters, labels = anaesthesia()
    fit = dawid_skene.fit(items, raters, labels)
    total = 0.0
    for item in range(45):
        given = [(raters[n], labels[n]) for n in np.flatnonzero(items == item)]
        total += np.log(sum(fit.priors[c] * np.prod([fit.confusion[r, c, label] for r, label in given]) for c in range(4)))
    assert fit.log_likelihood == pytest.approx(total, abs=1e-6)
    assert fit.posterior.sum(axis=1) == pytest.approx(np.ones(45))
    assert fit.confusion.sum(axis=2) == pytest.approx(np.ones((5, 4)))


@pytest.mark.parametrize(("name", "majority", "modelled"), [("rte", 0.8969, 0.9275), ("bluebirds", 0.7593, 0.8981)])
def test_real_crowds_come_as_near_to_the_truth_as_published(name, majority, modelled):
    items, raters, labels, gold = crowd(name)
    shares = dawid_skene.vote_shares(items, labels)
    best = shares == shares.max(axis=1, keepdims=True)
    drawn = (best / best.sum(axis=1, keepdims=True))[np.arange(len(gold)), gold].mean()  # equal votes: one of the two at random
    assert drawn == pytest.approx(majority, abs=5e-5)
    assert (dawid_skene.fit(items, raters, labels).labels == gold).mean() == pytest.approx(modelled, abs=5e-5)


def test_equal_votes_go_to_the_lowest_class():
    items, labels = np.array([0, 0, 1, 1, 1]), np.array([1, 0, 2, 2, 1])
    assert dawid_skene.majority_vote(items, labels).tolist() == [0, 2]


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["rte", "bluebirds"])
def test_crowd_kit_finds_the_same(name):
    pandas, crowdkit = pytest.importorskip("pandas"), pytest.importorskip("crowdkit.aggregation")
    items, raters, labels, _gold = crowd(name)
    table = pandas.DataFrame({"task": items, "worker": raters, "label": labels})
    other = crowdkit.DawidSkene(n_iter=25, tol=-1).fit(table)
    fit = dawid_skene.fit(items, raters, labels, tolerance=-1, iterations=25)
    assert fit.posterior == pytest.approx(other.probas_.sort_index().sort_index(axis=1).to_numpy(), abs=1e-6)
    errors = other.errors_.sort_index(axis=1)
    for (rater, label), row in errors.iterrows():
        assert fit.confusion[rater, :, label] == pytest.approx(row.to_numpy(), abs=1e-6)


def test_an_item_without_labels_is_refused():
    with pytest.raises(ValueError, match="item 1 has no label"):
        dawid_skene.fit(np.array([0, 2]), np.array([0, 0]), np.array([0, 1]))
