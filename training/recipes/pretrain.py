"""Trains a language model on plain text, from scratch (Llama-style) or on from another model.

    python manage.py train pretrain --project P --input corpus=NAME --input tokenizer=NAME --set size=10M --set max_steps=2000

Documents are laid end to end into blocks without padding, and never see each other: positions restart with every document, from
which transformers draws a block-diagonal mask. A document that meets a block's end goes on in the next block.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from training import text, weights
from training.blocks import Blocks, collate
from training.rundir import RunDir
from training.schedule import SHARED, Schedule
from training.schema import Input
from training.snapshot_rows import Onlooker

TITLE = "Pretraining"
INPUTS = (
    Input("corpus", "corpus", "Plain text, blank lines between documents."),
    Input("tokenizer", "checkpoint", "The tokenizer of a new model.", required=False, role="tokenizer"),
    Input(
        "model",
        "checkpoint",
        "A model to train on, instead of a new one; it brings its tokenizer.",
        required=False,
        role="causal-lm",
    ),
)
OUTCOME = "checkpoint"
# layers, heads, width
SIZES = {"1M": (4, 4, 128), "3M": (6, 6, 192), "10M": (8, 5, 320), "30M": (10, 8, 512), "124M": (12, 12, 768)}


@dataclass
class Config(Schedule):
    size: Literal["1M", "3M", "10M", "30M", "124M", "custom"] = field(
        default="10M",
        metadata={"help": "Parameters of a new model, about, without its embedding; `custom` reads the three fields below."},
    )
    layers: int = field(default=4, metadata={"help": "Layers of a custom model.", "unit": "layers", "min": 1, "max": 200})
    heads: int = field(
        default=4, metadata={"help": "Attention heads of a custom model; they divide its width.", "min": 1, "max": 256}
    )
    width: int = field(default=128, metadata={"help": "Width of a custom model's residual stream.", "min": 8, "max": 32768})
    block_size: int = field(
        default=512, metadata={"help": "Length of a block: as far as the model learns to look back.", "unit": "tokens", "min": 8}
    )
    held_out: float = field(
        default=0.05,
        metadata={
            "help": "Share of the documents kept for validation, chosen by their content.",
            "unit": "of documents",
            "min": 0.0,
            "max": 0.5,
        },
    )
    valid_tokens: int = field(
        default=200_000,
        metadata={"help": "At most so many held-out tokens are measured.", "unit": "tokens", "min": 1, "advanced": True},
    )
    epochs: float = field(default=1.0, metadata=SHARED["epochs"].metadata)
    batch_size: int = field(
        default=16, metadata={"help": "Blocks that one process holds in memory at once.", "unit": "blocks", "min": 1}
    )
    learning_rate: float = field(
        default=1e-3,
        metadata={
            "help": "Peak of the learning rate: 3e-3 for 1M parameters, 6e-4 for 124M (Brown et al. 2020, table 2.1).",
            "min": 0.0,
            "max": 1.0,
        },
    )
    optimizer: Literal["adamw", "muon"] = field(
        default="adamw",
        metadata={
            "help": "adamw: Loshchilov & Hutter 2019; muon: orthogonal steps of hidden matrices (Jordan et al. 2024), AdamW for "
            "the rest, at the same learning rate.",
        },
    )
    compile: bool = field(
        default=False,
        metadata={"help": "Compiles the model with torch.compile: minutes at the start. Not measured yet.", "advanced": True},
    )
    weight_decay: float = field(default=0.1, metadata=SHARED["weight_decay"].metadata)
    adam_beta2: float = field(default=0.95, metadata=SHARED["adam_beta2"].metadata)

    def check(self) -> dict[str, str]:
        """A custom model's heads must divide its width into even parts (rotary positions turn pairs); who shares has AdamW."""
        if self.size == "custom" and self.width % (2 * self.heads):
            return {"width": f"must be a multiple of 2 × heads ({2 * self.heads})"}
        if self.optimizer == "muon" and self.parallel != "ddp":
            return {"optimizer": f"muon needs whole gradients, which {self.parallel} shares out: take adamw, or parallel ddp"}
        if self.compile and self.shares_weights:
            return {"compile": f"has not been tried with weights that {self.parallel} shares out: leave it off, or take ddp"}
        return {}


def check_inputs(given: Collection[str]) -> dict[str, str]:
    """What is wrong with the inputs of these names taken together; asked before the run is queued, too."""
    if ("model" in given) == ("tokenizer" in given):
        return {"tokenizer": "give either a tokenizer, for a new model, or a model to train on"}
    return {}


def main(run: RunDir, config: Config) -> None:
    """Data, model, training, figures."""
    from transformers import set_seed

    from training import hf, token_loss
    from training.continuations import SHOWN, Continuations

    set_seed(run.seed)
    tokenizer, model = start(run, config)
    train, valid = read(run.required("corpus"), tokenizer, config)
    run.message(f"{len(train.ids):,} tokens to learn from, {len(valid.ids):,} held out, in blocks of {config.block_size}")
    run.message(estimate(model, config, len(train)))

    told = token_loss.TokenLoss(model, whole_logits=config.parallel == "zero3")
    continuations = Continuations(run, tokenizer, [] if config.shares_weights else valid.beginnings(SHOWN))

    def measure(trainer: Any) -> dict[str, float]:
        if not len(valid):
            return {}
        continuations.show(trainer.model, trainer.state.global_step)
        nats, tokens, _ = trainer.totals(valid, 3, told.tally)
        loss = nats / tokens
        return {"valid_loss": loss, "perplexity": math.exp(min(loss, 700)), "bits_per_byte": valid.bits_per_byte(loss)}

    trainer = hf.Durable(
        run,
        config,
        model=model,
        tokenizer=tokenizer,
        rows=train,
        collate=collate,
        measure=measure,
        loss=told.mean,
        weigh=token_loss.learned,
        optimizer=optimizer(model, config),
        torch_compile=config.compile,
    )
    trainer.fit()
    end = trainer.measured()
    figures = {**end, "perplexity_start": trainer.at_start("perplexity"), "perplexity_end": end.get("perplexity")}
    step = trainer.state.global_step
    weights.save(run, trainer.whole(), tokenizer, role="causal-lm", recipe="pretrain", step=step, figures=figures)


# Model ----------------------------------------------------------------------------------------------------------------------


def start(run: RunDir, config: Config) -> tuple[Any, Any]:
    """(tokenizer, model): those of the input `model`, or a new model for the input `tokenizer`."""
    from transformers import AutoModelForCausalLM

    if wrong := check_inputs(run.spec["inputs"]):
        raise ValueError(wrong["tokenizer"])
    if folder := run.input("model"):
        return text.load_tokenizer(folder), AutoModelForCausalLM.from_pretrained(folder, dtype="float32")
    tokenizer = text.load_tokenizer(run.required("tokenizer"))
    return tokenizer, new_model(config, tokenizer)


def new_model(config: Config, tokenizer: Any) -> Any:
    """A Llama-style model with random weights: RMSNorm, rotary positions, SwiGLU, embedding shared with the output."""
    from transformers import LlamaConfig, LlamaForCausalLM

    layers, heads, width = SIZES.get(config.size, (config.layers, config.heads, config.width))
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=width,
            # SwiGLU has three matrices where a plain layer has two: 8/3 of the width keeps the count (Shazeer 2020).
            intermediate_size=math.ceil(width * 8 / 3 / 16) * 16,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            max_position_embeddings=config.block_size,
            rms_norm_eps=1e-5,
            tie_word_embeddings=True,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )


def estimate(model: Any, config: Config, blocks: int) -> str:
    """What the run will take: 6 operations a weight and token (Kaplan et al. 2020, § 2.1), 16 bytes a weight, and activations."""
    from training import processes

    inward = model.get_input_embeddings().weight
    apart = inward.numel() if inward is not model.get_output_embeddings().weight else 0
    count = model.num_parameters()
    steps = config.steps(blocks, processes.count())
    tokens = steps * config.batch_size * config.accumulation * processes.count() * config.block_size
    return (
        f"{count:,} weights; {steps:,} steps of {tokens // steps:,} tokens: {6 * (count - apart) * tokens:.1e} operations; "
        f"{16 * count / 2**30:.2f} GB for weights, gradients and optimiser in each process, and what a batch needs besides"
    )


def optimizer(model: Any, config: Config) -> Any:
    """The optimiser of the config, or None for the Trainer's own AdamW."""
    if config.optimizer == "adamw":
        return None
    from training.muon import Muon

    return Muon(model, rate=config.learning_rate, weight_decay=config.weight_decay, beta2=config.adam_beta2)


# Data -----------------------------------------------------------------------------------------------------------------------


def read(corpus: Path, tokenizer: Any, config: Config) -> tuple[Blocks, Blocks]:
    """(train, valid) blocks of a corpus; a document's content decides its side, so that a longer corpus moves none."""
    train: list[list[int]] = []
    valid: list[list[int]] = []
    room, size = config.valid_tokens, 0.0
    for document, ids, held_out in encoded(corpus, tokenizer, config):
        if not held_out:
            train.append(ids)
        elif room > 0:
            valid.append(ids[:room])
            size += len(document.encode()) * min(1, room / len(ids))
            room -= len(ids)
    pad = tokenizer.pad_token_id
    return Blocks(train, config.block_size, pad), Blocks(valid, config.block_size, pad, size)


def encoded(corpus: Path, tokenizer: Any, config: Config) -> Iterator[tuple[str, list[int], bool]]:
    """(text, tokens, whether it is held out) of each document."""
    texts = text.documents(corpus)
    while chunk := list(islice(texts, 1000)):
        for document, ids in zip(chunk, text.encode_documents(tokenizer, chunk), strict=True):
            yield document, ids, is_held_out(document, config.held_out)


def show(run: RunDir, config: Config, tokenizer: Any, split: str, onlooker: Onlooker) -> None:
    """Shows every document of a split, as training reads it; documents are numbered from 1 as they stand in the corpus."""
    for number, (document, ids, held_out) in enumerate(encoded(run.required("corpus"), tokenizer, config), 1):
        if split == ("validation" if held_out else "train"):
            onlooker.saw({"document_id": number, "split": split}, {"text": document}, ids)


def is_held_out(document: str, share: float) -> bool:
    """Whether a document is kept for validation, by the digest of its text."""
    return int(hashlib.sha256(document.encode()).hexdigest()[:8], 16) / 2**32 < share
