"""Rows laid end to end: a model says of each what it says of it alone, and where it would not, it is asked row by row."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.heavy

LENGTHS = [9, 1, 6, 12]
SMALL = {"vocab_size": 40, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
GROUPED = {"num_key_value_heads": 2, "head_dim": 8}


def built(kind: str, **extra: Any) -> Any:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(0)
    sizes = {"vocab_size": 40, "n_embd": 32, "n_layer": 2, "n_head": 4} if kind == "gpt2" else SMALL
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **sizes, **extra)).eval()


MODELS = {
    "llama, keys shared by heads": ("llama", GROUPED, True),
    "qwen3": ("qwen3", GROUPED, True),
    "mistral, a window shorter than the rows": ("mistral", GROUPED | {"sliding_window": 4}, True),
    "gpt2, learned positions": ("gpt2", {"attn_pdrop": 0.0}, True),
    "gemma2, capped scores": ("gemma2", GROUPED | {"attn_implementation": "eager"}, False),
}


@pytest.mark.parametrize("name", MODELS)
def test_rows_end_to_end_say_what_each_says_alone_and_so_do_gradients(name: str):
    import torch

    from training import segments

    kind, extra, joins = MODELS[name]
    model = built(kind, **extra)
    ids = torch.randint(0, 40, (4, 12), generator=torch.Generator().manual_seed(1))
    weight = torch.randn(sum(LENGTHS), 32, generator=torch.Generator().manual_seed(2))

    def gradient(hidden: torch.Tensor) -> torch.Tensor:
        model.zero_grad()
        (hidden * weight).sum().backward()
        return torch.cat([value.grad.flatten() for value in model.parameters() if value.grad is not None])

    rows = [model.base_model(input_ids=row[None, :size]).last_hidden_state[0] for row, size in zip(ids, LENGTHS, strict=True)]
    alone = torch.cat(rows)
    found = segments.hidden_states(model, ids, torch.tensor(LENGTHS))
    assert segments.joins(model) is joins
    torch.testing.assert_close(found, alone, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(gradient(found), gradient(alone), atol=1e-4, rtol=1e-3)


def test_a_model_that_attends_by_segments_answers_as_before():
    import torch

    from training import segments

    ids, mask = torch.tensor([[0, 0, 5, 6], [1, 2, 3, 4]]), torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1]])

    def answers(model: Any) -> torch.Tensor:
        return model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=8, do_sample=False, pad_token_id=0)

    usual, other = built("llama", **GROUPED), built("llama", **GROUPED)
    assert segments.joins(other)
    assert torch.equal(answers(usual), answers(other))


def test_a_saved_model_does_not_name_the_attention(tmp_path):
    from transformers import AutoModelForCausalLM

    from training import segments

    model = built("llama", **GROUPED)
    assert segments.joins(model)
    model.save_pretrained(tmp_path)
    assert segments.NAME not in (tmp_path / "config.json").read_text()
    assert AutoModelForCausalLM.from_pretrained(tmp_path).config._attn_implementation == "sdpa"
