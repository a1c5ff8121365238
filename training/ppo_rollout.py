"""PPO's experience: the policy answers prompts, and every network says what it thinks of each token of the answers."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training import ppo_math, ppo_rewards, rewards, text, weights

POLICY, VALUE = "policy", "value"  # folders of the networks that learn, in a checkpoint to resume from


@dataclass(frozen=True)
class Asked:
    """A prompt of the snapshot, and its tokens up to where an answer begins."""

    prompt_id: int
    messages: list[dict[str, Any]]
    tools: list[Any]
    ids: list[int]
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Answered:
    """A prompt and the tokens sampled for it, its end token included when it `ended` by itself."""

    asked: Asked
    ids: list[int]
    ended: bool


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
        """bfloat16 forwards on CUDA, float32 elsewhere; the weights are float32 everywhere."""
        cuda = self.device.type == "cuda"
        return torch.autocast("cuda", torch.bfloat16) if cuda else contextlib.nullcontext()


def load(model: Path, reward: Path | None, saved: Path | None = None) -> Networks:
    """Policy and reference from one folder, value and reward from the other; those that learn from `saved` when resuming.

    Without a reward model the value network starts from the policy's trunk. ValueError where the two do not fit together.
    """
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

    tokenizer = text.load_tokenizer(model)
    sizes = scale(reward, tokenizer) if reward else {"mean": 0.0, "std": 1.0}
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def network(kind: Any, folder: Path) -> Any:
        one_score = {"num_labels": 1} if kind is AutoModelForSequenceClassification else {}
        # Evaluation mode turns dropout off for good: old and new log-probabilities of a token must not differ by noise.
        return weights.without_dropout(kind.from_pretrained(folder, dtype=torch.float32, **one_score)).to(device).eval()

    value = network(AutoModelForSequenceClassification, saved / VALUE if saved else reward or model)
    if not saved and not reward:
        torch.nn.init.zeros_(value.score.weight)  # the policy's trunk with a head that expects nothing yet
    return Networks(
        policy=network(AutoModelForCausalLM, saved / POLICY if saved else model),
        value=value,
        reference=network(AutoModelForCausalLM, model).requires_grad_(False),
        reward=network(AutoModelForSequenceClassification, reward).requires_grad_(False) if reward else None,
        tokenizer=tokenizer,
        mean=sizes["mean"],
        std=sizes["std"],
    )


def scale(reward: Path, tokenizer: Any) -> dict[str, float]:
    """Mean and spread of a reward model's scores. ValueError where its tokenizer is not this one."""
    if text.load_tokenizer(reward).get_vocab() != tokenizer.get_vocab():
        raise ValueError("model and reward do not share a tokenizer: train the reward model from this model or its ancestor")
    path = reward / "reward.json"
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: PPO needs the mean and spread of the scores; use a checkpoint of `reward`")
    return dict(json.loads(path.read_text(encoding="utf-8")))


# Answers --------------------------------------------------------------------------------------------------------------------


def answers(nets: Networks, prompts: Sequence[Asked], *, temperature: float, most: int, at_once: int) -> list[Answered]:
    """One sampled answer to each prompt, at most `most` tokens long, with the key-value cache."""
    from transformers import GenerationConfig

    tokenizer = nets.tokenizer
    # Every setting, because a model's folder may carry others: the policy must be sampled exactly as its log-probabilities say.
    how = GenerationConfig(
        do_sample=True,
        temperature=temperature,
        top_k=0,
        top_p=1.0,
        max_new_tokens=most,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=tokenizer.bos_token_id,
        use_cache=True,
    )
    found: list[Answered] = []
    for batch in chunks(prompts, at_once):
        ids, mask = text.pad_batch([asked.ids for asked in batch], tokenizer.pad_token_id, side="left")
        with torch.no_grad(), nets.precision():
            made = nets.policy.generate(input_ids=ids.to(nets.device), attention_mask=mask.to(nets.device), generation_config=how)
        rows = made[:, ids.shape[1] :].tolist()
        found += [cut(asked, row, tokenizer.eos_token_id) for asked, row in zip(batch, rows, strict=True)]
    return found


def cut(asked: Asked, ids: list[int], end: int) -> Answered:
    """An answer up to its first end token; what `generate` filled in after it is gone."""
    ended = end in ids
    return Answered(asked, ids[: ids.index(end) + 1] if ended else ids, ended)


def chunks(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """The items in runs of `size`."""
    for at in range(0, len(items), size):
        yield items[at : at + size]


# What the networks say ------------------------------------------------------------------------------------------------------


@dataclass
class Batch:
    """Prompts with their answers, padded on the right.

    ids, attention: [rows, length]. The window are the positions from the last prompt token of the shortest prompt on; position t
    of `tokens` and `mask` [rows, window] is the token that window position t predicts, and whether it belongs to an answer.
    """

    ids: Tensor
    attention: Tensor
    tokens: Tensor
    mask: Tensor

    def rows(self, which: Tensor) -> Batch:
        """Some of the rows."""
        return Batch(self.ids[which], self.attention[which], self.tokens[which], self.mask[which])


def pack(answered: Sequence[Answered], pad_id: int, device: Any) -> Batch:
    """Answers as one batch."""
    ids, attention = text.pad_batch([[*row.asked.ids, *row.ids] for row in answered], pad_id)
    start = min(len(row.asked.ids) for row in answered) - 1
    places = torch.arange(start + 1, ids.shape[1])
    first = torch.tensor([[len(row.asked.ids)] for row in answered])
    after = torch.tensor([[len(row.asked.ids) + len(row.ids)] for row in answered])
    mask = (places >= first) & (places < after)
    return Batch(ids.to(device), attention.to(device), ids[:, start + 1 :].to(device), mask.to(device))


def window_logits(nets: Networks, model: Any, batch: Batch) -> Tensor:
    """Logits [rows, window, vocabulary] of the tokens that the window predicts."""
    window = batch.tokens.shape[1]
    with nets.precision():
        # The vocabulary is the widest dimension of all: logits of prompt tokens are never made.
        return model(input_ids=batch.ids, attention_mask=batch.attention, logits_to_keep=window + 1).logits[:, -window - 1 : -1]


def logprobs(nets: Networks, model: Any, batch: Batch, temperature: float) -> Tensor:
    """Log-probability [rows, window] of each token in the window."""
    return ppo_math.token_logprobs(window_logits(nets, model, batch), batch.tokens, temperature)


def values(nets: Networks, batch: Batch) -> Tensor:
    """What the critic expects [rows, window] before each token of the window, in the unit of the normalised reward.

    Its first opinion is the reward model's own of the unfinished answer.
    """
    with nets.precision():
        hidden = nets.value.base_model(input_ids=batch.ids, attention_mask=batch.attention).last_hidden_state
        raw = nets.value.score(hidden[:, -batch.tokens.shape[1] - 1 : -1]).squeeze(-1)
    return (raw.float() - nets.mean) / nets.std


def scores(nets: Networks, answered: Sequence[Answered], at_once: int) -> Tensor:
    """The reward model's raw score [rows] of each answer as people would read it: its text, encoded as in training."""
    found = []
    for batch in chunks(answered, at_once):
        rows = [text.encode_chat(nets.tokenizer, said(nets.tokenizer, row), row.asked.tools).input_ids for row in batch]
        ids, mask = text.pad_batch(rows, nets.tokenizer.pad_token_id)
        with torch.no_grad(), nets.precision():
            found.append(nets.reward(input_ids=ids.to(nets.device), attention_mask=mask.to(nets.device)).logits[:, 0].float())
    return torch.cat(found)


def said(tokenizer: Any, row: Answered) -> list[dict[str, Any]]:
    """The chat with its answer as messages."""
    return [*row.asked.messages, {"role": "assistant", "content": text.decode_answer(tokenizer, row.ids)}]


# Experience -----------------------------------------------------------------------------------------------------------------


@dataclass
class Experience:
    """One rollout. [rows]: scores, shaped. [rows, window]: logprobs, reference, values. `kl` is in nats an answer.

    parts: each reward's mean before its weight, as `reward_NAME`.
    """

    answered: list[Answered]
    batch: Batch
    scores: Tensor
    logprobs: Tensor
    reference: Tensor
    values: Tensor
    parts: dict[str, float] = field(default_factory=dict)

    @property
    def kl(self) -> float:
        """Mean over the answers of log π - log π_ref, summed over their tokens."""
        return float((self.logprobs - self.reference).mul(self.batch.mask).sum(-1).mean())

    def figures(self) -> dict[str, float]:
        """What a rollout is told by: reward, KL, share of answers that ended, mean length in tokens."""
        return {
            "reward": float(self.scores.mean()),
            "kl": self.kl,
            "eos_rate": sum(row.ended for row in self.answered) / len(self.answered),
            "length": float(self.batch.mask.sum(-1).float().mean()),
            **self.parts,
        }


def gather(
    nets: Networks,
    prompts: Sequence[Asked],
    *,
    weights: Mapping[str, float],
    temperature: float,
    most: int,
    at_once: int,
    clip: float,
    unended: float,
) -> Experience:
    """The policy answers the prompts; rewards, reference and critic look at the answers, `at_once` rows at a time."""
    answered = answers(nets, prompts, temperature=temperature, most=most, at_once=at_once)
    batch = pack(answered, nets.tokenizer.pad_token_id, nets.device)
    model = None
    if rewards.MODEL in weights:
        model = ppo_math.normalised(scores(nets, answered, at_once), nets.mean, nets.std, clip)
    pay, parts = ppo_rewards.paid(nets.tokenizer, answered, weights, model=model, unended=unended)
    new, reference, expected = [], [], []
    with torch.no_grad():
        for rows in torch.arange(len(answered)).split(at_once):
            part = batch.rows(rows)
            new.append(logprobs(nets, nets.policy, part, temperature))
            reference.append(logprobs(nets, nets.reference, part, temperature))
            expected.append(values(nets, part))
    return Experience(
        answered=answered,
        batch=batch,
        scores=pay.to(nets.device),
        logprobs=torch.cat(new),
        reference=torch.cat(reference),
        values=torch.cat(expected),
        parts=parts,
    )
