"""A loss without logits is the loss with them: its value, its gradients, with frozen weights, and for models unlike others."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.heavy


def batch() -> dict[str, Any]:
    import torch

    torch.manual_seed(0)
    ids = torch.randint(0, 50, (3, 20))
    labels = ids.clone()
    labels[0, :12] = -100
    labels[2] = -100
    return {"input_ids": ids, "labels": labels}


def llama() -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(1)
    sizes = {"vocab_size": 50, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(**sizes, initializer_range=0.3, tie_word_embeddings=True, pad_token_id=0))


def capped() -> Any:
    import torch
    from transformers import Gemma2Config, Gemma2ForCausalLM

    torch.manual_seed(1)
    sizes = {"vocab_size": 50, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    return Gemma2ForCausalLM(Gemma2Config(**sizes, num_key_value_heads=1, head_dim=8, final_logit_softcapping=0.5, pad_token_id=0))


def gradients(model: Any, loss: Any) -> dict[str, Any]:
    model.zero_grad()
    loss.backward()
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


@pytest.mark.parametrize("make", [llama, capped])
def test_loss_and_gradients_are_those_of_whole_logits(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from training import token_loss

    monkeypatch.setattr(token_loss, "ROWS", 10)  # three times some tokens, the last fewer
    model, given = make(), batch()
    whole = model(input_ids=given["input_ids"], labels=given["labels"]).loss
    wanted = gradients(model, whole)
    told = token_loss.TokenLoss(model)
    made = told.mean(model, given)
    assert made.item() == pytest.approx(whole.item(), rel=1e-6)
    assert token_loss.learned(given) == 27
    for name, gradient in gradients(model, made).items():
        assert torch.allclose(gradient, wanted[name], rtol=1e-4, atol=1e-6), name


def test_a_cap_on_logits_is_seen() -> None:
    from training import token_loss

    assert token_loss.is_plain(llama())
    assert not token_loss.is_plain(capped())


def test_adapters_learn_and_the_frozen_output_layer_gets_no_gradient() -> None:
    from training import token_loss, weights

    plain, given = llama(), batch()
    whole = plain(input_ids=given["input_ids"], labels=given["labels"]).loss
    model = weights.with_adapters(llama(), 2, "CAUSAL_LM")
    made = token_loss.TokenLoss(model).mean(model, given)
    assert made.item() == pytest.approx(whole.item(), rel=1e-6)
    found = gradients(model, made)
    assert found
    assert all("lora" in name for name in found)


@pytest.mark.parametrize("make", [llama, capped])
def test_figures_are_those_of_whole_logits(make: Any) -> None:
    from torch.nn.functional import cross_entropy

    from training import token_loss

    model, given = make().eval(), batch()
    logits, labels = model(input_ids=given["input_ids"]).logits[:, :-1], given["labels"][:, 1:]
    wanted = cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum")
    nats, tokens, right = token_loss.TokenLoss(model).tally(model, given)
    assert nats.item() == pytest.approx(wanted.item(), rel=1e-6)
    assert (tokens, int(right)) == (27, int(((logits.argmax(-1) == labels) & (labels != -100)).sum()))


def test_a_batch_in_which_nothing_is_learned_moves_nothing() -> None:
    import torch

    from training import token_loss

    model, given = llama(), batch()
    given["labels"] = torch.full_like(given["labels"], -100)
    loss = token_loss.TokenLoss(model).mean(model, given)
    assert loss.item() == 0
    assert all(not gradient.any() for gradient in gradients(model, loss).values())
