"""What the recipes that learn from preferences share: rows as tokens, log-probabilities of answers, and training on pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from annotation.formats import preference
from training import processes, snapshot_rows, text, weights
from training.rundir import RunDir, rank
from training.schedule import SHARED, WholeWeights
from training.schema import Input
from training.snapshot_rows import Onlooker

INPUTS = (
    Input("model", "checkpoint", "The model that learns, and its own reference where the loss has one.", role="causal-lm"),
    Input("dataset", "snapshot", "Judgements in which people ranked answers."),
)
# A reward before the first step is rounding only; in bfloat16 a long answer's sum may be off by this much.
ROUNDING = 0.05

Batch = dict[str, Any]


@dataclass
class PairSchedule(WholeWeights):
    """The part of a Config that every recipe on preferences shares."""

    epochs: float = field(default=1.0, metadata=SHARED["epochs"].metadata)
    batch_size: int = field(
        default=4, metadata={"help": "Pairs that one process holds in memory at once.", "unit": "pairs", "min": 1}
    )
    learning_rate: float = field(
        default=1e-6,
        metadata={
            "help": "Peak of the learning rate: 5e-7 to 5e-6 for a large model, ten times that with LoRA, 1e-4 for one of 1M.",
            "min": 0.0,
            "max": 1.0,
        },
    )
    warmup: float = field(default=0.1, metadata=SHARED["warmup"].metadata)
    max_length: int = field(
        default=1024,
        metadata={
            "help": "Rows with a longer answer (prompt counted) are left out, and counted in a message.",
            "unit": "tokens",
            "min": 8,
        },
    )
    lora_rank: int = field(
        default=0,
        metadata={
            "help": "Rank of LoRA adapters on every linear layer (Hu et al. 2022), merged at the end; 0 trains all weights.",
            "min": 0,
            "max": 1024,
        },
    )


# Rows -----------------------------------------------------------------------------------------------------------------------


@dataclass
class Answer:
    """Prompt and answer as tokens, which of them are the answer's (0 or 1), and the reference's log-probability of those (nats)."""

    ids: list[int]
    answer: list[int]
    reference: float = 0.0


@dataclass
class Pair:
    """The answer that was preferred and the other; P(chosen is better), by how many grades, and the weight of the rater's word."""

    chosen: Answer
    rejected: Answer
    probability: float = 1.0
    margin: float = 0.0
    weight: float = 1.0

    @property
    def answers(self) -> tuple[Answer, Answer]:
        return self.chosen, self.rejected


class Row(Protocol):
    """A row of any shape: it holds answers."""

    @property
    def answers(self) -> Sequence[Answer]: ...


Items = Callable[[dict[str, Any]], Iterator[tuple[dict[str, Any], Any]]]  # of a judgement: a format's row, and the Row of it


def read(run: RunDir, split: str, longest: int, items: Items, noun: str) -> list[Any]:
    """What `items` makes of each judgement of a split; says how many were left out because an answer is too long."""
    found: list[Row] = []
    left_out = 0
    for _said, row in snapshot_rows.each(run, split, items):
        if max(len(answer.ids) for answer in row.answers) > longest:
            left_out += 1
        else:
            found.append(row)
    run.message(f"{split}: {len(found)} {noun}" + (f"; {left_out} longer than {longest} tokens left out" if left_out else ""))
    return found


def pairs_of(tokenizer: Any) -> Items:
    """What makes pairs of a judgement."""

    def items(judgement: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Pair]]:
        for row in preference.rows(judgement):
            said = {name: row[name] for name in ("probability", "margin", "weight") if name in row}
            yield row, Pair(encode(tokenizer, row, row["chosen"]), encode(tokenizer, row, row["rejected"]), **said)

    return items


def show(run: RunDir, config: PairSchedule, tokenizer: Any, split: str, onlooker: Onlooker) -> None:
    """Shows every pair of a split, as training reads it."""
    for _ in snapshot_rows.each(run, split, pairs_of(tokenizer), onlooker):
        pass


def encode(tokenizer: Any, row: dict[str, Any], answer: list[dict[str, Any]]) -> Answer:
    """One answer to a row's prompt. Assistant turns of the prompt are not the answer's: every answer to it has them."""
    prompt = text.encode_prompt(tokenizer, row["prompt"], row.get("tools"))
    encoded = text.encode_chat(tokenizer, [*row["prompt"], *answer], row.get("tools"))
    mine = [mask if place >= len(prompt) else 0 for place, mask in enumerate(encoded.assistant_mask)]
    return Answer(encoded.input_ids, mine)


def batched(answers: Sequence[Answer], pad_id: int) -> Batch:
    """Answers as tensors [answers, longest], `reference` [answers]."""
    import torch

    ids, mask = text.pad_batch([answer.ids for answer in answers], pad_id)
    mine, _ = text.pad_batch([answer.answer for answer in answers], 0)
    reference = torch.tensor([answer.reference for answer in answers])
    return {"input_ids": ids, "attention_mask": mask, "answer": mine, "reference": reference}


def pair_batch(pairs: Sequence[Pair], pad_id: int) -> Batch:
    """Pairs as tensors: all chosen answers, then all rejected ones, and what is said of each pair [pairs]."""
    import torch

    said = {name: torch.tensor([getattr(pair, name) for pair in pairs]) for name in ("probability", "margin", "weight")}
    return batched([pair.chosen for pair in pairs] + [pair.rejected for pair in pairs], pad_id) | said


# Log-probabilities ----------------------------------------------------------------------------------------------------------


def logprobs(model: Any, batch: Batch) -> Any:
    """log π of each answer [rows], in nats, summed over its tokens. The model may be wrapped for several processes."""
    import torch

    from training import ppo_math

    where = torch.nn.functional.pad(batch["answer"][:, 1:], (0, 1)).bool()
    found = ppo_math.token_logprobs(answer_logits(model, batch, where), batch["input_ids"].roll(-1, 1)[where], 1.0)
    return torch.zeros(where.shape, device=found.device).masked_scatter(where, found).sum(-1)


def answer_logits(model: Any, batch: Batch, where: Any) -> Any:
    """Logits [tokens, vocabulary] at the true positions of `where` [rows, length].

    The vocabulary is the widest dimension of all. Its projection is given these states alone, so prompts and padding cost none; the
    model is still called as a whole, because gradients of several processes meet only then.
    """
    from accelerate.utils import extract_model_from_parallel

    projection = extract_model_from_parallel(model).get_output_embeddings()
    narrow = projection.register_forward_pre_hook(lambda _, states: (states[0][where],))
    try:
        return model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    finally:
        narrow.remove()


def refer(trainer: Any, rows: Sequence[Row]) -> None:
    """Writes the untouched model's log-probability into every answer, each process doing its share; long ones together."""
    import torch

    answers = sorted((answer for row in rows for answer in row.answers), key=lambda answer: len(answer.ids))
    size = trainer.args.per_device_train_batch_size * 2
    found = torch.zeros(len(answers), dtype=torch.float64)
    for at in range(rank() * size, len(answers), processes.count() * size):
        batch = batched(answers[at : at + size], trainer.processing_class.pad_token_id)
        batch = {name: tensor.to(trainer.args.device) for name, tensor in batch.items()}
        found[at : at + size] = logprobs(trainer.model, batch).double().cpu()
    for answer, reference in zip(answers, processes.summed(found, trainer.args.device), strict=True):
        answer.reference = reference


def weighted_mean(losses: Any, weight: Any) -> Any:
    """Mean of the losses [rows] by their weights; 0 where nothing weighs."""
    return (losses * weight).sum() / weight.sum().clamp(min=1e-12)


# Training -------------------------------------------------------------------------------------------------------------------


class Verdict(NamedTuple):
    """A loss for each pair, and what the loss takes for the rewards of its two answers. All [pairs]."""

    losses: Any
    chosen: Any
    rejected: Any


def prepared(run: RunDir, config: PairSchedule) -> tuple[Any, Any, int]:
    """Tokenizer, model (dropout off, with adapters if asked) and the longest row that it can take."""
    from transformers import AutoModelForCausalLM, set_seed

    set_seed(run.seed)
    folder = run.required("model")
    model = weights.without_dropout(AutoModelForCausalLM.from_pretrained(folder, dtype="float32"))
    longest = weights.longest(model, config.max_length)
    return text.load_tokenizer(folder), weights.with_adapters(model, config.lora_rank, "CAUSAL_LM"), longest


def learn(
    run: RunDir, config: PairSchedule, recipe: str, verdict: Callable[[Any, Batch], Verdict], *, referred: bool = False
) -> None:
    """Trains on the pairs of a snapshot and saves. `verdict(logprobs, batch)`: logprobs [2·pairs], chosen first, in nats.

    With `referred` every answer's log-probability under the model as it came in is in `batch["reference"]`, and all rewards must be
    0 before the first step: RuntimeError where they are not.
    """
    from training import hf

    tokenizer, model, longest = prepared(run, config)
    train, valid = (read(run, split, longest, pairs_of(tokenizer), "pairs") for split in ("train", "validation"))

    def loss(model: Any, batch: Batch) -> Any:
        return weighted_mean(verdict(logprobs(model, batch), batch).losses, batch["weight"])

    def tally(model: Any, batch: Batch) -> Any:
        found = verdict(logprobs(model, batch), batch)
        right, weight = found.chosen > found.rejected, batch["weight"]
        return (found.losses * weight).sum(), weight.sum(), right.sum(), found.chosen.sum(), found.rejected.sum(), len(weight)

    def measure(trainer: Any) -> dict[str, float]:
        if not valid:
            return {}
        nats, weight, right, chosen, rejected, pairs = trainer.totals(valid, 6, tally)
        if referred and trainer.state.global_step == 0 and abs(chosen) + abs(rejected) > ROUNDING * pairs:
            raise RuntimeError("rewards before the first step are not 0: the model is not its own reference")
        rewards = {"reward_chosen": chosen / pairs, "reward_rejected": rejected / pairs, "margin": (chosen - rejected) / pairs}
        return {"valid_loss": nats / max(weight, 1e-12), "accuracy": right / pairs, **rewards}

    trainer = hf.Durable(
        run,
        config,
        model=model,
        tokenizer=tokenizer,
        rows=train,
        collate=lambda pairs: pair_batch(pairs, tokenizer.pad_token_id),
        measure=measure,
        loss=loss,
        weigh=lambda batch: batch["weight"].sum(),
    )
    if referred:
        trainer.without_gradients(lambda: refer(trainer, [*train, *valid]))
    trainer.fit()
    save(run, trainer, model, recipe, train_pairs=len(train), valid_pairs=len(valid))


def save(run: RunDir, trainer: Any, model: Any, recipe: str, **counts: float) -> None:
    """The trained model, its adapters merged, with its last figures."""
    figures = trainer.measured() | counts
    tokenizer, step = trainer.processing_class, trainer.state.global_step
    weights.save(run, weights.merged(model), tokenizer, role="causal-lm", recipe=recipe, step=step, figures=figures)
