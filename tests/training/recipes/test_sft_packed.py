"""Packed conversations are learned as if each were alone, however rows are cut into batches and processes, and after a stop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.training.recipes.conftest import Attempt, attempt, create, joined, ranks, stop_at_once
from tests.training.recipes.test_equivalence import assert_same
from training import packing

pytestmark = pytest.mark.heavy

PACKED = {"packing": True, "max_length": 64, "log_every": 1, "valid_every": 3, "learning_rate": 2e-3, "max_steps": 6}
FOUR, ONES = {"batch_size": 4}, {"batch_size": 1, "accumulation": 4}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, base: Path, snapshot: Path) -> Attempt:
    folder = tmp_path_factory.mktemp("packed") / "run"
    return attempt(create(folder, "sft", {"model": base, "dataset": snapshot}, {**PACKED, **FOUR}))


@pytest.fixture(scope="module")
def model(base: Path) -> Any:
    from transformers import AutoModelForCausalLM

    # As `hf.Durable` has it: with a cache transformers does not look at positions, and conversations see each other.
    return AutoModelForCausalLM.from_pretrained(base, use_cache=False).eval()


@pytest.fixture(scope="module")
def conversations(tokenizer: Any) -> list[packing.Row]:
    from training import text

    said = ["sun moon", "river stone bird fish", "wind", "rain snow tree sun moon river"]
    chats = [[{"role": "user", "content": "say " + words}, {"role": "assistant", "content": words}] for words in said]
    encoded = [text.encode_chat(tokenizer, chat) for chat in chats]
    return [{"ids": one.input_ids, "learned": one.assistant_mask} for one in encoded]


def batch(rows: Any, tokenizer: Any) -> dict[str, Any]:
    from training.recipes import sft

    return sft.collated(tokenizer.pad_token_id)(list(rows))


def test_a_packed_conversation_gets_the_logits_that_it_gets_alone(
    model: Any, conversations: list[packing.Row], tokenizer: Any
) -> None:
    import torch

    room = max(len(one["ids"]) for one in conversations) + 20
    rows = packing.Packed(conversations, room)
    assert 1 < len(rows) < len(conversations)
    made = batch(rows, tokenizer)
    del made["labels"]
    with torch.no_grad():
        together = model(**made).logits
        for row, places in enumerate(rows.rows):
            at = 0
            for ids in (conversations[place]["ids"] for place in places):
                alone = model(input_ids=torch.tensor([ids])).logits[0]
                assert (together[row, at : at + len(ids)] - alone).abs().max() < 1e-5
                at += len(ids)


def test_the_loss_of_packed_rows_is_that_of_the_padded_ones(model: Any, conversations: list[packing.Row], tokenizer: Any) -> None:
    from training import token_loss

    padded = batch(conversations, tokenizer)
    packed = batch(packing.Packed(conversations, 200), tokenizer)
    assert packed["input_ids"].numel() < padded["input_ids"].numel()
    given = {name: value for name, value in padded.items() if name != "labels"}
    logits, labels = model(**given).logits[:, :-1], padded["labels"][:, 1:]
    wanted = cross_entropy(logits, labels).item()
    told = token_loss.TokenLoss(model)
    assert token_loss.learned(packed) == token_loss.learned(padded) == (labels != -100).sum()
    assert told.mean(model, packed).item() == pytest.approx(wanted, abs=1e-5)
    assert told.mean(model, padded).item() == pytest.approx(wanted, abs=1e-5)


def cross_entropy(logits: Any, labels: Any) -> Any:
    from torch.nn.functional import cross_entropy

    return cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)


def test_a_run_says_how_it_packed_and_learns(whole: Attempt) -> None:
    assert whole.state == "succeeded", whole.end
    assert any("packed into" in said and "rows of 64 tokens" in said for said in whole.messages())
    assert whole.curve("valid_loss")[-1] < whole.curve("valid_loss")[0]


def test_four_rows_at_once_or_one_by_one(whole: Attempt, base: Path, snapshot: Path, tmp_path: Path) -> None:
    pieces = attempt(create(tmp_path / "run", "sft", {"model": base, "dataset": snapshot}, {**PACKED, **ONES}))
    assert_same(whole, pieces)


def test_two_processes_are_one(whole: Attempt, base: Path, snapshot: Path, tmp_path: Path) -> None:
    config = {**PACKED, "batch_size": 2}
    folder = create(tmp_path / "run", "sft", {"model": base, "dataset": snapshot}, config, resources={"processes": 2})
    assert_same(whole, joined(ranks(folder), folder))


def test_a_stopped_run_goes_on_as_if_nothing_had_happened(whole: Attempt, base: Path, snapshot: Path, tmp_path: Path) -> None:
    folder = create(tmp_path / "run", "sft", {"model": base, "dataset": snapshot}, {**PACKED, **FOUR})
    stop_at_once(folder)
    assert attempt(folder).state == "stopped"
    again = attempt(folder, number=2)
    assert again.state == "succeeded"
    assert again.weights == whole.weights


def test_a_model_that_cannot_keep_conversations_apart_is_refused(tokenizer: Any) -> None:
    from transformers import MambaConfig, MambaForCausalLM

    config = MambaConfig(vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, state_size=4)
    with pytest.raises(packing.LeakyAttention, match=r"a model of type mamba .* lets conversations of one row see each other"):
        packing.refuse_leaks(MambaForCausalLM(config))


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_a_model_that_can_is_not(base: Path, attention: str) -> None:
    from transformers import AutoModelForCausalLM

    packing.refuse_leaks(AutoModelForCausalLM.from_pretrained(base, attn_implementation=attention))
