"""What preflight looks at: the rows as they were read, the models, the plan; and what a finding is. No Django, no torch."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from training.preflight.severity import Severity
from training.preflight.words import WORDS
from training.rundir import RunDir
from training.snapshot_rows import Onlooker

MOST_IDS = 1000  # rows that a finding names
MOST_TEXT = 100_000_000  # characters of a corpus that are looked at, from its beginning
TRAIN, HELD_OUT = "train", ("validation", "test")

Row = dict[str, Any]
Messages = list[dict[str, Any]]


class Tokens(NamedTuple):
    """A chat, prompt or document as tokens, and 1 for each that is learned. Small: a data set of them is held at once."""

    ids: array[int]
    learned: bytes

    @property
    def taught(self) -> int:
        """How many tokens are learned."""
        return self.learned.count(1)


@dataclass
class Seen:
    """A row as a recipe reads it: who is asked what, the answers, each with its whole chat as tokens, and what was said of them."""

    kind: str  # conversation, pair, rated, ranking, logged, prompt, document
    split: str
    unit: str  # judgement, prompt or document, whichever people look it up by
    id: int
    asked: Messages
    said: list[Messages]
    tokens: list[Tokens]
    row: Row
    source: Row

    @property
    def length(self) -> int:
        """Tokens of its longest chat."""
        return max((len(one.ids) for one in self.tokens), default=0)

    @property
    def texts(self) -> Iterator[str]:
        """Everything that is written in it."""
        if "text" in self.row:
            yield self.row["text"]
        for message in [*self.asked, *(message for answer in self.said for message in answer)]:
            if isinstance(content := message.get("content"), str):
                yield content


@dataclass(frozen=True)
class Finding:
    """Something wrong or worth knowing; `ids` name rows by their `unit`, at most MOST_IDS of them."""

    check: str
    unit: str = ""
    ids: tuple[int, ...] = ()
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def severity(self) -> Severity:
        return WORDS[self.check].severity

    def as_dict(self) -> Row:
        """As `findings.json` holds it."""
        about = {"check": self.check, "severity": self.severity, "unit": self.unit, "ids": list(self.ids)}
        return about | {"figures": self.figures}


@dataclass
class Model:
    """A checkpoint among the inputs, as far as it could be looked at."""

    name: str
    role: str
    parameters: int = 0
    loaded: Any = None  # the model itself, where it is small enough to hold
    config: Any = None
    tokenizer: Any = None
    faults: list[Finding] = field(default_factory=list)


@dataclass
class Look:
    """Everything that the checks know of a run."""

    run: RunDir
    recipe: Any
    config: Any
    tokenizer: Any = None
    positions: int | None = None  # tokens that the model can look back
    models: list[Model] = field(default_factory=list)
    was_read: bool = False
    rows: list[Seen] = field(default_factory=list)
    unread: list[tuple[Row, str]] = field(default_factory=list)
    refused: str = ""
    text: int = 0  # characters of documents looked at
    unseen: list[int] = field(default_factory=list)  # tokens of each document beyond MOST_TEXT
    figures: Row = field(default_factory=dict)

    def of(self, *splits: str) -> list[Seen]:
        return [row for row in self.rows if row.split in splits]

    def limit(self, seen: Seen) -> int | None:
        """The most tokens that a row like this may have; None where there is no limit."""
        if seen.kind == "document":
            return None
        if seen.kind != "prompt":
            return min(self.config.max_length, self.positions or self.config.max_length)
        answer = self.config.max_new_tokens if hasattr(self.config, "rewards") else 1
        return self.positions - answer if self.positions else None

    def fits(self, seen: Seen) -> bool:
        limit = self.limit(seen)
        return limit is None or seen.length <= limit

    @property
    def learned(self) -> list[Seen]:
        """The training rows that are not too long."""
        return [row for row in self.of(TRAIN) if self.fits(row)]


def found(check: str, rows: Iterable[Seen], of: int, **figures: Any) -> Iterator[Finding]:
    """A finding about these rows, if there are any; its ids are sorted and none stands twice."""
    there = list(rows)
    if there:
        ids = tuple(sorted({row.id for row in there}))
        yield Finding(check, there[0].unit, ids[:MOST_IDS], {"count": len(there), "of": of, **figures})


# Reading --------------------------------------------------------------------------------------------------------------------


class Recorder(Onlooker):
    """Keeps every row that it is shown, and every one that could not be read."""

    def __init__(self, look: Look, split: str):
        self.look, self.split = look, split

    def saw(self, source: Row, row: Row, made: Any) -> None:
        unit, number = looked_up(source)
        kind = kind_of(source, row)
        if kind == "document":
            self.look.text += len(row["text"])
            if self.look.text > MOST_TEXT:
                self.look.unseen += [len(made or ())] if self.split == TRAIN else []
                return
        asked, said = parted(kind, source, row)
        self.look.rows.append(Seen(kind, self.split, unit, number, asked, said, list(tokens_of(made)), row, source))

    def stumbled(self, source: Row, error: Exception) -> None:
        self.look.unread.append((source, f"{type(error).__name__}: {error}"[:300]))


def looked_up(source: Row) -> tuple[str, int]:
    """What people look a row up by, and its number."""
    return next((word, int(source[f"{word}_id"])) for word in ("judgement", "prompt", "document") if f"{word}_id" in source)


KINDS = {"text": "document", "chosen": "pair", "label": "rated", "tiers": "ranking", "answer": "logged"}


def kind_of(source: Row, row: Row) -> str:
    """The family of a row, by the column that only it has."""
    told = next((kind for column, kind in KINDS.items() if column in row), None)
    return told or ("conversation" if "judgement_id" in source else "prompt")


def parted(kind: str, source: Row, row: Row) -> tuple[Messages, list[Messages]]:
    """What was asked, and the answers."""
    if kind == "document":
        return [], []
    if kind == "prompt":
        return row["messages"], []
    if kind == "conversation":
        return source["prompt"], [row["messages"][len(source["prompt"]) :]]
    columns = {"pair": ("chosen", "rejected"), "rated": ("completion",), "logged": ("answer",)}
    return row["prompt"], row["answers"] if kind == "ranking" else [row[name] for name in columns[kind]]


def tokens_of(made: Any) -> Iterator[Tokens]:
    """The tokens of whatever a recipe makes of a row."""
    if made is None:
        return
    if hasattr(made, "input_ids"):
        yield Tokens(array("i", made.input_ids), bytes(made.assistant_mask))
    elif hasattr(made, "answer") and hasattr(made, "ids"):
        yield Tokens(array("i", made.ids), bytes(made.answer))
    elif hasattr(made, "answers"):
        for answer in made.answers:
            yield from tokens_of(answer)
    elif isinstance(made, list) and made and hasattr(made[0], "input_ids"):
        for chat in made:
            yield from tokens_of(chat)
    else:  # a prompt, of which nothing is learned, or a document, of which all but the first token is
        ids = getattr(made, "ids", made)
        yield Tokens(array("i", ids), bytes(len(ids)) if ids is not made else b"\0" + b"\1" * (len(ids) - 1))
