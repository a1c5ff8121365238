"""Each recipe learns what is there to be learned, says so in figures, and says what it left out."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from annotation import frozen
from tests.training.recipes.conftest import TINY, Attempt, assistant, attempt, create, joined, ranks, stop_at_once, torchrun, user
from training import text
from training.blocks import Blocks, collate

pytestmark = pytest.mark.heavy

FAST = {"learning_rate": 2e-3, "max_length": 64, "valid_every": 20}


def test_pretraining_makes_held_out_text_less_surprising(base_run: Attempt) -> None:
    figures = base_run.figures
    assert base_run.state == "succeeded"
    assert figures["perplexity_end"] < figures["perplexity_start"] / 3
    assert figures["perplexity_start"] == base_run.curve("perplexity")[0]
    assert math.isclose(figures["perplexity_end"], math.exp(figures["valid_loss"]))
    assert 0 < base_run.curve("bits_per_byte")[-1] < base_run.curve("bits_per_byte")[0] / 2
    assert figures["bits_per_byte"] == base_run.curve("bits_per_byte")[-1]
    assert base_run.messages()[1].startswith("36,384 weights; 60 steps of 256 tokens: 3.4e+09 operations; 0.00 GB for weights")
    assert base_run.curve("loss")[-1] < base_run.curve("loss")[0] - 1


def test_pretraining_goes_on_from_a_model(trained: Any, corpus: Path, base: Path, base_run: Attempt) -> None:
    run = trained("pretrain", {"corpus": corpus, "model": base}, {**TINY, "max_steps": 10})
    assert run.figures["perplexity_start"] == pytest.approx(base_run.figures["perplexity_end"])
    assert run.figures["perplexity_end"] < run.figures["perplexity_start"]


def test_pretraining_wants_a_tokenizer_or_a_model(trained: Any, corpus: Path) -> None:
    run = trained("pretrain", {"corpus": corpus}, {**TINY, "max_steps": 1})
    assert (run.code, run.state) == (1, "failed")
    assert "give either a tokenizer, for a new model, or a model to train on" in run.end["reason"]


def test_documents_in_one_block_never_see_each_other(base: Path, tokenizer: Any) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base).eval()
    documents = text.encode_documents(tokenizer, ["say sun moon tree.", "say river stone."])
    [block] = Blocks(documents, sum(map(len, documents)), tokenizer.pad_token_id)
    batch = collate([block, block])
    with torch.no_grad():
        packed = model(input_ids=batch["input_ids"], position_ids=batch["position_ids"], use_cache=False).logits[1]
        alone = [model(input_ids=torch.tensor([document]), use_cache=False).logits[0] for document in documents]
        blind = model(input_ids=batch["input_ids"], use_cache=False).logits[1]
    assert (packed - torch.cat(alone)).abs().max() < 1e-5
    assert (blind - torch.cat(alone)).abs().max() > 1e-3  # the measure would see a leak


def test_no_token_is_lost_between_blocks_and_none_learns_from_another_document(tokenizer: Any) -> None:
    documents = [[1, 10, 11, 12, 2], [1, 13, 2]]
    blocks = Blocks(documents, 4, 0)
    assert [row["input_ids"].tolist() for row in blocks] == [[1, 10, 11, 12], [2, 1, 13, 2]]
    assert [row["position_ids"].tolist() for row in blocks] == [[0, 1, 2, 3], [0, 0, 1, 2]]
    assert [row["labels"].tolist() for row in blocks] == [[-100, 10, 11, 12], [-100, -100, 13, 2]]


def test_bits_per_byte_are_those_counted_by_hand() -> None:
    """Two documents of four and two bytes; of each all tokens but the first are guessed, at one bit each."""
    blocks = Blocks([[1, 10, 11, 2], [1, 12, 2]], 4, 0, size=6)
    assert blocks.bits_per_byte(math.log(2)) == pytest.approx(5 / 6)


def test_fine_tuning_learns_the_demonstrations(trained: Any, base: Path, snapshot: Path) -> None:
    run = trained("sft", {"model": base, "dataset": snapshot}, {**FAST, "learning_rate": 5e-3, "max_steps": 80})
    assert run.curve("valid_loss")[-1] < run.curve("valid_loss")[0] - 1
    assert run.figures["token_accuracy"] > 0.3
    assert run.figures["valid_loss"] == run.curve("valid_loss")[-1]


def test_fine_tuning_with_adapters_ends_in_a_plain_model(trained: Any, base: Path, snapshot: Path) -> None:
    from transformers import AutoModelForCausalLM

    how = {**FAST, "max_steps": 5, "lora_rank": 4, "dora": True}
    run = trained("sft", {"model": base, "dataset": snapshot}, how)
    assert run.state == "succeeded", run.end
    assert run.curve("valid_loss")[-1] < run.curve("valid_loss")[0]
    ours, before = (AutoModelForCausalLM.from_pretrained(path).state_dict() for path in (run.out, base))
    assert set(ours) == set(before)


def test_noise_on_embeddings_is_for_learning_alone(trained: Any, base: Path, snapshot: Path) -> None:
    inputs = {"model": base, "dataset": snapshot}
    plain, noisy = (trained("sft", inputs, {**FAST, "max_steps": 1, "neftune": size}, f"noise-{size}") for size in (0, 5))
    assert noisy.curve("valid_loss")[0] == plain.curve("valid_loss")[0]
    assert noisy.curve("loss")[0] != plain.curve("loss")[0]


def test_long_rows_are_counted_not_lost_in_silence(trained: Any, base: Path, snapshot: Path) -> None:
    run = trained("sft", {"model": base, "dataset": snapshot}, {"max_length": 8})
    assert run.messages() == [
        "train: 0 conversations; 36 longer than 8 tokens left out",
        "validation: 0 conversations; 12 longer than 8 tokens left out",
    ]
    assert "there are no training rows" in run.end["reason"]


def test_a_loss_that_is_not_finite_ends_the_run_and_keeps_the_last_good_checkpoint(
    base: Path, tmp_path: Path, tokenizer: Any
) -> None:
    from safetensors.torch import load_file

    model = poisoned(base, tmp_path / "model", tokenizer)
    shared = {"tools": [], "language": "en", "source": "test", "licence": "", "split": "train", "rater": "r1", "guidelines": None}
    rows = [demonstration(number, "sun" if number else "Z", shared) for number in range(8)]
    frozen.write(tmp_path / "snapshot", [], rows)
    inputs = {"model": model, "dataset": tmp_path / "snapshot"}
    run = attempt(create(tmp_path / "run", "sft", inputs, {"batch_size": 1, "save_every": 1, "epochs": 1}, seed=3))
    assert (run.code, run.state) == (1, "failed")
    assert run.end["reason"].startswith("NotFinite: the loss is nan at step")
    kept = sorted((tmp_path / "run" / "checkpoints").iterdir())
    assert kept
    for path in kept:
        assert all(weight.isfinite().all() for name, weight in load_file(path / "model.safetensors").items() if "embed" not in name)


def demonstration(number: int, content: str, shared: dict[str, Any]) -> dict[str, Any]:
    answer = {"sample_id": number, "messages": assistant(content), "model": "", "author": "r1", "written": True, "grades": {}}
    numbers = {"judgement_id": number, "task_id": number, "prompt_id": number}
    return {**shared, **numbers, "kind": "write", "prompt": user(f"say {content}"), "seconds": 1.0, "answers": [answer]}


def poisoned(base: Path, folder: Path, tokenizer: Any) -> Path:
    """A model that turns to NaN when it reads the letter Z, and never otherwise."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base)
    model.config.tie_word_embeddings = False
    model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
    with torch.no_grad():
        model.model.embed_tokens.weight[tokenizer.convert_tokens_to_ids("Z")] = float("nan")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_two_processes_train_together_stop_together_and_go_on(tmp_path: Path, base: Path, snapshot: Path) -> None:
    inputs, config = {"model": base, "dataset": snapshot}, {**FAST, "max_steps": 6}
    folder = create(tmp_path / "run", "sft", inputs, config, resources={"processes": 2})
    stop_at_once(folder)
    assert joined(ranks(folder), folder).end["reason"] == "stopped at step 1 of 6; saved"
    torchrun(folder, processes=2, number=2)
    run = Attempt(folder, 0)
    assert run.state == "succeeded"
    assert run.curve("valid_loss")[-1] < run.curve("valid_loss")[0]


def test_a_run_that_was_promised_two_processes_refuses_to_run_in_one(tmp_path: Path, base: Path, snapshot: Path) -> None:
    inputs = {"model": base, "dataset": snapshot}
    run = attempt(create(tmp_path / "run", "sft", inputs, FAST, resources={"processes": 2}))
    assert run.end["reason"] == "RuntimeError: this run was promised 2 processes but 1 are running; start it with torchrun"
