"""The files of a snapshot: `prompts.jsonl`, `rows.jsonl` and, written last, `manifest.json`. No Django: trainers read them.

A line of `prompts.jsonl` is a prompt of the project:
    {"prompt_id", "messages", "tools", "language", "source", "licence", "metadata", "split"}
`metadata` is what the project knows of it besides: reference answers for `training/rewards` are there, and raters never see it.
A line of `rows.jsonl` is a judgement in force:
    {"judgement_id", "task_id", "kind", "prompt_id", "prompt", "tools", "language", "source", "licence", "split", "rater",
     "guidelines", "seconds", "order": [sample ids as the rater saw them],
     "answers": [{"sample_id", "messages", "model", "author", "written", "grades": {aspect: value}}]}
`model` is empty for an answer by a person; `rater` and `author` are pseudonyms, which begin with “sim-” where a program
judged (`annotation/simulated.py`). With the option `reliability` a row also has "weight", the rater's (1 on average), and each
answer that was put in an order "beats": {other sample's id: P(this one is better)}.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from annotation.simulated import is_simulated

PROMPTS, ROWS, MANIFEST = "prompts.jsonl", "rows.jsonl", "manifest.json"
SPLITS = ("train", "validation", "test")
VERSION = 1

Row = dict[str, Any]


def prompt_split(digest: str, test: float, validation: float) -> str:
    """The split of a prompt, drawn from its content digest: equal prompts share a split, in every snapshot of every project.

    `test` and `validation` are shares of 1.
    """
    u = int(digest[:8], 16) / 2**32
    if u < test:
        return "test"
    return "validation" if u < test + validation else "train"


def read_manifest(folder: Path | str) -> Row:
    """What the snapshot holds. FileNotFoundError when the folder is not a whole snapshot: the manifest is written last."""
    path = Path(folder) / MANIFEST
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(f"{folder} is not a whole snapshot: it has no {MANIFEST}, which is written last") from None


def read_rows(folder: Path | str, split: str | None = None) -> Iterator[Row]:
    """The judgements, in order of id; of one split if named. ValueError at the end if the file is not the one that was frozen."""
    return _read(Path(folder), ROWS, split)


def read_prompts(folder: Path | str, split: str | None = None) -> Iterator[Row]:
    """The prompts, in order of id; of one split if named. ValueError at the end if the file is not the one that was frozen."""
    return _read(Path(folder), PROMPTS, split)


def _read(folder: Path, name: str, split: str | None) -> Iterator[Row]:
    if split is not None and split not in SPLITS:
        raise ValueError(f"no split {split!r}; there are: {', '.join(SPLITS)}")
    expected = read_manifest(folder)["sha256"][name]
    return _checked_lines(folder / name, expected, split)


def _checked_lines(path: Path, expected: str, split: str | None) -> Iterator[Row]:
    sha = hashlib.sha256()
    with open(path, "rb") as file:
        for line in file:
            sha.update(line)
            row = json.loads(line)
            if split is None or row["split"] == split:
                yield row
    if sha.hexdigest() != expected:
        raise ValueError(f"{path} is not the file that was frozen: its SHA-256 is not the manifest's. Restore it or freeze again.")


def write(folder: Path | str, prompts: Iterable[Row], rows: Iterable[Row], **facts: Any) -> Row:
    """Writes a snapshot in one pass over each iterable and returns its manifest; `facts` are added to it (`options`, …).

    Equal rows give equal bytes. Every file is fsynced and renamed, the manifest last: two writers at once do no harm.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tally = _Tally()
    sha256 = {
        PROMPTS: _write_lines(folder / PROMPTS, map(tally.prompt, prompts)),
        ROWS: _write_lines(folder / ROWS, map(tally.row, rows)),
    }
    whole = hashlib.sha256("".join(f"{sha256[name]}  {name}\n" for name in sorted(sha256)).encode()).hexdigest()
    manifest = {"version": VERSION, "sha256": sha256, "digest": whole, **tally.summary(), **facts}
    _write_lines(folder / MANIFEST, [manifest])
    return manifest


def _write_lines(path: Path, rows: Iterable[Row]) -> str:
    """One JSON line a row, whole or not at all; the SHA-256 of the file. Sorted keys, because databases reorder those of JSON."""
    sha = hashlib.sha256()
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with open(draft, "wb") as file:
        for row in rows:
            line = json.dumps(row, sort_keys=True, ensure_ascii=False, allow_nan=False).encode() + b"\n"
            sha.update(line)
            file.write(line)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)
    _fsync_folder(path.parent)
    return sha.hexdigest()


def _fsync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _Tally:
    """Counts what passes by."""

    def __init__(self) -> None:
        self.prompt_splits: Counter[str] = Counter()
        self.languages: Counter[str] = Counter()
        self.licences: Counter[tuple[str, str]] = Counter()
        self.row_splits: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.raters: set[str] = set()
        self.simulated = 0

    def prompt(self, row: Row) -> Row:
        self.prompt_splits[row["split"]] += 1
        self.languages[row["language"]] += 1
        self.licences[row["source"], row["licence"]] += 1
        return row

    def row(self, row: Row) -> Row:
        self.row_splits[row["split"]] += 1
        self.kinds[row["kind"]] += 1
        self.raters.add(row["rater"])
        self.simulated += is_simulated(row["rater"])
        return row

    def summary(self) -> Row:
        counts = {
            "prompts": self.prompt_splits.total(),
            "rows": self.row_splits.total(),
            "raters": len(self.raters),
            "simulated": self.simulated,
            "by_split": {split: self.row_splits[split] for split in SPLITS},
            "prompts_by_split": {split: self.prompt_splits[split] for split in SPLITS},
            "by_kind": dict(sorted(self.kinds.items())),
            "by_language": dict(sorted(self.languages.items())),
        }
        pairs = sorted(self.licences.items())
        return {"counts": counts, "licences": [{"source": s, "licence": lic, "prompts": n} for (s, lic), n in pairs]}
