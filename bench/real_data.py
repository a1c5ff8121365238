"""Files that other people published, as what Crisol's doors take: corpora, demonstrations, rankings with their raters."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

SHAKESPEARE, WIKITEXT = "text_tinyshakespeare.txt.gz", "text_wikitext2_valid.txt.gz"
SELF_INSTRUCT, TULU = "instr_self_instruct_seed.jsonl.gz", "pref_tulu1_human.jsonl.gz"
FILES = (SHAKESPEARE, WIKITEXT, SELF_INSTRUCT, TULU)
LICENCES = {SHAKESPEARE: "public domain", WIKITEXT: "CC BY-SA 3.0", SELF_INSTRUCT: "Apache-2.0", TULU: "Apache-2.0"}
RANKS = {"a": [1, 2], "tie": [1, 1], "b": [2, 1]}
SLIGHTLY, PLAINLY = 1, 2

Row = dict[str, Any]


def text(path: Path) -> str:
    """The text of a packed file."""
    return gzip.decompress(path.read_bytes()).decode()


def rows(path: Path) -> list[Row]:
    """The rows of a packed JSONL file."""
    # Not splitlines: a text may hold U+2028, which ends no line of JSONL.
    return [json.loads(line) for line in text(path).split("\n") if line]


def jsonl(lines: list[Row]) -> bytes:
    """Rows as a file to upload."""
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()


def scenes(play: str, speeches: int) -> list[str]:
    """A play as documents of so many speeches each, no blank line within: a model that only ever reads one speech looks no
    further back than that."""
    said = [speech.strip() for speech in play.split("\n\n") if speech.strip()]
    return ["\n".join(said[at : at + speeches]) for at in range(0, len(said), speeches)]


def demonstration(row: Row) -> Row:
    """A task of self-instruct in the shape `demonstrations`: its input, where it has one, follows the instruction."""
    instance = row["instances"][0]
    asked = "\n\n".join(part for part in (row["instruction"], instance["input"]) if part.strip())
    return {"prompt": asked, "response": instance["output"], "rater": "self-instruct authors"}


def ranking(row: Row) -> Row:
    """A comparison of the Tülu paper in the shape `rankings`, with how much better: “a-is-slightly-better” or “a-is-better”."""
    sides = ("a", "b")
    preferred = row["preference"]
    return {
        "prompt": row["prompt"],
        "answers": [{"text": row[f"completion_{side}"], "model": row[f"model_{side}"]} for side in sides],
        "ranks": RANKS[preferred.partition("-")[0]],
        "strength": SLIGHTLY if "slightly" in preferred else PLAINLY,
        "acceptable": [row[f"completion_{side}_is_acceptable"] == "yes" for side in sides],
        "rater": row["evaluator"],
        "created": row["timestamp"],
    }
