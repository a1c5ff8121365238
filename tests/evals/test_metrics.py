"""Metrics against numbers that others computed, or that are summed here by hand in float64."""

from __future__ import annotations

import gzip
import json
import math

import numpy as np
import pytest
from django.conf import settings

from evals import pooling, recipe
from tests.real_data import SHARED

pytestmark = pytest.mark.heavy

ROUGE_REFERENCE = SHARED / "ref_rouge_pltrdy.jsonl.gz"

# The example of the README of sacrebleu ("Using SacreBLEU from Python"): corpus score 48.53.
HYPOTHESES = ["The dog bit the man.", "It wasn't surprising.", "The man had just bitten him."]
REFERENCES = [
    ["The dog bit the man.", "The dog had bit the man."],
    ["It was not unexpected.", "No one was surprised."],
    ["The man bit him first.", "The man had bitten the dog."],
]
README_BLEU = 48.530827


def test_the_settings_and_the_recipe_name_the_same_metrics():
    assert sorted(recipe.names(recipe.Config())) == sorted(settings.METRICS)
    assert {recipe.dotted(name) for name in settings.METRICS} == set(settings.METRICS.values())


# Perplexity -------------------------------------------------------------------------------------------------------------------


def by_hand(model, ids: list[int], length: int | None = None) -> float:
    """Negative log-likelihood of every token after the first, one forward pass a token, float64."""
    import torch

    total = 0.0
    for place in range(1, len(ids)):
        context = ids[max(0, place - (length or place)) : place]
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([context])).logits[0, -1].double()
        total -= float(torch.log_softmax(logits, -1)[ids[place]])
    return total


@pytest.fixture(scope="module")
def model(language_model):
    from evals.scoring import load_language_model

    return load_language_model(language_model)


TEXTS = ["sun moon tree", "river", "the wind and the rain and the snow fell on stone", "bird fish bird fish"]


def test_perplexity_is_the_exponent_of_the_mean_over_all_tokens(model, tokenizer):
    from evals.metrics.perplexity import Perplexity
    from training import text

    encoded = [ids[:-1] for ids in text.encode_documents(tokenizer, TEXTS)]
    nll, tokens = sum(by_hand(model, ids) for ids in encoded), sum(len(ids) - 1 for ids in encoded)
    found = Perplexity(keep_in_memory=True).compute(predictions=TEXTS, model=model, tokenizer=tokenizer)
    assert found["perplexity"] == pytest.approx(math.exp(nll / tokens), rel=1e-6)
    assert found["bits_per_byte"] == pytest.approx(nll / math.log(2) / sum(len(one.encode()) for one in TEXTS), rel=1e-6)


@pytest.mark.parametrize("batch_size", [1, 3, 8])
@pytest.mark.parametrize("side", ["left", "right"])
def test_perplexity_does_not_depend_on_batch_size_or_padding_side(model, tokenizer, batch_size, side):
    from evals.metrics.perplexity import document_rows

    alone = np.array([row[1:] for row in document_rows(model, tokenizer, TEXTS, batch_size=1)])
    batched = np.array([row[1:] for row in document_rows(model, tokenizer, TEXTS, batch_size=batch_size, side=side)])
    assert np.abs(alone - batched).max() < 1e-5


def test_windows_score_every_token_once_with_at_least_the_promised_context(tokenizer):
    from evals.scoring import windows
    from training import text

    document = " ".join(TEXTS * 6)
    ids = text.encode_documents(tokenizer, [document])[0][:-1]
    for length, stride in ((16, 8), (16, 15), (16, 40), (5, 1), (1000, 500)):
        cut = windows(tokenizer, document, length, stride)
        assert max(len(window) for window, _ in cut) <= length
        scored = [token for window, marks in cut for token, mark in zip(window, marks, strict=True) if mark]
        assert scored == ids[1:]
        first_scored = [marks.index(1) for _, marks in cut[1:]]
        assert all(place >= length - min(stride, length - 1) for place in first_scored)


def test_a_document_longer_than_the_window_is_read_in_strides(model, tokenizer):
    from evals.metrics.perplexity import Perplexity

    document = " ".join(TEXTS * 6)
    metric = Perplexity(keep_in_memory=True)
    one_by_one = metric.compute(predictions=[document], model=model, tokenizer=tokenizer, window=16, stride=1)
    from training import text

    ids = text.encode_documents(tokenizer, [document])[0][:-1]
    # With stride 1 each token is predicted from the 15 tokens before it.
    expected = math.exp(by_hand(model, ids, 15) / (len(ids) - 1))
    assert one_by_one["perplexity"] == pytest.approx(expected, rel=1e-5)


def test_a_tokenizer_without_bos_leaves_the_first_token_unscored(model, tokenizer):
    import copy

    from evals.scoring import windows

    without = copy.deepcopy(tokenizer)
    without.bos_token = None
    [(ids, marks)] = windows(without, "sun moon tree", 64, 32)
    assert ids == tokenizer.encode("sun moon tree", add_special_tokens=False)
    assert marks == [0] + [1] * (len(ids) - 1)


def test_an_answer_is_scored_alone_with_its_end(model, tokenizer):
    from evals.scoring import answer
    from training import text

    prompt, reply = [{"role": "user", "content": "sun?"}], [{"role": "assistant", "content": "moon"}]
    ids, marks = answer(tokenizer, [*prompt, *reply, *prompt], [], reply)
    scored = [token for token, mark in zip(ids, marks, strict=True) if mark]
    assert scored == [*tokenizer.encode("moon", add_special_tokens=False), tokenizer.eos_token_id]
    assert ids[: len(ids) - len(scored)] == text.encode_prompt(tokenizer, [*prompt, *reply, *prompt])


def test_token_accuracy_counts_tokens_not_rows():
    from evals.metrics.token_accuracy import TokenAccuracy

    found = TokenAccuracy(keep_in_memory=True).compute(predictions=[[1, 2, 3, 4], [9]], references=[[1, 2, 3, 5], [8]])
    assert found == {"token_accuracy": 3 / 5}


# Texts ------------------------------------------------------------------------------------------------------------------------


def test_bleu_is_sacrebleus():
    from evals.metrics.bleu import Bleu

    found = Bleu(keep_in_memory=True).compute(predictions=HYPOTHESES, references=REFERENCES)
    assert found["bleu"] == pytest.approx(README_BLEU, abs=1e-5)
    assert found["signature"] == "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"


@pytest.mark.parametrize("seed", range(20))
def test_pooled_statistics_give_what_sacrebleu_gives_to_the_corpus(seed):
    from sacrebleu.metrics import BLEU, CHRF

    from evals.metrics import bleu, chrf

    random = np.random.default_rng(seed)
    words = ["a", "bb", "ccc", "río", "日本", "."]
    draw = lambda: " ".join(random.choice(words, size=random.integers(0, 12)))  # noqa: E731
    hypotheses, references = [draw() for _ in range(seed % 5 + 1)], [draw() for _ in range(seed % 5 + 1)]
    for metric, module, pool in ((BLEU(), bleu, pooling.bleu), (CHRF(), chrf, pooling.chrf)):
        rows = np.array([module.statistics(ours, [theirs]) for ours, theirs in zip(hypotheses, references, strict=True)], float)
        assert float(pool(rows.sum(axis=0))) == pytest.approx(metric.corpus_score(hypotheses, [references]).score, abs=1e-9)


def test_chrf_is_sacrebleus():
    from evals.metrics.chrf import ChrF

    # Popović's own chrF++.py scores this pair 1.0; sacrebleu's tests hold ("abcdefg", "hijklmnop") at 0.
    same = ChrF(keep_in_memory=True).compute(predictions=["abcdefg"], references=[["abcdefg"]])
    other = ChrF(keep_in_memory=True).compute(predictions=["abcdefg"], references=[["hijklmnop"]])
    assert (same["chrf"], other["chrf"]) == (pytest.approx(100), 0)
    assert same["signature"] == "nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.6.0"


def test_rouge_gives_lins_example():
    from evals.metrics.rouge import Rouge

    # Lin 2004, §3.1: S2 "police kill the gunman" and S3 "the gunman kill police" against S1 "police killed the gunman":
    # ROUGE-L 0.75 and 0.5.
    metric = Rouge(keep_in_memory=True)
    for hypothesis, expected in (("police kill the gunman", 0.75), ("the gunman kill police", 0.5)):
        found = metric.compute(predictions=[hypothesis], references=[["police killed the gunman"]])
        assert found["rougeL"] == pytest.approx(expected)


@pytest.mark.parametrize("text", ["今天天气很好", "Привет, мир", "¿Qué día es hoy?", "안녕하세요 세계", "สวัสดี"])
def test_rouge_of_equal_texts_is_one_in_every_script(text):
    from evals.metrics.rouge import Rouge

    assert Rouge(keep_in_memory=True).compute(predictions=[text], references=[[text]])["rouge1"] == 1


def test_rouge_words_of_scripts_without_spaces_are_characters():
    from evals.metrics.rouge import UnicodeTokenizer

    assert UnicodeTokenizer().tokenize("GPT-4说你好, señor_x") == ["gpt", "4", "说", "你", "好", "señor", "x"]


@pytest.mark.skipif(not ROUGE_REFERENCE.exists(), reason="the reference file is not on this machine")
def test_rouge_1_agrees_with_another_package_on_its_own_words():
    """pltrdy/rouge splits at spaces and counts each n-gram once; on texts without repeated words both say the same."""
    from rouge_score import tokenizers

    from evals.metrics.rouge import scorer

    class Spaces(tokenizers.Tokenizer):
        def tokenize(self, text):
            return text.split()

    judge = scorer(Spaces())
    with gzip.open(ROUGE_REFERENCE, "rt") as file:
        for row in map(json.loads, file):
            once = [" ".join(dict.fromkeys(row[side].split())) for side in ("ref", "hyp")]
            found = judge.score(*once)
            overlap, sizes = len(set(once[0].split()) & set(once[1].split())), [len(side.split()) for side in once]
            assert found["rouge1"].fmeasure == pytest.approx(row["scores"]["rouge-1"]["f"], abs=1e-6)
            assert found["rouge1"].fmeasure == pytest.approx(2 * overlap / sum(sizes))


def test_reward_accuracy_counts_a_tie_half():
    from evals.metrics.reward_accuracy import RewardAccuracy

    found = RewardAccuracy(keep_in_memory=True).compute(predictions=[2.0, 1.0, 0.0, 5.0], references=[1.0, 1.0, 3.0, -1.0])
    assert found == {"reward_accuracy": 2.5 / 4}
