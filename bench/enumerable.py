"""A world small enough to write down every answer, so that the best policy there can be is known.

The policy that maximises E[r] − β KL(π ‖ π_ref) is π* ∝ π_ref exp(r / β), and its objective is β log Σ π_ref exp(r / β)
(Ziegler et al. 2019, §2; Rafailov et al. 2023, eq. 4). With a few words and short answers all of these are sums.

Each place of an answer has words of its own, and after a word only those of the next place, or the end, are ever said: so every
answer is listed, for the model as it comes in and for whatever is trained from it.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from annotation import frozen
from bench.worlds import SILENCE, Shape, llama_config, plant_end, word_tokenizer
from training import text

WORDS = [["a", "b", "c"], ["d", "e", "f"]]  # of the first place and of the second
PROMPTS = ["ask a", "ask b", "ask c"]
END = 0.5  # about the chance that an answer is over where another word could follow
RATERS = 25  # of a pair; odd, so that one answer is always ahead
UNLISTED = 0.01  # the most chance that learning may have leaked to what nobody can say
ORDER = [1, 2, 3]  # dimensions of the residual stream that tell which place's words come next
LOUD, HEARD = 8.0, 5.0  # how they tell it; and how much louder all other dimensions of a token become, to be heard beside it
SHARED = {"tools": [], "language": "en", "source": "test", "licence": "CC0-1.0", "split": "train"}


@dataclass
class World:
    """A folder with `model`, `reward` and `prompts`, and what is known of it. reference, rewards [prompts, answers], float64.

    `answers` are all that can be said.
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
        """E[r] − β KL of a policy's log-probabilities, mean over the prompts.

        What learning leaked to texts that are not listed counts as the worst answer, and its KL as that of one text `SILENCE`
        nats below all others.
        """
        listed = (logs.exp() * (self.rewards - beta * (logs - self.reference))).sum(-1)
        leaked = (1 - logs.exp().sum(-1)).clamp(min=0)
        return float((listed + leaked * (self.rewards.amin(-1) - beta * SILENCE) - beta * leaked.xlogy(leaked)).mean())

    def share(self, logs: Tensor, beta: float) -> float:
        """How much of the gain that any policy could have this one has: 0 is the reference, 1 the optimum."""
        least, most = self.objective(self.reference, beta), self.objective(self.optimum(beta), beta)
        return (self.objective(logs, beta) - least) / (most - least)

    def of_preferences(self) -> World:
        """This world paid by how often an answer beats one of the reference's: what IPO maximises (Azar et al. 2024, eq. 6)."""
        wins = torch.sigmoid(self.rewards[:, :, None] - self.rewards[:, None, :])
        return replace(self, rewards=(wins * self.reference.exp()[:, None, :]).sum(-1))

    def logs(self, folder: Path) -> Tensor:
        """log π [prompts, answers] of the model in a folder. ValueError if it says what is not listed."""
        from transformers import AutoModelForCausalLM

        return chances(AutoModelForCausalLM.from_pretrained(folder), self.tokenizer, self.answers)

    def judge(self, folder: Path, count: int, seed: int) -> Path:
        """A snapshot of two drawn answers at a time, each pair judged by `RATERS` as Bradley and Terry would: P = σ(r₁ − r₂).

        What share of them preferred the first is told as `beats`, as in a snapshot taken with `reliability`. The aspect `score` is
        the reward itself.
        """
        torch.manual_seed(seed)
        frozen.write(folder, self.prompt_rows(), self._judged(count))
        return folder

    def _judged(self, count: int) -> Iterator[dict[str, Any]]:
        texts = [drawn(self.folder / "model", self.tokenizer, prompt, 2 * -(-count // len(PROMPTS))) for prompt in PROMPTS]
        known = {answer: place for place, answer in enumerate(self.answers)}
        for number in range(count):
            prompt, pair = number % len(PROMPTS), number // len(PROMPTS)
            said = texts[prompt][2 * pair : 2 * pair + 2]
            scores = [float(self.rewards[prompt, known[text]]) for text in said]
            likely = torch.sigmoid(torch.tensor(scores[0] - scores[1]))
            yield compared(number, prompt, said, int(torch.binomial(torch.tensor(float(RATERS)), likely)), scores)

    @staticmethod
    def prompt_rows() -> list[dict[str, Any]]:
        return [{**SHARED, "prompt_id": place, "messages": asked(prompt)} for place, prompt in enumerate(PROMPTS)]


def asked(prompt: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": prompt}]


def answered(answer: str) -> list[dict[str, Any]]:
    return [{"role": "assistant", "content": answer}]


def compared(number: int, prompt: int, said: list[str], votes: int, scores: list[float]) -> dict[str, Any]:
    """A judgement of the kind `compare`: so many of the raters were for the first answer."""
    shares = (votes / RATERS, 1 - votes / RATERS)
    answers = [
        {
            "sample_id": 2 * number + side,
            "messages": answered(text),
            "model": "reference",
            "author": None,
            "written": False,
            "grades": {"overall": float(shares[side] > 0.5), "acceptable": 1.0, "score": scores[side]},
            "beats": {str(2 * number + 1 - side): shares[side]},
        }
        for side, text in enumerate(said)
    ]
    head = {"judgement_id": number, "task_id": number, "kind": "compare", "rater": "planted", "guidelines": None, "seconds": 1.0}
    return {**SHARED, **head, "weight": 1.0, "prompt_id": prompt, "prompt": asked(PROMPTS[prompt]), "answers": answers}


# Making one -----------------------------------------------------------------------------------------------------------------


def make(folder: Path, *, most: int, seed: int) -> World:
    """Writes a world of answers of at most so many words: a random model, and a reward model with a mind of its own."""
    from transformers import LlamaForCausalLM, LlamaForSequenceClassification

    places = WORDS[:most]
    words = list(itertools.chain(*WORDS))
    tokenizer = word_tokenizer(["ask", *words])
    shape = Shape(words=1 + len(words), width=64, inner=128, layers=2, heads=2, positions=64)
    answers = [" ".join(said) for count in range(most + 1) for said in itertools.product(*places[:count])]
    torch.manual_seed(seed)
    model = LlamaForCausalLM(llama_config(shape, tokenizer, initializer_range=0.1)).eval()
    plant_order(model, tokenizer, places)
    unfinished, _, start = chats(tokenizer, [" ".join(said) for said in itertools.product(*places[:-1])])
    plant_end(model, tokenizer, unfinished[:, start - 1 : -1], END, silent=[tokenizer.convert_tokens_to_ids("ask")])
    reward = LlamaForSequenceClassification(llama_config(shape, tokenizer, num_labels=1, initializer_range=0.1)).eval()
    fit(reward, tokenizer, answers, torch.randn(len(PROMPTS), len(answers)))
    for name, network in (("model", model), ("reward", reward)):
        network.save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
    reference = chances(model, tokenizer, answers)
    mean, std, rewards = scaled(scores(reward, tokenizer, answers), reference)
    (folder / "reward" / "reward.json").write_text(json.dumps({"mean": mean, "std": std}))
    frozen.write(folder / "prompts", World.prompt_rows(), [])
    return World(folder, tokenizer, answers, reference, rewards)


@torch.no_grad()
def plant_order(model: Any, tokenizer: Any, places: list[list[str]]) -> None:
    """An answer opens with a word of the first place; after a word come only those of the next place, after the last none.

    Each token tells in a dimension of its own what comes next, and the logits of all other words are sunk there so deep that no
    gradient reaches them. It tells it loudly: else small steps anywhere in the model would move those logits far.
    """
    embedding, head = model.model.embed_tokens.weight, model.lm_head.weight
    words = tokenizer.convert_tokens_to_ids(list(itertools.chain(*WORDS)))
    said = [tokenizer.convert_tokens_to_ids(place) for place in places]
    embedding *= HEARD
    embedding[:, ORDER], head[:, ORDER] = torch.tensor([LOUD, 0.0, 0.0]), 0.0
    for place, tokens in enumerate(said, 1):
        embedding[tokens, ORDER[0]], embedding[tokens, ORDER[place]] = 0.0, LOUD
    for layer in model.model.layers:
        layer.self_attn.o_proj.weight[ORDER], layer.mlp.down_proj.weight[ORDER] = 0.0, 0.0
    told = model.model(input_ids=torch.tensor(words)[:, None]).last_hidden_state[..., ORDER].max()
    for place, follows in enumerate([*said, []]):
        head[sorted({*words} - {*follows}), ORDER[place]] = -SILENCE / told


def fit(reward: Any, tokenizer: Any, answers: list[str], wanted: Tensor, steps: int = 200) -> None:
    """Teaches the reward model about these scores [prompts, answers]: what a random one says hardly depends on the answer."""
    ids, mask, _ = chats(tokenizer, answers)
    optimizer = torch.optim.Adam(reward.parameters(), lr=3e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        ((reward(input_ids=ids, attention_mask=mask).logits[:, 0] - wanted.flatten()) ** 2).mean().backward()
        optimizer.step()


def drawn(model: Path, tokenizer: Any, prompt: str, count: int) -> list[str]:
    """So many answers of a model, sampled."""
    from transformers import AutoModelForCausalLM

    ids = torch.tensor([text.encode_prompt(tokenizer, asked(prompt))] * count)
    network = AutoModelForCausalLM.from_pretrained(model)
    made = network.generate(ids, do_sample=True, top_k=0, max_new_tokens=len(WORDS) + 1, pad_token_id=tokenizer.pad_token_id)
    return [text.decode_answer(tokenizer, row) for row in made[:, ids.shape[1] :].tolist()]


def chats(tokenizer: Any, answers: list[str]) -> tuple[Tensor, Tensor, int]:
    """Every prompt with every answer as one batch (ids and mask, padded on the right), and where all answers begin."""
    rows = [text.encode_chat(tokenizer, [*asked(prompt), *answered(answer)]).input_ids for prompt in PROMPTS for answer in answers]
    [start] = {len(text.encode_prompt(tokenizer, asked(prompt))) for prompt in PROMPTS}
    return *text.pad_batch(rows, tokenizer.pad_token_id), start


def answer_logprobs(model: Any, ids: Tensor, mask: Tensor, start: int) -> Tensor:
    """log π [rows] of whole answers, their end tokens included."""
    logs = model(input_ids=ids, attention_mask=mask).logits[:, start - 1 : -1].log_softmax(-1)
    return (logs.gather(-1, ids[:, start:, None])[..., 0] * mask[:, start:]).sum(-1)


@torch.no_grad()
def chances(model: Any, tokenizer: Any, answers: list[str]) -> Tensor:
    """log π [prompts, answers], float64. ValueError where they are not nearly all that is said: little known here would hold."""
    logs = answer_logprobs(model.eval().double(), *chats(tokenizer, answers)).view(len(PROMPTS), -1)
    off = float((logs.exp().sum(-1) - 1).abs().max())
    if off > UNLISTED:
        raise ValueError(f"answers that are not listed have a chance of {off:.1e}")
    return logs


@torch.no_grad()
def scores(reward: Any, tokenizer: Any, answers: list[str]) -> Tensor:
    """The reward model's raw score [prompts, answers]."""
    ids, mask, _ = chats(tokenizer, answers)
    return reward(input_ids=ids, attention_mask=mask).logits[:, 0].double().view(len(PROMPTS), -1)


def scaled(raw: Tensor, reference: Tensor) -> tuple[float, float, Tensor]:
    """Mean and spread of what the reference says, and the rewards [prompts, answers] in that unit."""
    weight = reference.exp()
    mean = float((weight * raw).sum() / weight.sum())
    std = float(((weight * (raw - mean) ** 2).sum() / weight.sum()).sqrt())
    return mean, std, (raw - mean) / std
