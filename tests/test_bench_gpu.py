"""The arithmetic of `bench.gpu`: what an update must compute, what a card can, and no figures without a card."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys

import pytest

from bench import flops
from bench.gpu import peaks
from bench.shapes import SHAPES, Shape

TINY = Shape(words=3, width=4, inner=8, layers=2, heads=2, key_heads=1)


def test_the_weights_of_a_small_model_are_those_counted_by_hand():
    queries, keys, mixed, inner = 4 * 4, 2 * (4 * 2), 4 * 4, 3 * (4 * 8)
    assert TINY.trunk == 2 * (queries + keys + mixed + inner) == 288
    assert (TINY.vocabulary, TINY.head) == (10, 40)
    assert TINY.parameters == 288 + 5 * 4 + 40 + 40


def test_an_update_costs_what_is_counted_by_hand():
    """Rows of 3 and 5 tokens, one and two of them answers; attention token by token."""
    looked_at = (1 + 2 + 3) + (1 + 2 + 3 + 4 + 5)
    attention = 3 * (2 * 4 + 2 * 4) * looked_at * 2  # forward and twice backward; keys and values of width 4; two layers
    policy = 6 * (8 * 288 + 3 * 40)
    critic = 6 * (8 * 288 + 3 * 4)
    made = flops.update(TINY, tokens=8, squares=3 * 3 + 5 * 5, answer_tokens=3, epochs=2)
    assert made == 2 * (policy + critic + 2 * attention)


def test_a_step_of_pretraining_costs_what_is_counted_by_hand():
    """Two rows of three tokens, each looking at itself and those before it."""
    looked_at = 2 * (1 + 2 + 3)
    attention = 3 * (2 * 4 + 2 * 4) * looked_at * 2
    assert flops.step(dataclasses.replace(TINY, key_heads=None), rows=2, length=3) == 6 * 6 * (320 + 40) + attention


@pytest.mark.heavy
def test_the_share_of_the_peak_is_told_of_both_sides():
    from bench.gpu.pretrain import with_mfu

    work = flops.step(SHAPES["124M"], rows=64, length=1024)
    told = with_mfu({"recipe": {"seconds": 0.1}, "loop": {"seconds": 0.2}}, 64, 1024, work * 20)
    assert (told["mfu"], told["recipe"]["mfu"], told["loop"]["mfu"]) == (0.5, 0.5, 0.25)


def test_the_large_model_has_half_a_billion_parameters():
    assert SHAPES["0.5B"].parameters == 630_139_776


@pytest.mark.parametrize(
    ("name", "tflops"),
    [
        ("NVIDIA H200", 989),
        ("NVIDIA H100 80GB HBM3", 989),
        ("NVIDIA H100 PCIe", 756),
        ("NVIDIA A100-SXM4-80GB", 312),
        ("NVIDIA L40S", 362),
        ("NVIDIA GeForce RTX 4090", 165),
    ],
)
def test_the_peak_of_a_card_is_known_by_its_name(name, tflops):
    assert peaks.peak(name) == tflops * 1e12


def test_the_peak_that_is_given_counts():
    assert peaks.peak("NVIDIA H200", 500.0) == 500e12


@pytest.mark.parametrize("name", ["Tesla T4", "NVIDIA H100 80GB HBM3 MIG 1g.10gb", "NVIDIA GeForce RTX 4090 Laptop GPU"])
def test_a_card_without_a_known_peak_is_refused_by_name(name):
    with pytest.raises(ValueError, match=f"the peak of '{name}' is not known .* --peak-tflops"):
        peaks.peak(name)


@pytest.mark.heavy
@pytest.mark.parametrize("bench", ["ppo", "pretrain"])
def test_without_a_card_the_bench_says_so(bench):
    env = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run([sys.executable, "-m", f"bench.gpu.{bench}"], capture_output=True, text=True, env=env)
    assert done.returncode == 2
    assert "no CUDA device is here" in done.stderr


@pytest.mark.heavy
def test_a_smaller_card_gets_a_smaller_rollout_and_a_small_one_none():
    from bench.gpu.ppo import rollout

    assert [rollout(gigabytes * 2**30, SHAPES["0.5B"], 256) for gigabytes in (139, 79, 44)] == [128, 64, 16]
    with pytest.raises(ValueError, match="23 GB are too few"):
        rollout(23 * 2**30, SHAPES["0.5B"], 256)


@pytest.mark.heavy
@pytest.mark.parametrize("shape", [TINY, SHAPES["0.1M"]])
def test_torch_counts_the_same_operations(shape):
    """Of rows of one token, where looking back only and looking everywhere are the same."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    from transformers import LlamaForCausalLM, LlamaForSequenceClassification

    from bench import worlds

    tokenizer = worlds.word_tokenizer([f"w{number}" for number in range(shape.words)])
    config = worlds.llama_config(shape, tokenizer, num_labels=1, attn_implementation="eager")
    policy, critic = LlamaForCausalLM(config), LlamaForSequenceClassification(config)
    assert sum(weight.numel() for weight in policy.parameters()) == shape.parameters
    with FlopCounterMode(display=False) as counter:
        for network in (policy, critic):
            network(input_ids=torch.ones((6, 1), dtype=torch.long)).logits.sum().backward()
    made = flops.update(shape, tokens=6, squares=6, answer_tokens=6, epochs=1)
    assert counter.get_total_flops() == pytest.approx(made, rel=1e-3)  # it counts the angles of positions too
