"""Supervised fine-tuning: a model learns the answers that people wrote, and only those (not the questions).

    python manage.py train sft --project P --input model=NAME --input dataset=SNAPSHOT --set learning_rate=2e-5

Which tokens are learned is `text.encode_chat`'s mask: each assistant turn with the token that ends it. The loss is the mean over
all learned tokens of a step, whatever batch or process they are in. With `packing` a row of a batch holds as many whole
conversations as fit into `max_length` (`training/packing.py`): the same loss of the same conversations, and no time on padding.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from annotation.formats import sft as demonstrations
from training import packing, snapshot_rows, text, weights
from training.rundir import RunDir
from training.schedule import Schedule
from training.schema import Input
from training.snapshot_rows import NOBODY, Onlooker

TITLE = "Supervised fine-tuning"
INPUTS = (
    Input("model", "checkpoint", "The model that learns.", role="causal-lm"),
    Input("dataset", "snapshot", "Judgements in which people wrote answers."),
)
OUTCOME = "checkpoint"

Row = packing.Row


@dataclass
class Config(Schedule):
    learning_rate: float = field(
        default=2e-5,
        metadata={
            "help": "Peak of the learning rate: 1e-5 to 2e-5 for a large model, 1e-4 to 2e-4 with LoRA, 1e-3 for one of 1M.",
            "min": 0.0,
            "max": 1.0,
        },
    )
    max_length: int = field(
        default=1024,
        metadata={"help": "Longer conversations are left out, and counted in a message.", "unit": "tokens", "min": 8},
    )
    packing: bool = field(
        default=False,
        metadata={
            "help": "Conversations that fit share a row of `max_length` tokens without seeing each other; `batch_size` then counts "
            "such rows, of several conversations each, and a step learns from as many times more.",
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
    dora: bool = field(
        default=False,
        metadata={
            "help": "Adapters learn a matrix's lengths apart from its directions (Liu et al. 2024); slower.",
            "advanced": True,
        },
    )
    neftune: float = field(
        default=0.0,
        metadata={
            "help": "Noise on embeddings while learning (NEFTune, Jain et al. 2024): 5 is usual, 0 none.",
            "min": 0.0,
            "max": 100.0,
            "advanced": True,
        },
    )

    def check(self) -> dict[str, str]:
        """DoRA is a way to have adapters."""
        return {"dora": "needs adapters: give a lora_rank above 0"} if self.dora and not self.lora_rank else {}


def main(run: RunDir, config: Config) -> None:
    """Data, model, training, figures."""
    from transformers import AutoModelForCausalLM, set_seed

    from training import hf, token_loss
    from training.continuations import Continuations

    set_seed(run.seed)
    folder = run.required("model")
    tokenizer = text.load_tokenizer(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype="float32")
    longest = weights.longest(model, config.max_length)
    train: Sequence[Row] = read(run, tokenizer, "train", longest)
    valid: Sequence[Row] = read(run, tokenizer, "validation", longest)
    continuations = Continuations(run, tokenizer, [] if config.shares_weights else [asked(row) for row in valid])
    if config.packing:
        packing.refuse_leaks(model)
        train, valid = packed(run, train, longest), packing.Packed(valid, longest)
    model = weights.with_adapters(model, config.lora_rank, "CAUSAL_LM", config.dora)
    told = token_loss.TokenLoss(model, whole_logits=config.parallel == "zero3")

    def measure(trainer: Any) -> dict[str, float]:
        if not len(valid):
            return {}
        continuations.show(trainer.model, trainer.state.global_step)
        nats, tokens, right = trainer.totals(valid, 3, told.tally)
        return {"valid_loss": nats / tokens, "perplexity": math.exp(min(nats / tokens, 700)), "token_accuracy": right / tokens}

    trainer = hf.Durable(
        run,
        config,
        model=model,
        tokenizer=tokenizer,
        rows=train,
        collate=collated(tokenizer.pad_token_id),
        measure=measure,
        loss=told.mean,
        weigh=token_loss.learned,
        neftune_noise_alpha=config.neftune or None,
    )
    trainer.fit()
    figures = trainer.measured() | {"rows": len(train)}
    model, step = weights.merged(trainer.whole()), trainer.state.global_step
    weights.save(run, model, tokenizer, role="causal-lm", recipe="sft", step=step, figures=figures)


def read(run: RunDir, tokenizer: Any, split: str, longest: int) -> list[Row]:
    """The demonstrations of a split as tokens; says how many were too long."""
    rows: list[Row] = []
    left_out = 0
    for encoded in conversations(run, tokenizer, split):
        if len(encoded.input_ids) > longest:
            left_out += 1
            continue
        rows.append({"ids": encoded.input_ids, "learned": encoded.assistant_mask})
    run.message(f"{split}: {len(rows)} conversations" + (f"; {left_out} longer than {longest} tokens left out" if left_out else ""))
    return rows


def asked(row: Row) -> list[int]:
    """The tokens of a conversation before the first that is learned."""
    return row["ids"][: row["learned"].index(1)] if 1 in row["learned"] else []


def conversations(run: RunDir, tokenizer: Any, split: str, onlooker: Onlooker = NOBODY) -> Iterator[text.Encoded]:
    """The demonstrations of a split as tokens, whatever their length."""

    def items(judgement: dict[str, Any]) -> Iterator[tuple[dict[str, Any], text.Encoded]]:
        for row in demonstrations.rows(judgement):
            yield row, text.encode_chat(tokenizer, row["messages"], row.get("tools"))

    return (encoded for _row, encoded in snapshot_rows.each(run, split, items, onlooker))


def show(run: RunDir, config: Config, tokenizer: Any, split: str, onlooker: Onlooker) -> None:
    """Shows every row of a split, as training reads it."""
    for _ in conversations(run, tokenizer, split, onlooker):
        pass


def packed(run: RunDir, conversations: Sequence[Row], room: int) -> packing.Packed:
    """The conversations in rows of so many tokens; says how many rows they make, and how full."""
    rows = packing.Packed(conversations, room)
    if len(rows):
        tokens, each = sum(len(one["ids"]) for one in conversations), len(conversations) / len(rows)
        run.message(f"packed into {len(rows)} rows of {room} tokens, {tokens / (len(rows) * room):.1%} full, {each:.1f} in a row")
    return rows


def collated(pad_id: int) -> Any:
    """Rows as tensors [rows, longest]: `input_ids`, `labels` (−100 where nothing is learned), and a mask of padding or, packed,
    positions. With both, transformers would take the mask alone and let conversations see each other."""

    def collate(rows: list[Row]) -> dict[str, Any]:
        ids, mask = text.pad_batch([row["ids"] for row in rows], pad_id)
        learned, _ = text.pad_batch([row["learned"] for row in rows], 0)
        batch = {"input_ids": ids, "labels": ids.masked_fill(learned == 0, -100)}
        if "positions" not in rows[0]:
            return {**batch, "attention_mask": mask}
        return {**batch, "position_ids": text.pad_batch([row["positions"] for row in rows], 0)[0]}

    return collate
