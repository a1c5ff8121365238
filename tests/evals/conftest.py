"""A world small enough to measure in seconds: a tokenizer, random models that were never trained, a snapshot written by hand."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path
from typing import Any

import pytest

from annotation import frozen
from training import card
from training.rundir import RunDir

WORDS = ["sun", "moon", "tree", "river", "stone", "bird", "fish", "wind", "rain", "snow"]


def asked(content: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": content}]


def said(content: str) -> list[dict[str, Any]]:
    return [{"role": "assistant", "content": content}]


@pytest.fixture(scope="session")
def corpus_file(tmp_path_factory) -> Path:
    """40 short documents."""
    draw = random.Random(1)
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    path.write_text("\n\n".join(" ".join(draw.choices(WORDS, k=draw.randint(3, 30))) for _ in range(40)) + "\n")
    return path


@pytest.fixture(scope="session")
def tokenizer(corpus_file, tmp_path_factory):
    from training.recipes import tokenizer as recipe

    run = RunDir.create(tmp_path_factory.mktemp("tokenizer"), {"inputs": {}})
    return recipe.train(corpus_file, recipe.Config(vocab_size=300), run)


@pytest.fixture(scope="session")
def language_model(tokenizer, tmp_path_factory) -> Path:
    """A checkpoint of a random Llama with 64 positions."""
    import torch
    from transformers import LlamaForCausalLM

    torch.manual_seed(3)
    return _saved(LlamaForCausalLM(_config(tokenizer)), tokenizer, "causal-lm", tmp_path_factory)


@pytest.fixture(scope="session")
def reward_model(tokenizer, tmp_path_factory) -> Path:
    import torch
    from transformers import LlamaForSequenceClassification

    torch.manual_seed(4)
    return _saved(LlamaForSequenceClassification(_config(tokenizer, num_labels=1)), tokenizer, "reward", tmp_path_factory)


def _config(tokenizer, **fields):
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=64, pad_token_id=tokenizer.pad_token_id, bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id, initializer_range=0.3, **fields,
    )  # fmt: skip


def _saved(model, tokenizer, role: str, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp(role)
    model.eval().save_pretrained(path)
    tokenizer.save_pretrained(path)
    card.write(path, role=role, recipe="test", step=0, parameters=1, figures={})
    return path


@pytest.fixture(scope="session")
def dataset(tmp_path_factory) -> Path:
    """A snapshot of 12 prompts, all in the test split: 8 with a written answer, each with a ranking of three."""
    folder = tmp_path_factory.mktemp("dataset")
    prompts, rows = [], []
    for number in range(12):
        about = {"prompt_id": number + 1, "tools": [], "language": "en", "source": "", "licence": "", "split": "test"}
        prompts.append({**about, "messages": asked(f"{WORDS[number % 10]} and {WORDS[number // 3]}?")})
        row = {
            **about,
            "prompt": asked(f"{WORDS[number % 10]} and {WORDS[number // 3]}?"),
            "rater": "r1",
            "guidelines": None,
            "seconds": 1,
        }
        ranked = [
            _answer(10 * number + k, WORDS[(number + k) % 10], {"overall": float(2 - k), "acceptable": 1.0}) for k in range(3)
        ]
        rows.append({**row, "judgement_id": 2 * number, "task_id": 2 * number, "kind": "rank", "answers": ranked})
        if number < 8:
            written = _answer(900 + number, f"the {WORDS[number % 10]} is a {WORDS[-1]}", {}, written=True)
            rows.append({**row, "judgement_id": 2 * number + 1, "task_id": 2 * number + 1, "kind": "write", "answers": [written]})
    _freeze(folder, prompts, rows)
    return folder


def _answer(number: int, content: str, grades: dict[str, float], *, written: bool = False) -> dict[str, Any]:
    author = "r1" if written else None
    about = {"sample_id": number, "model": "" if written else "base", "author": author, "written": written}
    return {**about, "messages": said(content), "grades": grades}


def _freeze(folder: Path, prompts: list[dict[str, Any]], rows: list[dict[str, Any]]) -> None:
    digests = {}
    for name, lines in ((frozen.PROMPTS, prompts), (frozen.ROWS, rows)):
        data = "".join(json.dumps(line) + "\n" for line in lines).encode()
        (folder / name).write_bytes(data)
        digests[name] = hashlib.sha256(data).hexdigest()
    (folder / frozen.MANIFEST).write_text(json.dumps({"version": 1, "sha256": digests}))
