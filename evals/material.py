"""What the metrics of one run look at: a checkpoint, the texts to read, the prompts to answer, the pairs to order.

Everything that takes a model is worked out when a metric first asks for it, once. No Django.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from annotation import frozen
from annotation.formats import preference
from evals import scoring
from evals.metrics import NotMeasured
from training import card, reward_scores, text
from training.recipes import sample

Messages = list[dict[str, Any]]
Look = Callable[[int, int], None]


@dataclass(frozen=True)
class Question:
    """A prompt of the split, with every answer that people wrote to it."""

    id: str
    prompt: Messages
    tools: list[Any]
    references: list[Messages]

    @property
    def texts(self) -> list[str]:
        return [spoken(messages) for messages in self.references]


@dataclass
class Material:
    """`questions`: those with written answers first. `look(done, all)` is told of every batch and may raise to stop."""

    path: Path
    batch_size: int = 8
    window: int = 0
    stride: int = 0
    max_new_tokens: int = 128
    temperature: float = 0.0
    seed: int = 0
    documents: list[str] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    pairs: list[dict[str, Any]] = field(default_factory=list)
    reward_path: Path | None = None
    look: Look | None = None
    answers: dict[str, str] = field(default_factory=dict)
    rewards: dict[str, float] = field(default_factory=dict)
    _kept: dict[str, Any] = field(default_factory=dict)

    @property
    def is_reward(self) -> bool:
        return card.read(self.path).get("role") == "reward"

    @property
    def asked(self) -> list[Question]:
        return [question for question in self.questions if question.references]

    @property
    def reading(self) -> dict[str, Any]:
        """How documents are read: what `evals/metrics/perplexity.py` is called with."""
        return {"window": self.window, "stride": self.stride, "batch_size": self.batch_size, "look": self.look}

    @property
    def tokenizer(self) -> Any:
        return self._once("tokenizer", lambda: text.load_tokenizer(self.path))

    @property
    def model(self) -> Any:
        """The language model. NotMeasured when the checkpoint is a reward model: it gives no likelihoods and no answers."""
        if self.is_reward:
            raise NotMeasured("the checkpoint is a reward model")
        return self._once("model", lambda: scoring.load_language_model(self.path))

    def answer_scores(self) -> list[tuple[str, float, float, float, int]]:
        """(prompt's id, nll in nats, tokens, foreseen tokens, bytes), summed over the written answers to each prompt."""
        return self._once("answer_scores", self._answer_scores)

    def answered(self) -> Iterator[tuple[str, str, list[str]]]:
        """(prompt's id, the model's answer, people's answers) of every prompt that people answered."""
        if not self.asked:
            raise NotMeasured("give a dataset with written answers in this split")
        self.answer_all()
        return ((question.id, self.answers[question.id], question.texts) for question in self.asked if question.id in self.answers)

    def answer_all(self) -> dict[str, str]:
        """The model's answer to every prompt that leaves it room for one, by the prompt's id."""
        asked = [sample.Asked(int(question.id), ids) for question in self.questions if (ids := self._fitting(question))]
        batches = sample.batched([prompt for prompt in asked if str(prompt.prompt_id) not in self.answers], self.batch_size)
        how = sample.Config(per_prompt=1, temperature=self.temperature, max_new_tokens=self.max_new_tokens)
        for number, batch in enumerate(batches):
            for line in sample.answer(self.model, self.tokenizer, batch, how, seed=self.seed * 1_000_003 + number):
                self.answers[str(line["prompt_id"])] = spoken(line["messages"])
            if self.look:
                self.look(number + 1, len(batches))
        return self.answers

    def reward_all(self) -> dict[str, float]:
        """The reward model's score of every answer that it can read whole, by the prompt's id."""
        if self.reward_path is None:
            raise NotMeasured("give a reward model")
        if not self.questions:
            raise NotMeasured("give a dataset with prompts in this split")
        self.answer_all()
        if not self.rewards:
            answered = [question for question in self.questions if question.id in self.answers]
            chats = [[*question.prompt, *said(self.answers[question.id])] for question in answered]
            tools = [question.tools for question in answered]
            scores = reward_scores.raw(self.reward_path, chats, tools, self.batch_size, self.look)
            scored = zip(answered, scores, strict=True)
            self.rewards |= {question.id: score for question, score in scored if score is not None}
        if not self.rewards:
            raise NotMeasured("the reward model can read no answer together with its prompt: they are longer than it reads")
        return self.rewards

    def pair_scores(self) -> list[tuple[str, float, float]]:
        """(prompt's id, the checkpoint's own reward of the chosen answer, of the rejected) of every pair that it reads whole."""
        chats = [[*pair["prompt"], *pair[side]] for pair in self.pairs for side in ("chosen", "rejected")]
        tools = [pair.get("tools") or [] for pair in self.pairs for _side in range(2)]
        scores = reward_scores.raw(self.path, chats, tools, self.batch_size, self.look)
        scored = [
            (pair["prompt_id"], chosen, rejected)
            for pair, chosen, rejected in zip(self.pairs, scores[::2], scores[1::2], strict=True)
            if chosen is not None and rejected is not None
        ]
        if not scored:
            raise NotMeasured("the reward model can read no pair of answers: they are longer than it reads")
        return scored

    def vocabulary(self) -> str:
        """A digest of the tokenizer: perplexities compare only where it is equal."""
        file = self.path / "tokenizer.json"
        return hashlib.sha256(file.read_bytes()).hexdigest()[:16] if file.exists() else ""

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]

    def _fitting(self, question: Question) -> list[int]:
        """The prompt's tokens; none where they leave no room for an answer."""
        ids = text.encode_prompt(self.tokenizer, question.prompt, question.tools)
        return ids if len(ids) < scoring.reach(self.model) else []

    def _answer_scores(self) -> list[tuple[str, float, float, float, int]]:
        length = self.window or scoring.reach(self.model)
        pairs = [(question, reference) for question in self.asked for reference in question.references]
        marked = [scoring.answer(self.tokenizer, question.prompt, question.tools, reference) for question, reference in pairs]
        fitting = [(pair, row) for pair, row in zip(pairs, marked, strict=True) if len(row[0]) <= length]
        if not fitting:
            raise NotMeasured(f"no written answer fits in the model's {length} tokens together with its prompt")
        found = scoring.score(self.model, [row for _, row in fitting], self.tokenizer.pad_token_id, self.batch_size, look=self.look)
        sums: dict[str, list[float]] = {}
        for ((question, reference), _), (nll, tokens, correct) in zip(fitting, found.tolist(), strict=True):
            so_far = sums.setdefault(question.id, [0.0, 0.0, 0.0, 0])
            for column, value in enumerate((nll, tokens, correct, len(spoken(reference).encode()))):
                so_far[column] += value
        return [(name, *values) for name, values in sums.items()]  # type: ignore[misc]


def said(answer: str) -> Messages:
    """An answer's text as the assistant's turn."""
    return [{"role": "assistant", "content": answer}]


def spoken(messages: Messages) -> str:
    """What the assistant said last."""
    return str(messages[-1].get("content") or "") if messages else ""


def read_questions(folder: Path, split: str, limit: int) -> list[Question]:
    """The prompts of a split, at most `limit` (0: all), those with written answers first, each group in order of id."""
    written: dict[Any, list[Messages]] = {}
    for row in frozen.read_rows(folder, split):
        found = [answer["messages"] for answer in row["answers"] if answer["written"]]
        if found:
            written.setdefault(row["prompt_id"], []).extend(found)
    prompts = sorted(frozen.read_prompts(folder, split), key=lambda row: row["prompt_id"] not in written)
    return [
        Question(str(row["prompt_id"]), row["messages"], row["tools"], written.get(row["prompt_id"], []))
        for row in prompts[: limit or None]
    ]


def read_pairs(folder: Path, split: str, limit: int) -> list[dict[str, Any]]:
    """The strictly ordered pairs of a split with their `prompt_id`, of at most `limit` prompts (0: all)."""
    kept: dict[Any, list[dict[str, Any]]] = {}
    for row in frozen.read_rows(folder, split):
        pairs = list(preference.rows(row))
        if pairs and (row["prompt_id"] in kept or not limit or len(kept) < limit):
            kept.setdefault(row["prompt_id"], []).extend(pair | {"prompt_id": str(row["prompt_id"])} for pair in pairs)
    return list(itertools.chain.from_iterable(kept.values()))


def read_documents(path: Path, limit: int) -> list[str]:
    """The first documents of a corpus, at most `limit` (0: all)."""
    return list(itertools.islice(text.documents(path), limit or None))
