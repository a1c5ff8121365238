"""A world small enough to write down every answer, so that the best policy there can be is known.

The policy that maximises E[r] − β KL(π ‖ π_ref) is π* ∝ π_ref exp(r / β), and its objective is β log Σ π_ref exp(r / β)
(Ziegler et al. 2019, §2; Rafailov et al. 2023, eq. 4). With a few words and short answers all of these are sums.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from annotation import frozen
from bench.worlds import Shape, llama_config, word_tokenizer
from training import text

WORDS = ["a", "b", "c", "d"]
PROMPTS = ["ask a", "ask b", "ask c"]
NO_END = -1.0  # what PPO pays for an answer that does not end; here such answers hardly happen
SHARED = {"tools": [], "language": "en", "source": "test", "licence": "CC0-1.0", "split": "train"}


@dataclass
class World:
    """A folder with `model`, `reward` and `prompts`, and what is known of it. reference, rewards [prompts, answers], float64.

    `answers` are all texts that the model says; whatever else it might (a cut answer) is one more outcome, the last column.
    """

    folder: Path
    tokenizer: Any
    answers: list[str]
    reference: Tensor
    rewards: Tensor

    def optimum(self, beta: float) -> Tensor:
        """log π* [prompts, answers]."""
        return (self.reference + self.rewards / beta).log_softmax(-1)

    def objective(self, logs: Tensor, beta: float) -> float:
        """E[r] − β KL of a policy's log-probabilities, mean over the prompts."""
        return float((logs.exp() * (self.rewards - beta * (logs - self.reference))).sum(-1).mean())

    def share(self, logs: Tensor, beta: float) -> float:
        """How much of the gain that any policy could have this one has: 0 is the reference, 1 the optimum."""
        least, most = self.objective(self.reference, beta), self.objective(self.optimum(beta), beta)
        return (self.objective(logs, beta) - least) / (most - least)

    def logs(self, folder: Path) -> Tensor:
        """log π [prompts, answers] of the model in a folder."""
        from transformers import AutoModelForCausalLM

        return chances(AutoModelForCausalLM.from_pretrained(folder), self.tokenizer, self.answers)

    def pairs(self, folder: Path, count: int, seed: int) -> Path:
        """A snapshot of two answers of the reference at a time, preferred as Bradley and Terry would: P = σ(r₁ − r₂)."""
        frozen.write(folder, self.prompt_rows(), self._compared(count, seed))
        return folder

    def _compared(self, count: int, seed: int) -> Iterator[dict[str, Any]]:
        dice = torch.Generator().manual_seed(seed)
        drawn = self.reference[:, :-1].exp()
        for number in range(count):
            prompt = number % len(PROMPTS)
            first, second = torch.multinomial(drawn[prompt], 2, replacement=True, generator=dice).tolist()
            likely = torch.sigmoid(self.rewards[prompt, first] - self.rewards[prompt, second])
            better = bool(torch.rand((), generator=dice, dtype=torch.float64) < likely)
            yield self._judged(number, prompt, (first, second), (float(better), float(not better)))

    def _judged(self, number: int, prompt: int, places: tuple[int, int], grades: tuple[float, float]) -> dict[str, Any]:
        """A judgement of the kind `compare`."""
        answers = [
            {
                "sample_id": 2 * number + side,
                "messages": said(self.answers[place]),
                "model": "reference",
                "author": None,
                "written": False,
                "grades": {"overall": grade, "acceptable": 1.0},
            }
            for side, (place, grade) in enumerate(zip(places, grades, strict=True))
        ]
        head = {
            "judgement_id": number,
            "task_id": number,
            "kind": "compare",
            "rater": "planted",
            "guidelines": None,
            "seconds": 1.0,
        }
        return {**SHARED, **head, "prompt_id": prompt, "prompt": asked(PROMPTS[prompt]), "answers": answers}

    @staticmethod
    def prompt_rows() -> list[dict[str, Any]]:
        return [{**SHARED, "prompt_id": place, "messages": asked(prompt)} for place, prompt in enumerate(PROMPTS)]


def asked(prompt: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": prompt}]


def said(answer: str) -> list[dict[str, Any]]:
    return [{"role": "assistant", "content": answer}]


# Making one -----------------------------------------------------------------------------------------------------------------


def make(folder: Path, *, most: int, seed: int) -> World:
    """Writes a world whose answers have at most so many words: a model with chances of its own, a random reward model."""
    from transformers import LlamaForCausalLM, LlamaForSequenceClassification

    tokenizer = word_tokenizer(["ask", *WORDS])
    shape = Shape(words=1 + len(WORDS), width=64, inner=128, layers=2, heads=2, positions=32)
    answers = [" ".join(words) for count in range(1, most + 1) for words in itertools.product(WORDS, repeat=count)]
    torch.manual_seed(seed)
    model = LlamaForCausalLM(llama_config(shape, tokenizer))
    fit(model, tokenizer, answers, torch.randn(len(PROMPTS), len(answers)).log_softmax(-1))
    reward = LlamaForSequenceClassification(llama_config(shape, tokenizer, num_labels=1, initializer_range=0.3)).eval()
    for name, network in (("model", model), ("reward", reward)):
        network.save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
    reference = chances(model, tokenizer, answers)
    mean, std, rewards = scaled(scores(reward, tokenizer, answers), reference)
    (folder / "reward" / "reward.json").write_text(json.dumps({"mean": mean, "std": std}))
    frozen.write(folder / "prompts", World.prompt_rows(), [])
    return World(folder, tokenizer, answers, reference, rewards)


def fit(model: Any, tokenizer: Any, answers: list[str], wanted: Tensor, steps: int = 300) -> None:
    """Teaches the model to say each answer [prompts, answers] with its wanted chance (log), and nothing else."""
    ids, mask, start = chats(tokenizer, answers)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
    for _ in range(steps):
        optimizer.zero_grad()
        found = answer_logprobs(model, ids, mask, start)
        (wanted.flatten().exp() * (wanted.flatten() - found)).sum().backward()
        optimizer.step()
        schedule.step()


def chats(tokenizer: Any, answers: list[str]) -> tuple[Tensor, Tensor, int]:
    """Every prompt with every answer as one batch (ids and mask, padded on the right), and where all answers begin."""
    rows = [text.encode_chat(tokenizer, [*asked(prompt), *said(answer)]).input_ids for prompt in PROMPTS for answer in answers]
    [start] = {len(text.encode_prompt(tokenizer, asked(prompt))) for prompt in PROMPTS}
    return *text.pad_batch(rows, tokenizer.pad_token_id), start


def answer_logprobs(model: Any, ids: Tensor, mask: Tensor, start: int) -> Tensor:
    """log π [rows] of whole answers, their end tokens included."""
    logs = model(input_ids=ids, attention_mask=mask).logits[:, start - 1 : -1].log_softmax(-1)
    return (logs.gather(-1, ids[:, start:, None])[..., 0] * mask[:, start:]).sum(-1)


@torch.no_grad()
def chances(model: Any, tokenizer: Any, answers: list[str]) -> Tensor:
    """log π [prompts, answers + 1]; the last column is all that is no answer."""
    logs = answer_logprobs(model.eval(), *chats(tokenizer, answers)).double().view(len(PROMPTS), -1)
    rest = (1 - logs.exp().sum(-1, keepdim=True)).clamp(min=1e-9).log()
    return torch.cat([logs, rest], -1)


@torch.no_grad()
def scores(reward: Any, tokenizer: Any, answers: list[str]) -> Tensor:
    """The reward model's raw score [prompts, answers]."""
    ids, mask, _ = chats(tokenizer, answers)
    return reward(input_ids=ids, attention_mask=mask).logits[:, 0].double().view(len(PROMPTS), -1)


def scaled(raw: Tensor, reference: Tensor) -> tuple[float, float, Tensor]:
    """Mean and spread of what the reference says, and the rewards [prompts, answers + 1] in that unit."""
    weight = reference[:, :-1].exp()
    mean = float((weight * raw).sum() / weight.sum())
    std = float(((weight * (raw - mean) ** 2).sum() / weight.sum()).sqrt())
    rest = torch.full((len(raw), 1), NO_END, dtype=raw.dtype)
    return mean, std, torch.cat([(raw - mean) / std, rest], -1)
