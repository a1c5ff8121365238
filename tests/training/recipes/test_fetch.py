"""A model comes in from a folder: it must load, be what it says, and never be a pickle."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from training import text

pytestmark = pytest.mark.heavy


@pytest.fixture(autouse=True)
def roots(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Folders of these tests may be imported, and none else."""
    monkeypatch.setenv("CRISOL_IMPORT_ROOTS", str(tmp_path_factory.getbasetemp()))


@pytest.fixture
def foreign(base: Path, tmp_path: Path) -> Path:
    """A copy of the base model that looks like somebody else's: no card, no chat template, padding with its end token."""
    folder = shutil.copytree(base, tmp_path / "foreign")
    (folder / "card.json").unlink()
    (folder / "chat_template.jinja").unlink()
    settings = json.loads((folder / "tokenizer_config.json").read_text()) | {"pad_token": "<|end|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


def test_a_model_comes_in_whole(trained: Any, base: Path) -> None:
    run = trained("fetch", {}, {"source": str(base)})
    assert run.state == "succeeded", run.end
    card = json.loads((run.out / "card.json").read_text())
    assert (card["role"], card["recipe"], card["figures"]) == ("causal-lm", "fetch", {})
    assert run.weights == (base / "model.safetensors").read_bytes()


def test_a_tokenizer_without_padding_or_template_is_completed(trained: Any, foreign: Path) -> None:
    from transformers import AutoModelForCausalLM

    with pytest.raises(ValueError, match="no padding token of its own"):
        text.load_tokenizer(foreign)
    run = trained("fetch", {}, {"source": str(foreign)})
    tokenizer = text.load_tokenizer(run.out)
    assert tokenizer.pad_token_id != tokenizer.eos_token_id
    assert len(tokenizer) <= AutoModelForCausalLM.from_pretrained(run.out).get_input_embeddings().num_embeddings
    assert any("no chat template" in message for message in run.messages())


def test_a_foreign_vocabulary_gets_a_plain_template_and_a_new_row_for_padding(trained: Any, tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    letters = {letter: place for place, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    inner = Tokenizer(models.BPE(vocab=letters | {"<|endoftext|>": 256}, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<|endoftext|>").save_pretrained(tmp_path / "gpt")
    GPT2LMHeadModel(GPT2Config(vocab_size=257, n_embd=16, n_layer=1, n_head=2, n_positions=32)).save_pretrained(tmp_path / "gpt")
    run = trained("fetch", {}, {"source": str(tmp_path / "gpt")})
    assert run.state == "succeeded", run.end
    tokenizer = text.load_tokenizer(run.out)
    assert (len(tokenizer), tokenizer.pad_token_id) == (258, 257)
    assert tokenizer.chat_template == text.PLAIN_TEMPLATE
    assert AutoModelForCausalLM.from_pretrained(run.out).get_input_embeddings().num_embeddings == 258


def test_a_tokenizer_alone_is_a_tokenizer(trained: Any, tokenizer_run: Any) -> None:
    run = trained("fetch", {}, {"source": str(tokenizer_run.out)})
    assert json.loads((run.out / "card.json").read_text())["role"] == "tokenizer"


def test_pickled_weights_are_refused(trained: Any, foreign: Path) -> None:
    (foreign / "model.safetensors").rename(foreign / "pytorch_model.bin")
    run = trained("fetch", {}, {"source": str(foreign)})
    assert run.state == "failed"
    assert "its weights are pickle (pytorch_model.bin), which is never read" in run.end["reason"]
    assert not run.out.exists()


def test_missing_weights_are_refused(trained: Any, foreign: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(foreign / "model.safetensors")
    del weights["model.norm.weight"]
    save_file(weights, foreign / "model.safetensors", metadata={"format": "pt"})
    assert (
        trained("fetch", {}, {"source": str(foreign)}).end["reason"]
        == "ValueError: source: 1 weights are missing, model.norm.weight first"
    )


def test_a_source_must_be_named_be_there_and_be_meant_for_imports(trained: Any, tmp_path: Path) -> None:
    assert "give a hub name" in trained("fetch", {}, {}, "nameless").end["reason"]
    assert "give a hub name (owner/model) or a folder under" in trained("fetch", {}, {"source": "/etc"}, "outside").end["reason"]
    absent = tmp_path / "absent"
    assert f"there is no folder {absent}" in trained("fetch", {}, {"source": str(absent)}, "gone").end["reason"]
