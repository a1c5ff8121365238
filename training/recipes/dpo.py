"""Direct preference optimisation: the model learns to prefer what people preferred, without a reward model.

    python manage.py train dpo --project P --input model=NAME --input dataset=SNAPSHOT --set beta=0.1

The loss of a pair is −log σ(β [log π(y_w)/π_ref(y_w) − log π(y_l)/π_ref(y_l)]) (Rafailov et al. 2023, eq. 7); the reference is the
model as it came in. Its log-probabilities never change, so they are computed once, before training, and it needs no memory after.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from annotation import frozen
from annotation.formats import preference
from training import text, weights
from training.rundir import RunDir
from training.schedule import SHARED, Schedule
from training.schema import Input

TITLE = "Direct preference optimisation"
INPUTS = (
    Input("model", "checkpoint", "The model that learns, and its own reference.", role="causal-lm"),
    Input("dataset", "snapshot", "Judgements in which people ranked answers."),
)
OUTCOME = "checkpoint"
# A reward before the first step is rounding only; in bfloat16 a long answer's sum may be off by this much.
ROUNDING = 0.05


@dataclass
class Answer:
    """Prompt and answer as tokens, which of them are the answer's, and the reference's log-probability of those (nats)."""

    ids: list[int]
    answer: list[int]
    reference: float = 0.0


@dataclass
class Pair:
    """The answer that was preferred, and the other."""

    chosen: Answer
    rejected: Answer


@dataclass
class Config(Schedule):
    epochs: float = field(default=1.0, metadata=SHARED["epochs"].metadata)
    batch_size: int = field(
        default=4, metadata={"help": "Pairs that one process holds in memory at once.", "unit": "pairs", "min": 1}
    )
    learning_rate: float = field(
        default=1e-6,
        metadata={
            "help": "Peak of the learning rate: 5e-7 to 5e-6 for a large model (Rafailov et al. 2023, B), 1e-4 for one of 1M.",
            "min": 0.0,
            "max": 1.0,
        },
    )
    warmup: float = field(default=0.1, metadata=SHARED["warmup"].metadata)
    beta: float = field(
        default=0.1,
        metadata={
            "help": "How dearly leaving the reference is paid; 0.1 to 0.5 is usual.",
            "unit": "nats⁻¹",
            "min": 0.0001,
            "max": 100,
        },
    )
    max_length: int = field(
        default=1024,
        metadata={
            "help": "Pairs with a longer answer (prompt counted) are left out, and counted in a message.",
            "unit": "tokens",
            "min": 8,
        },
    )


def main(run: RunDir, config: Config) -> None:
    """Data, model, the reference's log-probabilities, training, figures."""
    from torch.nn.functional import logsigmoid
    from transformers import AutoModelForCausalLM, set_seed

    from training import hf

    set_seed(run.seed)
    folder = run.required("model")
    tokenizer = text.load_tokenizer(folder)
    model = weights.without_dropout(AutoModelForCausalLM.from_pretrained(folder, dtype="float32"))
    longest = weights.longest(model, config.max_length)
    train, valid = (read(run, tokenizer, split, longest) for split in ("train", "validation"))

    def rewards(model: Any, batch: dict[str, Any]) -> Any:
        """(chosen, rejected), β log π/π_ref of each pair's answers [pairs]."""
        return (config.beta * (logprobs(model, batch) - batch["reference"])).chunk(2)

    def loss(model: Any, batch: dict[str, Any]) -> Any:
        chosen, rejected = rewards(model, batch)
        return -logsigmoid(chosen - rejected).mean()

    def tally(model: Any, batch: dict[str, Any]) -> Any:
        chosen, rejected = rewards(model, batch)
        nats = -logsigmoid(chosen - rejected).sum()
        return nats, (chosen > rejected).sum(), chosen.sum(), rejected.sum(), len(chosen)

    def measure(trainer: Any) -> dict[str, float]:
        if not valid:
            return {}
        nats, right, chosen, rejected, pairs = trainer.totals(valid, 5, tally)
        if trainer.state.global_step == 0 and abs(chosen) + abs(rejected) > ROUNDING * pairs:
            raise RuntimeError("rewards before the first step are not 0: the model is not its own reference")
        figures = {"valid_loss": nats / pairs, "accuracy": right / pairs, "margin": (chosen - rejected) / pairs}
        return figures | {"reward_chosen": chosen / pairs, "reward_rejected": rejected / pairs}

    def collate(rows: list[Pair]) -> dict[str, Any]:
        return batched([row.chosen for row in rows] + [row.rejected for row in rows], tokenizer.pad_token_id)

    trainer = hf.Durable(run, config, model=model, tokenizer=tokenizer, rows=train, collate=collate, measure=measure, loss=loss)
    trainer.without_gradients(lambda: refer(trainer, [*train, *valid]))
    trainer.fit()
    figures = trainer.measured() | {"train_pairs": len(train), "valid_pairs": len(valid)}
    weights.save(run, model, tokenizer, role="causal-lm", recipe="dpo", step=trainer.state.global_step, figures=figures)


def logprobs(model: Any, batch: dict[str, Any]) -> Any:
    """log π of each answer [rows], summed over its tokens."""
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, :-1].float()
    targets, kept = batch["input_ids"][:, 1:], batch["answer"][:, 1:]
    return (logits.log_softmax(-1).gather(-1, targets[..., None])[..., 0] * kept).sum(-1)


def refer(trainer: Any, pairs: list[Pair]) -> None:
    """Writes the untouched model's log-probability into every answer; long ones together, so that little is padding."""
    answers = sorted((answer for pair in pairs for answer in (pair.chosen, pair.rejected)), key=lambda answer: len(answer.ids))
    size = trainer.args.per_device_train_batch_size * 2
    for at in range(0, len(answers), size):
        batch = batched(answers[at : at + size], trainer.processing_class.pad_token_id)
        batch = {name: tensor.to(trainer.args.device) for name, tensor in batch.items()}
        for answer, found in zip(answers[at : at + size], logprobs(trainer.model, batch).tolist(), strict=True):
            answer.reference = found


def read(run: RunDir, tokenizer: Any, split: str, longest: int) -> list[Pair]:
    """The pairs of a split as tokens; says how many were too long."""
    pairs: list[Pair] = []
    left_out = 0
    for judgement in frozen.read_rows(run.required("dataset"), split):
        for row in preference.rows(judgement):
            pair = Pair(*(encode(tokenizer, row, row[side]) for side in ("chosen", "rejected")))
            if max(len(pair.chosen.ids), len(pair.rejected.ids)) > longest:
                left_out += 1
            else:
                pairs.append(pair)
    run.message(f"{split}: {len(pairs)} pairs" + (f"; {left_out} longer than {longest} tokens left out" if left_out else ""))
    return pairs


def encode(tokenizer: Any, row: dict[str, Any], answer: list[dict[str, Any]]) -> Answer:
    """One side of a pair. Assistant turns of the prompt are not the answer's: both sides have them."""
    prompt = text.encode_prompt(tokenizer, row["prompt"], row.get("tools"))
    encoded = text.encode_chat(tokenizer, [*row["prompt"], *answer], row.get("tools"))
    mine = [mask if place >= len(prompt) else 0 for place, mask in enumerate(encoded.assistant_mask)]
    return Answer(encoded.input_ids, mine)


def batched(answers: list[Answer], pad_id: int) -> dict[str, Any]:
    """Answers as tensors [answers, longest], `reference` [answers]."""
    import torch

    ids, mask = text.pad_batch([answer.ids for answer in answers], pad_id)
    mine, _ = text.pad_batch([answer.answer for answer in answers], 0)
    reference = torch.tensor([answer.reference for answer in answers])
    return {"input_ids": ids, "attention_mask": mask, "answer": mine, "reference": reference}
