"""Makes a byte-level BPE tokenizer from a corpus, with our special tokens and chat template.

    python manage.py train tokenizer --project P --input corpus=NAME --set vocab_size=8192

Byte-level: every text has tokens and comes back unchanged, in every language, so there is no unknown token.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training import card, text
from training.rundir import RunDir, staged
from training.schema import Input
from training.snapshot_rows import Onlooker

TITLE = "Tokenizer"
INPUTS = (Input("corpus", "corpus", "Plain text from which the tokenizer learns which bytes go together."),)
OUTCOME = "checkpoint"
MEASURED_BYTES = 1_000_000


@dataclass
class Config:
    vocab_size: int = field(
        default=8192,
        metadata={
            "help": "Tokens in the vocabulary, the 256 bytes and 7 special tokens among them. 32768 to 131072 is usual for large "
            "corpora; a model of a few million parameters wants 1024 to 8192, or most of it is embedding.",
            "unit": "tokens",
            "min": 263,
            "max": 262144,
        },
    )
    min_frequency: int = field(
        default=2,
        metadata={"help": "A pair of tokens seen less often is not merged.", "unit": "times", "min": 1, "advanced": True},
    )


def main(run: RunDir, config: Config) -> None:
    """Trains the merges, saves the tokenizer, measures how many bytes a token holds."""
    corpus = run.required("corpus")
    tokenizer = train(corpus, config, run)
    figures = measure(tokenizer, corpus)
    with staged(run.out) as out:
        tokenizer.save_pretrained(out)
        card.write(out, role="tokenizer", recipe="tokenizer", step=None, parameters=0, figures=figures)
    run.metrics(0, **figures)


def train(corpus: Path, config: Config, run: RunDir) -> Any:
    """A transformers tokenizer whose merges come from the corpus. GPT-2's byte-level split (Radford et al. 2019, §2.2)."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=config.vocab_size,
        min_frequency=config.min_frequency,
        special_tokens=list(text.SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_watched(corpus, run), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=text.PAD,
        bos_token=text.BOS,
        eos_token=text.END,
        extra_special_tokens=list(text.ROLES),
        chat_template=text.CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


def _watched(corpus: Path, run: RunDir) -> Iterator[str]:
    """The corpus' documents, telling the run's page how far reading has come."""
    total, done, told = corpus.stat().st_size, 0, 0
    for document in text.documents(corpus):
        yield document
        done += len(document.encode()) + 2
        if done - told > total / 20:
            told = done
            run.progress(min(done, total), total, "bytes")
    if not done:
        raise ValueError(f"the corpus {corpus} holds no text")
    run.progress(total, total, "bytes")


def show(run: RunDir, config: Config, tokenizer: None, split: str, onlooker: Onlooker) -> None:
    """Shows every document, numbered from 1 as they stand in the corpus; there are no tokens yet."""
    for number, document in enumerate(text.documents(run.required("corpus")), 1):
        if split == "train":
            onlooker.saw({"document_id": number, "split": split}, {"text": document}, None)


def measure(tokenizer: Any, corpus: Path) -> dict[str, float]:
    """Size of the vocabulary, and bytes a token over the first megabyte of the corpus (special tokens not counted)."""
    read = tokens = 0
    for document in text.documents(corpus):
        read += len(document.encode())
        tokens += len(tokenizer.encode(document, add_special_tokens=False, split_special_tokens=True))
        if read > MEASURED_BYTES:
            break
    return {"vocab_size": len(tokenizer), "bytes_per_token": read / max(tokens, 1), "tokens": tokens}
