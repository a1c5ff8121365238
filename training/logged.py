"""Logged answers with their rewards, as recipes learn from them: rows of a snapshot as tokens, and the weighted likelihood of each.

Rewards are people's grades in one aspect, averaged over raters, or scores and rules (`training/paying.py`) of every answer that the
snapshot holds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from annotation import frozen
from annotation.formats import logged
from training import pairs, paying, stages
from training.paying import Given
from training.rundir import RunDir


@dataclass
class Logged:
    """An answer, what it earned, the model that gave it, and the weight of each token in the likelihood (set by the recipe)."""

    prompt_id: int
    answer: pairs.Answer
    reward: float
    model: str = ""
    weights: list[float] = field(default_factory=list)

    @property
    def answers(self) -> tuple[pairs.Answer]:
        return (self.answer,)

    @property
    def length(self) -> int:
        """Tokens of the answer, its end included."""
        return sum(self.answer.answer)


# Rows -----------------------------------------------------------------------------------------------------------------------


def read(run: RunDir, tokenizer: Any, split: str, longest: int, *, aspect: str, wanted: str) -> list[Logged]:
    """The answers of a split, each once. They earn what `wanted` (rewards with weights) says, else people's grades in `aspect`.

    Says how many answers there are, and how many were left out because they are too long.
    """
    earned = scored(run, split, wanted) if wanted else graded(run, split, aspect)
    rows = [Logged(one.prompt_id, encode(tokenizer, one), reward, one.model) for one, reward in earned]
    fitting = [row for row in rows if len(row.answer.ids) <= longest]
    left_out = f"; {len(rows) - len(fitting)} longer than {longest} tokens left out" if len(fitting) < len(rows) else ""
    prompts = len({row.prompt_id for row in fitting})
    run.message(f"{split}: {len(fitting)} answers to {prompts} prompts{left_out}")
    return fitting


def encode(tokenizer: Any, one: Given) -> pairs.Answer:
    """An answer with its prompt as tokens."""
    return pairs.encode(tokenizer, {"prompt": one.prompt, "tools": one.tools}, one.answer)


def graded(run: RunDir, split: str, aspect: str) -> Iterator[tuple[Given, float]]:
    """Each answer that people graded in this aspect, with its mean grade by the raters' weights. ValueError where units differ."""
    answers: dict[int, Given] = {}
    said: dict[int, list[tuple[float, float]]] = defaultdict(list)
    others: set[str] = set()
    ordered: set[bool] = set()
    for row in frozen.read_rows(run.required("dataset"), split):
        for grade in logged.rows(row):
            others |= grade["rewards"].keys()
            if aspect in grade["rewards"]:
                answers[grade["sample_id"]] = given(grade, grade.get("tools") or [], grade["answer"], grade["model"])
                said[grade["sample_id"]].append((grade["rewards"][aspect], grade.get("weight", 1.0)))
                ordered.add(grade["ordered"] and aspect == "overall")
    if others and not said:
        raise ValueError(f"aspect: nobody graded {aspect!r} in split {split}; people graded: {', '.join(sorted(others))}")
    if len(ordered) > 1:
        raise ValueError(f"aspect: {aspect!r} was rated in some judgements and ordered in others, which have no unit in common")
    return ((answers[sample], mean) for sample, words in said.items() if (mean := weighted(words)) is not None)


def given(row: dict[str, Any], tools: list[Any], answer: paying.Messages, model: str) -> Given:
    """An answer to the prompt of a row."""
    return Given(row["prompt_id"], row["prompt"], tools, answer, model)


def weighted(words: Sequence[tuple[float, float]]) -> float | None:
    """The mean of (value, weight), None where no word weighs anything."""
    total = sum(weight for _value, weight in words)
    return sum(value * weight for value, weight in words) / total if total else None


def scored(run: RunDir, split: str, wanted: str) -> Iterator[tuple[Given, float]]:
    """Every answer that the snapshot holds, with what it earns; says how many are too long for the reward model."""
    shown, metadata = every(run, split), paying.metadata_of(run.required("dataset"), split)
    found = stages.once(run, f"rewards-{split}", lambda: paying.paid(run, wanted, metadata, shown))
    if unread := found.count(None):
        run.message(f"{split}: {unread} answers left out, which are longer than the reward model reads")
    return ((one, value) for one, value in zip(shown, found, strict=True) if value is not None)


def every(run: RunDir, split: str) -> list[Given]:
    """The answers that the snapshot holds, each once."""
    answers: dict[int, Given] = {}
    for row in frozen.read_rows(run.required("dataset"), split):
        for answer in row["answers"]:
            answers[answer["sample_id"]] = given(row, row["tools"], answer["messages"], answer["model"])
    return list(answers.values())


# Likelihood -----------------------------------------------------------------------------------------------------------------


def batched(rows: Sequence[Logged], pad_id: int) -> pairs.Batch:
    """Rows as tensors: those of `pairs.batched`, `weight` [rows, length] of each answer token (0 elsewhere), `reward` [rows]."""
    import torch

    batch = pairs.batched([row.answer for row in rows], pad_id)
    weight = torch.zeros(batch["input_ids"].shape)
    for place, row in enumerate(rows):
        weight[place][batch["answer"][place].bool()] = torch.tensor(row.weights or [1.0] * row.length)
    return batch | {"weight": weight, "reward": torch.tensor([row.reward for row in rows])}


def token_count(batch: pairs.Batch) -> Any:
    """Tokens of the batch's answers."""
    return batch["answer"].sum()


def token_logprobs(model: Any, batch: pairs.Batch) -> tuple[Any, Any, Any]:
    """(log π, weight) of every answer token [tokens], in nats, and where in the batch [rows, length] each was predicted."""
    import torch

    from training import ppo_math

    where = torch.nn.functional.pad(batch["answer"][:, 1:], (0, 1)).bool()
    following = batch["input_ids"].roll(-1, 1)[where]
    found = ppo_math.token_logprobs(pairs.answer_logits(model, batch, where), following, 1.0)
    return found, batch["weight"].roll(-1, 1)[where], where


def loss(model: Any, batch: pairs.Batch) -> Any:
    """Mean over all answer tokens of −weight · log π."""
    found, weight, _where = token_logprobs(model, batch)
    return -(weight * found).sum() / len(found)
