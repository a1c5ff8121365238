"""Cleans a corpus: language, quality, copies, personal data, harmful words, leaked evaluation texts. First shows, then removes.

    python manage.py train clean --project P --input corpus=NAME --set language=es --set apply=true

Without `apply` it is a trial: the run's page shows what each rule would remove, with examples, and no corpus is made. Documents
stream from file to file, so memory does not grow with the texts (`training/cleaning/duplicates.py` says what it keeps of each).
The corpus that it starts from is never changed. A stopped run begins anew when it is resumed.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from training import text
from training.rundir import RunDir, Stopped, rank, staged
from training.schema import Input

if TYPE_CHECKING:
    from training.cleaning.chain import Chain
    from training.cleaning.duplicates import Copies, Fingerprints
    from training.cleaning.tally import Tally

TITLE = "Clean a corpus"
INPUTS = (
    Input("corpus", "corpus", "The text to clean. It stays as it is; what is left of it becomes a new corpus."),
    Input(
        "against",
        "corpus",
        "Evaluation texts: documents that hold 13 words in a row of them, or a line, go.",
        required=False,
        apart=True,
    ),
    Input(
        "against_prompts",
        "snapshot",
        "The same with a snapshot's validation and test prompts and their answers.",
        required=False,
        apart=True,
    ),
)
OUTCOME = "corpus"
CORPUS, REPORT = "corpus.txt", "report.json"
DRAFT = "draft.txt"
REPORTS = 20  # how often in a run its page gets new figures
LOOK = 50  # documents from one look at whether to stop to the next


@dataclass
class Config:
    apply: bool = field(
        default=False,
        metadata={"help": "Make the cleaned corpus. Off: only show what each rule would remove, with examples."},
    )
    limit: int | None = field(
        default=None,
        metadata={"help": "For a trial: read only the first so many documents.", "unit": "documents", "min": 1},
    )
    language: str = field(
        default="",
        metadata={"help": "Keep documents in these languages, for example es or en,es. Empty: every language stays."},
    )
    confidence: float = field(
        default=0.5,
        metadata={"help": "How sure py3langid has to be of a wanted language.", "min": 0.0, "max": 1.0, "advanced": True},
    )
    gopher: bool = field(
        default=True,
        metadata={"help": "Gopher's quality rules: 50 to 100,000 words, their length, symbols, bullets, letters, stop words."},
    )
    repetition: bool = field(
        default=True,
        metadata={"help": "Gopher's repetition rules: lines and runs of 2 to 10 words that come again and again."},
    )
    c4: bool = field(
        default=True,
        metadata={
            "help": "C4's rules: lines under 3 words or on cookies go, and documents under 5 sentences, with { or lorem ipsum."
        },
    )
    c4_terminal: bool = field(
        default=False,
        metadata={
            "help": "C4's strictest rule, too: lines that end in no mark that ends a sentence go. FineWeb leaves it out (§ 3.5).",
            "advanced": True,
        },
    )
    fineweb: bool = field(
        default=True,
        metadata={"help": "FineWeb's rules: few lines that end like sentences, many short lines, repeated lines, lists."},
    )
    harmful: bool = field(default=True, metadata={"help": "Documents with a word of the harmful words' list go, as in C4."})
    harmful_words: str = field(
        default="", metadata={"help": "Words and phrases of your own for that list, separated by commas.", "advanced": True}
    )
    exact: bool = field(default=True, metadata={"help": "Of documents that are the same to the letter the first stays."})
    near: bool = field(
        default=True,
        metadata={"help": "Of documents that are nearly the same the first stays (MinHash over 5 words, 14 bands of 8)."},
    )
    similarity: float = field(
        default=0.75,
        metadata={
            "help": "Nearly the same: this share of all runs of 5 words is common to both.",
            "min": 0.5,
            "max": 1.0,
            "advanced": True,
        },
    )
    personal: bool = field(
        default=True,
        metadata={"help": "E-mail and IP addresses, phone, IBAN, card, DNI and NIE numbers become <EMAIL>, <IP>, <PHONE> …"},
    )

    def check(self) -> dict[str, str]:
        """A part of a corpus is for a look, not for training."""
        if self.apply and self.limit:
            return {"limit": "is for a trial: leave it empty to clean the whole corpus"}
        return {}


def main(run: RunDir, config: Config) -> None:
    """Reads every document through the rules, compares those that pass with each other, writes what is left."""
    if rank() != 0:
        return
    from training.cleaning import duplicates
    from training.cleaning.chain import Chain
    from training.cleaning.tally import Tally

    rules = Chain(config, evaluation_texts(run))
    compared = [name for name in ("exact", "near") if getattr(config, name)]
    tally = Tally([*rules.names(), *compared], run.seed)
    with workplace(run) as work:
        with duplicates.Fingerprints(work, config.near) as prints:
            read(run, config, rules, tally, prints, work / DRAFT)
        run.message(f"{prints.count:,} of {tally.read['documents']:,} documents pass the rules; now looking for copies among them")
        copies = duplicates.Copies(prints, exact=config.exact, similarity=config.similarity if config.near else None)
        write(run, config, tally, copies, work / DRAFT)


@contextlib.contextmanager
def workplace(run: RunDir) -> Iterator[Path]:
    """A folder for what is not finished, emptied before and after: a killed attempt leaves it full."""
    folder = run.path / "work"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def evaluation_texts(run: RunDir) -> Iterator[str] | None:
    """What the cleaned corpus must not hold; None where nothing was given."""
    from training.cleaning.contamination import held_out

    texts: list[Iterator[str]] = []
    if run.input("against"):
        texts.append(text.documents(run.required("against")))
    if run.input("against_prompts"):
        texts.append(held_out(run.required("against_prompts")))
    return chain.from_iterable(texts) if texts else None


def read(run: RunDir, config: Config, rules: Chain, tally: Tally, prints: Fingerprints, draft: Path) -> None:
    """Writes what passes the rules that read one document into the draft. Raises Stopped when asked to."""
    from training.cleaning.finding import Doc

    corpus = run.required("corpus")
    total, done, told = corpus.stat().st_size, 0, 0
    with open(draft, "w", encoding="utf-8", newline="\n") as file:
        for number, document in enumerate(islice(text.documents(corpus), config.limit)):
            if number % LOOK == 0 and run.stop_requested:
                raise Stopped(f"stopped after {done:,} of {total:,} bytes; resumed, it begins anew")
            done += len(document.encode("utf-8", "surrogatepass")) + 2
            if left := rules(Doc(document), tally):
                file.write(f"{left.text}\n\n")
                prints.add(left)
            if done - told > total / REPORTS:
                told = done
                run.progress(min(done, total), total, "bytes")
                run.event("cleaning", **tally.report(done=False, applied=False))
    if not done:
        raise ValueError(f"the corpus {corpus} holds no text")
    run.progress(total, total, "bytes")


def write(run: RunDir, config: Config, tally: Tally, copies: Copies, draft: Path) -> None:
    """The draft without its copies, and the report. A trial writes the report alone."""
    with staged(run.out) as out:
        with open(out / CORPUS, "w", encoding="utf-8", newline="\n") if config.apply else contextlib.nullcontext() as file:
            for document in unlike(draft, copies, tally):
                tally.keep(document)
                if file:
                    file.write(f"{document}\n\n")
        report = tally.report(done=True, applied=config.apply)
        (out / REPORT).write_text(json.dumps(report, ensure_ascii=False, indent=1), encoding="utf-8")
        run.event("cleaning", **report)
        if config.apply and not tally.kept:
            raise ValueError("no document is left: the rules' examples on this page say which of them does not fit this corpus")


def unlike(draft: Path, copies: Copies, tally: Tally) -> Iterator[str]:
    """The documents of the draft that are no copy of an earlier one. The tally is told of the others."""
    from training.cleaning.finding import compared

    examples = copies.examples(tally.drawn)
    originals: dict[int, str] = dict.fromkeys(examples.values(), "")
    for number, document in enumerate(text.documents(draft)):
        if number in originals:
            originals[number] = document
        kind, first = copies.of(number)
        if not kind:
            yield document
            continue
        tally.copy(kind, document)
        if number in examples:
            tally.example(kind, compared(document, originals[first]))
