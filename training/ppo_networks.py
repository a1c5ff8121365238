"""PPO's networks: a policy and a critic that learn, a reference and a reward model that do not.

Training all weights keeps four networks. With LoRA there are two trunks for the four: the policy without its adapters is the
reference, the critic without its own is the reward model; and weights that both trunks share lie in memory once.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training import processes, text, weights

POLICY, VALUE = "policy", "value"  # folders of the networks that learn, in a checkpoint to resume from


@dataclass
class Networks:
    """The networks of PPO, the reward model where it is paid for. `mean` and `std` are its scale; dropout is off in all of them."""

    policy: Any
    value: Any
    reference: Any
    reward: Any
    tokenizer: Any
    mean: float
    std: float

    @property
    def device(self) -> Any:
        return self.policy.device

    def precision(self) -> contextlib.AbstractContextManager[Any]:
        """bfloat16 forwards on CUDA, float32 elsewhere; the weights that learn are float32 everywhere."""
        cuda = self.device.type == "cuda"
        return torch.autocast("cuda", torch.bfloat16) if cuda else contextlib.nullcontext()

    def sampling(self, model: Any) -> contextlib.AbstractContextManager[None]:
        """Makes a model ready to sample from: in bfloat16 on CUDA."""
        return rounded(model, torch.bfloat16) if self.device.type == "cuda" else contextlib.nullcontext()


@dataclass(frozen=True)
class Unadapted:
    """A network as it was before its adapters learned anything."""

    adapted: Any

    @property
    def device(self) -> Any:
        return self.adapted.device


@contextlib.contextmanager
def opened(network: Any) -> Iterator[Any]:
    """The transformers model inside, its adapters on, or off where the network is `Unadapted`."""
    if isinstance(network, Unadapted):
        with network.adapted.disable_adapter():
            yield network.adapted.get_base_model()
    else:
        yield network.get_base_model() if hasattr(network, "get_base_model") else network


@contextlib.contextmanager
def rounded(network: Any, kind: torch.dtype) -> Iterator[None]:
    """Inside, the weights are of this kind; after it they are again exactly what they were.

    Sampling takes many small forwards. In autocast each of them would round its inputs anew, and weights that do not learn as well.
    """
    kept = [(weight, weight.data) for weight in network.parameters()]
    try:
        for weight, data in kept:
            weight.data = data.to(kind)
        yield
    finally:
        for weight, data in kept:
            weight.data = data


# Loading --------------------------------------------------------------------------------------------------------------------


def load(model: Path, reward: Path | None, saved: Path | None = None, *, lora_rank: int = 0) -> Networks:
    """Policy and reference from one folder, value and reward from the other; those that learn from `saved` when resuming.

    Without a reward model the value network starts from the policy's trunk. ValueError where the two do not fit together.
    """
    tokenizer = text.load_tokenizer(model)
    sizes = scale(reward, tokenizer) if reward else {"mean": 0.0, "std": 1.0}
    build = _adapted if lora_rank else _whole
    policy, value, reference, scorer = build(model, reward, saved, lora_rank)
    _refuse_unknown_head(policy)
    return Networks(policy, value, reference, scorer if reward else None, tokenizer, sizes["mean"], sizes["std"])


def scale(reward: Path, tokenizer: Any) -> dict[str, float]:
    """Mean and spread of a reward model's scores. ValueError where its tokenizer is not this one."""
    if text.load_tokenizer(reward).get_vocab() != tokenizer.get_vocab():
        raise ValueError("model and reward do not share a tokenizer: train the reward model from this model or its ancestor")
    path = reward / "reward.json"
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: PPO needs the mean and spread of the scores; use a checkpoint of `reward`")
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _whole(model: Path, reward: Path | None, saved: Path | None, _: int) -> tuple[Any, Any, Any, Any]:
    """Policy, value, reference, reward: each with weights of its own."""
    policy = _language(saved / POLICY if saved else model)
    value = _scoring(saved / VALUE) if saved else _critic(model, reward)
    reference = _frozen(_language(model))
    return policy, value, reference, _frozen(_scoring(reward)) if reward else None


def _adapted(model: Path, reward: Path | None, saved: Path | None, rank: int) -> tuple[Any, Any, Any, Any]:
    """Policy, value, reference, reward: two trunks, each of two networks by its adapters."""
    from peft import PeftModel

    def learning(trunk: Any, task: str, name: str) -> Any:
        if saved:
            return PeftModel.from_pretrained(trunk, saved / name, is_trainable=True).eval()
        return weights.with_adapters(trunk, rank, task).eval()

    language, critic = _language(model).requires_grad_(False), _critic(model, reward).requires_grad_(False)
    _share(language, critic)
    policy, value = learning(language, "CAUSAL_LM", POLICY), learning(critic, "SEQ_CLS", VALUE)
    return policy, value, Unadapted(policy), Unadapted(value)


def _language(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return _prepared(AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32))


def _scoring(folder: Path) -> Any:
    from transformers import AutoModelForSequenceClassification

    return _prepared(AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32, num_labels=1))


def _critic(model: Path, reward: Path | None) -> Any:
    """The reward model, whose opinion of unfinished answers is a good start; or the policy's trunk that expects nothing yet."""
    critic = _scoring(reward or model)
    if not reward:
        torch.nn.init.zeros_(critic.score.weight)
    return critic


def _prepared(network: Any) -> Any:
    """On this process' device, in evaluation mode, which turns dropout off for good.

    Old and new log-probabilities of a token must not differ by noise.
    """
    return weights.without_dropout(network).to(processes.device()).eval()


def _frozen(network: Any) -> Any:
    """A network that never learns; in bfloat16 on CUDA, where its forwards are in bfloat16 anyway."""
    cuda = network.device.type == "cuda"
    return network.to(torch.bfloat16 if cuda else torch.float32).requires_grad_(False)


def _share(one: Any, other: Any) -> None:
    """Frozen weights of two trunks that are equal lie in memory once; merging adapters into one then ends the other's use."""
    known = dict(one.base_model.named_parameters())
    for name, weight in other.base_model.named_parameters():
        if name in known and known[name].shape == weight.shape and torch.equal(known[name], weight):
            weight.data = known[name].data


@torch.no_grad()
def _refuse_unknown_head(network: Any) -> None:
    """Logits are made here for answers only, by the output layer alone: a model that does more to them would learn wrongly."""
    with opened(network) as model:
        ids = torch.zeros((1, 2), dtype=torch.long, device=model.device)
        hidden = model.base_model(input_ids=ids, use_cache=False).last_hidden_state
        same = torch.allclose(head(model, hidden), model(input_ids=ids).logits, atol=1e-3)
    if not same:
        raise ValueError(f"{type(model).__name__} changes logits after its output layer, which ppo cannot do; use another model")


# Forwards -------------------------------------------------------------------------------------------------------------------


def head(model: Any, hidden: Tensor) -> Tensor:
    """Logits [..., vocabulary] of hidden states [..., width]."""
    logits: Tensor = model.get_output_embeddings()(hidden)
    return logits


@contextlib.contextmanager
def recomputing(network: Any, wanted: bool) -> Iterator[None]:
    """Inside, if wanted, a gradient computes each layer once more instead of keeping what it was made of (Chen et al. 2016)."""
    if not wanted:
        yield
        return
    with opened(network) as model:
        model.gradient_checkpointing_enable({"use_reentrant": False})
        network.train()  # transformers recomputes in training mode only
        try:
            yield
        finally:
            network.eval()
            model.gradient_checkpointing_disable()
