"""Supervised fine-tuning: a model learns the answers that people wrote, and only those (not the questions).

    python manage.py train sft --project P --input model=NAME --input dataset=SNAPSHOT --set learning_rate=2e-5

Which tokens are learned is `text.encode_chat`'s mask: each assistant turn with the token that ends it. The loss is the mean over
all learned tokens of a step, whatever batch or process they are in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from annotation import frozen
from annotation.formats import sft as demonstrations
from training import text, weights
from training.rundir import RunDir
from training.schedule import Schedule
from training.schema import Input

TITLE = "Supervised fine-tuning"
INPUTS = (
    Input("model", "checkpoint", "The model that learns.", role="causal-lm"),
    Input("dataset", "snapshot", "Judgements in which people wrote answers."),
)
OUTCOME = "checkpoint"

Row = dict[str, list[int]]


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
    lora_rank: int = field(
        default=0,
        metadata={
            "help": "Rank of LoRA adapters on every linear layer (Hu et al. 2022), merged at the end; 0 trains all weights.",
            "min": 0,
            "max": 1024,
        },
    )


def main(run: RunDir, config: Config) -> None:
    """Data, model, training, figures."""
    from transformers import AutoModelForCausalLM, set_seed

    from training import hf

    set_seed(run.seed)
    folder = run.required("model")
    tokenizer = text.load_tokenizer(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype="float32")
    longest = weights.longest(model, config.max_length)
    train, valid = (read(run, tokenizer, split, longest) for split in ("train", "validation"))

    def collate(rows: list[Row]) -> dict[str, Any]:
        ids, mask = text.pad_batch([row["ids"] for row in rows], tokenizer.pad_token_id)
        learned, _ = text.pad_batch([row["learned"] for row in rows], 0)
        return {"input_ids": ids, "attention_mask": mask, "labels": ids.masked_fill(learned == 0, -100)}

    def tally(model: Any, batch: dict[str, Any]) -> Any:
        labels = batch.pop("labels")
        return weights.token_tally(model(**batch).logits, labels)

    def measure(trainer: Any) -> dict[str, float]:
        if not valid:
            return {}
        nats, tokens, right = trainer.totals(valid, 3, tally)
        return {"valid_loss": nats / tokens, "perplexity": math.exp(min(nats / tokens, 700)), "token_accuracy": right / tokens}

    model = weights.with_adapters(model, config.lora_rank, "CAUSAL_LM")
    trainer = hf.Durable(run, config, model=model, tokenizer=tokenizer, rows=train, collate=collate, measure=measure)
    trainer.fit()
    figures = trainer.measured() | {"rows": len(train)}
    weights.save(
        run, weights.merged(model), tokenizer, role="causal-lm", recipe="sft", step=trainer.state.global_step, figures=figures
    )


def read(run: RunDir, tokenizer: Any, split: str, longest: int) -> list[Row]:
    """The demonstrations of a split as tokens; says how many were too long."""
    rows: list[Row] = []
    left_out = 0
    for judgement in frozen.read_rows(run.required("dataset"), split):
        for row in demonstrations.rows(judgement):
            encoded = text.encode_chat(tokenizer, row["messages"], row.get("tools"))
            if len(encoded.input_ids) > longest:
                left_out += 1
                continue
            rows.append({"ids": encoded.input_ids, "learned": encoded.assistant_mask})
    run.message(f"{split}: {len(rows)} conversations" + (f"; {left_out} longer than {longest} tokens left out" if left_out else ""))
    return rows
