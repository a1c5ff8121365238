"""Trains a reward model on rankings: a language model whose last token gets a score instead of a next word.

    python manage.py train reward --project P --input model=NAME --input dataset=SNAPSHOT

All answers of one judgement pass through the model together. Its loss is the mean over its strictly ordered pairs of
−log σ(r_better − r_worse) (Bradley & Terry 1952; the k-wise batch of Ouyang et al. 2022, §3.5), so that a judgement counts once,
however many answers it ranks. Tied answers make no pair; judgements that only tie are left out and counted in a message. The
unacceptable tier is the lowest: everything acceptable is above it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

from annotation import frozen
from annotation.formats import ranking
from training import text, weights
from training.rundir import RunDir
from training.schedule import SHARED, Schedule
from training.schema import Input

TITLE = "Reward model"
INPUTS = (
    Input("model", "checkpoint", "The language model that the reward model starts from.", role="causal-lm"),
    Input("dataset", "snapshot", "Judgements in which people ranked answers."),
)
OUTCOME = "checkpoint"


@dataclass
class Judgement:
    """The answers of one judgement as tokens, and the pairs (better, worse) of their places."""

    answers: list[list[int]]
    pairs: list[tuple[int, int]]


@dataclass
class Config(Schedule):
    epochs: float = field(default=1.0, metadata=SHARED["epochs"].metadata)
    batch_size: int = field(
        default=4,
        metadata={"help": "Judgements that one process holds at once, each with all its answers.", "unit": "judgements", "min": 1},
    )
    learning_rate: float = field(
        default=9e-6,
        metadata={
            "help": "Peak of the learning rate: 5e-6 to 1e-5 for a large model (Ouyang et al. 2022, C.2), 5e-4 for one of 1M.",
            "min": 0.0,
            "max": 1.0,
        },
    )
    max_length: int = field(
        default=1024,
        metadata={
            "help": "Judgements with a longer answer (prompt counted) are left out, and counted in a message.",
            "unit": "tokens",
            "min": 8,
        },
    )


def main(run: RunDir, config: Config) -> None:
    """Data, model, training, then the scale of the scores and the accuracy on held-out pairs."""
    from transformers import AutoModelForSequenceClassification, set_seed

    from training import hf

    set_seed(run.seed)
    folder = run.required("model")
    tokenizer = text.load_tokenizer(folder)
    model = weights.without_dropout(
        AutoModelForSequenceClassification.from_pretrained(
            folder, num_labels=1, dtype="float32", pad_token_id=tokenizer.pad_token_id
        )
    )
    longest = weights.longest(model, config.max_length)
    train, valid = read(run, tokenizer, ("train",), longest), read(run, tokenizer, ("validation", "test"), longest)

    def measure(trainer: Any) -> dict[str, float]:
        if not valid:
            return {}
        total, judgements, right, pairs = trainer.totals(valid, 4, pairs_tally)
        low, high = wilson(right, pairs)
        return {
            "valid_loss": total / judgements,
            "accuracy": right / pairs,
            "accuracy_low": low,
            "accuracy_high": high,
            "pairs": pairs,
        }

    def collate(rows: list[Judgement]) -> dict[str, Any]:
        return batched(rows, tokenizer.pad_token_id)

    trainer = hf.Durable(run, config, model=model, tokenizer=tokenizer, rows=train, collate=collate, measure=measure, loss=loss)
    trainer.fit()
    figures = trainer.measured()
    scale = scale_of(*trainer.without_gradients(lambda: trainer.totals(train, 3, scale_tally)))
    weights.save(
        run, model, tokenizer, role="reward", recipe="reward", step=trainer.state.global_step, figures=figures, reward=scale
    )


def scores(model: Any, batch: dict[str, Any]) -> Any:
    """Scores [answers] at each answer's last token, its `<|end|>`."""
    return model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, 0].float()


def nats(found: Any, batch: dict[str, Any]) -> Any:
    """Bradley–Terry loss [pairs] of scores [answers], in nats, each judgement's pairs weighing one together."""
    from torch.nn.functional import logsigmoid

    return -logsigmoid(found[batch["better"]] - found[batch["worse"]]) * batch["weight"]


def loss(model: Any, batch: dict[str, Any]) -> Any:
    """Mean over the judgements of a batch."""
    return nats(scores(model, batch), batch).sum() / batch["judgements"].sum()


def pairs_tally(model: Any, batch: dict[str, Any]) -> Any:
    """Sums of a batch: nats, judgements, pairs ordered as people did, pairs."""
    found = scores(model, batch)
    right = (found[batch["better"]] > found[batch["worse"]]).sum()
    return nats(found, batch).sum(), batch["judgements"].sum(), right, len(batch["better"])


def scale_tally(model: Any, batch: dict[str, Any]) -> Any:
    """Sums of a batch: scores, their squares, answers."""
    found = scores(model, batch).double()
    return found.sum(), (found**2).sum(), len(found)


def read(run: RunDir, tokenizer: Any, splits: tuple[str, ...], longest: int) -> list[Judgement]:
    """The rankings of some splits as tokens; says how many hold no order or are too long."""
    found: list[Judgement] = []
    tied = left_out = 0
    for split in splits:
        for row in frozen.read_rows(run.required("dataset"), split):
            for ranked in ranking.rows(row):
                judgement = encode(tokenizer, ranked)
                if not judgement.pairs:
                    tied += 1
                elif max(map(len, judgement.answers)) > longest:
                    left_out += 1
                else:
                    found.append(judgement)
    name = " and ".join(splits)
    run.message(
        f"{name}: {len(found)} rankings; {tied} left out because all their answers tie, {left_out} longer than {longest} tokens"
    )
    return found


def encode(tokenizer: Any, ranked: dict[str, Any]) -> Judgement:
    """A row of the format `ranking` as tokens and ordered pairs."""
    chats = [[*ranked["prompt"], *answer] for answer in ranked["answers"]]
    tiers = ranked["tiers"]
    return Judgement(
        answers=[text.encode_chat(tokenizer, chat, ranked.get("tools")).input_ids for chat in chats],
        pairs=[(better, worse) for better, worse in permutations(range(len(tiers)), 2) if tiers[better] < tiers[worse]],
    )


def batched(judgements: list[Judgement], pad_id: int) -> dict[str, Any]:
    """Answers of all judgements [answers, longest], their pairs as indices into them, and each pair's share of its judgement."""
    import torch

    ids, mask = text.pad_batch([answer for judgement in judgements for answer in judgement.answers], pad_id)
    better, worse, weight, at = [], [], [], 0
    for judgement in judgements:
        better += [at + pair[0] for pair in judgement.pairs]
        worse += [at + pair[1] for pair in judgement.pairs]
        weight += [1 / len(judgement.pairs)] * len(judgement.pairs)
        at += len(judgement.answers)
    return {
        "input_ids": ids,
        "attention_mask": mask,
        "better": torch.tensor(better),
        "worse": torch.tensor(worse),
        "weight": torch.tensor(weight),
        "judgements": torch.tensor([len(judgements)]),
    }


def scale_of(total: float, squares: float, count: float) -> dict[str, float]:
    """Mean and standard deviation of the training answers' scores: PPO takes them as its unit of reward."""
    mean = total / count
    return {"mean": mean, "std": math.sqrt(max(squares / count - mean**2, 0.0)) or 1.0}


def wilson(right: float, count: float, z: float = 1.959964) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927): it stays within 0 and 1 where the normal one does not."""
    share, middle = right / count, right / count + z**2 / (2 * count)
    half = z * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    width = 1 + z**2 / count
    return max(0.0, (middle - half) / width), min(1.0, (middle + half) / width)
