"""How well each rule of `clean` finds what was planted in real text, and what a large corpus costs.

    python -m bench.cleaning [--data ../shared/data] [--each 40] [--gigabytes 1]

Real text: the Quijote and WikiText-2's validation set. Each rule is asked alone: `planted` documents (of personal data: pieces)
hold its fault and `found` of them it finds; `false_alarms` are those of the `others` that it finds, too. What it says of documents
with other rules' faults stands apart. `--gigabytes G` cleans corpora of G/10 and of G gigabytes drawn from the same sentences and
tells the peak of memory. The last line is JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import psutil
from tqdm import tqdm

from bench import cleaning_texts as texts
from bench import real_data
from training import schema
from training.cleaning import contamination, language, personal
from training.cleaning.chain import Chain
from training.cleaning.duplicates import Copies, Fingerprints
from training.cleaning.finding import Doc
from training.recipes import clean
from training.rundir import RunDir

GSM8K = "instr_gsm8k_train.jsonl.gz"
FILES = (GSM8K, texts.QUIJOTE, real_data.WIKITEXT)
SIMILAR = {0.01: "near", 0.02: "near", 0.10: ""}  # share of words that were changed → what must find the copy

Figures = dict[str, dict[str, float]]


def main() -> None:
    """Precision and recall of each rule; speed and memory where a size is given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the folder with the published files")
    parser.add_argument("--each", type=int, default=40, help="documents that each fault is planted in")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--gigabytes", type=float, default=0.0, help="size of the large corpus")
    args = parser.parse_args()
    if missing := [name for name in FILES if not (args.data / name).exists()]:
        print(f"Skipped: {args.data} lacks {', '.join(missing)}. Name their folder with --data.", file=sys.stderr)
        print(json.dumps({"skipped": missing}))
        return
    spanish, english = texts.spanish(args.data), texts.english(args.data)
    print(f"{len(spanish)} documents of the Quijote, {len(english)} of WikiText-2")
    rules = languages(spanish, english) | planted(spanish + english, args) | leaks(spanish + english, args)
    rules |= copies(spanish + english, args) | addresses(spanish + english, args)
    for name, figures in rules.items():
        print(f"{name:16}", "  ".join(f"{key} {value:g}" for key, value in figures.items()))
    result: dict[str, Any] = {"rules": rules}
    if args.gigabytes:
        pools = [texts.sentences(spanish), texts.sentences(english)]
        result["sizes"] = [large(pools, size, args.seed) for size in (args.gigabytes / 10, args.gigabytes)]
    print(json.dumps(result))


def scored(planted: int, found: int, false_alarms: int, others: int) -> dict[str, float]:
    """Precision and recall with what they are made of; precision is left out where nothing was found."""
    share = {"precision": round(found / (found + false_alarms), 4)} if found + false_alarms else {}
    return {"planted": planted, "found": found, "others": others, "false_alarms": false_alarms, **share, "recall": found / planted}


# Rules that read one document -------------------------------------------------------------------------------------------------


def languages(spanish: list[str], english: list[str]) -> Figures:
    """Each text in turn is the language that nobody wants."""
    made = {}
    for wanted, mine, others in (("es", spanish, english), ("en", english, spanish)):
        rule = language.rule([wanted], 0.5)
        refused = [sum(rule(Doc(text)) is not None for text in side) for side in (others, mine)]
        made[f"language={wanted}"] = scored(len(others), refused[0], refused[1], len(mine))
    return made


def planted(real: list[str], args: argparse.Namespace) -> Figures:
    """Every quality rule and the harmful words, over the real documents and all planted ones."""
    rng, pool = random.Random(args.seed), texts.sentences(real)
    faults = [fault for text in rng.sample(real, args.each) for fault in texts.quality(text, pool, rng)]
    chain = Chain(clean.Config(), None)
    found: dict[str, list[set[int]]] = defaultdict(lambda: [set(), set()])
    for kind, documents in enumerate((real, [fault.text for fault in faults])):
        for number, text in enumerate(tqdm(documents, desc="quality", disable=None)):
            for name in asked(chain, text):
                found[name][kind].add(number)
    made = {}
    for name in ("gopher", "repetition", "c4", "c4_lines", "fineweb", "harmful"):
        mine = {number for number, fault in enumerate(faults) if fault.rule == name}
        in_real, in_faults = found[name]
        made[name] = scored(len(mine), len(mine & in_faults), len(in_real), len(real))
        made[name] |= {"in_other_faults": len(in_faults - mine), "of_other_faults": len(faults) - len(mine)}
    return made


def asked(chain: Chain, text: str) -> list[str]:
    """The rules that would do something to a text, each alone."""
    doc = Doc(text)
    assert chain.c4
    refused, left = chain.c4(doc)
    changed = "c4" if refused else "c4_lines" if left != text else ""
    return [name for name in (changed, *(name for name, rule in chain.rules.items() if rule(doc))) if name]


def leaks(real: list[str], args: argparse.Namespace) -> Figures:
    """Questions of GSM8K: half are evaluation texts, planted whole or as one sentence; the other half are planted and must stay."""
    rng = random.Random(args.seed)
    rows = [row["question"].replace("\n", " ") for row in real_data.rows(args.data / GSM8K)]
    rng.shuffle(rows)
    held_out, seen = rows[: 10 * args.each], rows[10 * args.each :]
    rule = contamination.rule(held_out)
    hosts = rng.sample(real, 3 * args.each)
    whole = [texts.inserted(text, rng.choice(held_out), rng) for text in hosts[: args.each]]
    short = [f"{text}\n{rng.choice(_short_lines(held_out))}" for text in hosts[args.each : 2 * args.each]]
    other = [texts.inserted(text, rng.choice(seen), rng) for text in hosts[2 * args.each :]]
    lines = contamination.rule(_short_lines(held_out))
    made = {}
    for name, asked_rule, documents in (("leaked 13 words", rule, whole), ("leaked line", lines, short)):
        false = sum(asked_rule(Doc(text)) is not None for text in [*real, *other])
        found = sum(asked_rule(Doc(text)) is not None for text in documents)
        made[name] = scored(len(documents), found, false, len(real) + len(other))
    return made


def _short_lines(questions: list[str]) -> list[str]:
    """Their last sentences of 6 to 12 words, which 13 words in a row cannot find."""
    last = [question.rsplit(". ", 1)[-1] for question in questions]
    return [one for one in last if contamination.SHORTEST_LINE <= len(one.split()) < contamination.GRAM]


# Copies and personal data -------------------------------------------------------------------------------------------------------


def copies(real: list[str], args: argparse.Namespace) -> Figures:
    """Copies to the letter, and with 1, 2 and 10 % of their words replaced, after all real documents."""
    rng = random.Random(args.seed)
    hosts = iter(rng.sample(real, args.each * (1 + len(SIMILAR))))
    wanted = [""] * len(real) + ["exact"] * args.each
    documents = [*real, *(next(hosts) for _ in range(args.each))]
    for share, kind in SIMILAR.items():
        documents += [texts.altered(next(hosts), share, rng) for _ in range(args.each)]
        wanted += [kind] * args.each
    with tempfile.TemporaryDirectory() as folder:
        with Fingerprints(Path(folder), near=True) as prints:
            for text in documents:
                prints.add(Doc(text))
        found = Copies(prints, exact=True, similarity=clean.Config().similarity)
        kinds = [found.of(number)[0] for number in range(len(documents))]
    made = {}
    for kind in ("exact", "near"):
        hit = sum(one == two == kind for one, two in zip(wanted, kinds, strict=True))
        false = sum(two == kind != one for one, two in zip(wanted, kinds, strict=True))
        made[kind] = scored(wanted.count(kind), hit, false, len(documents) - wanted.count(kind))
    return made


def addresses(real: list[str], args: argparse.Namespace) -> Figures:
    """One piece a document, each kind as often, found where it stands and as what it is; and documents with what is none."""
    rng, made = random.Random(args.seed), {}
    decoys = [texts.inserted(text, rng.choice(texts.DECOYS)(rng), rng) for text in rng.choices(real, k=10 * args.each)]
    others = [one.kind for text in [*real, *decoys] for one in personal.find(text)]
    for kind, draw in texts.PERSONAL.items():
        found = wrong = 0
        for text in rng.choices(real, k=args.each):
            piece = draw(rng)
            holding = texts.inserted(text, piece, rng)
            seen = [(one.kind, holding[one.start : one.end]) for one in personal.find(holding)]
            found += (kind, piece) in seen
            wrong += sum(one != (kind, piece) for one in seen)
        made[kind] = scored(args.each, found, wrong + others.count(kind), len(real) + len(decoys))
    return made


# A large corpus -----------------------------------------------------------------------------------------------------------------


def large(pools: list[list[str]], gigabytes: float, seed: int) -> dict[str, Any]:
    """Cleans a corpus of this size in a process of its own: seconds, MB a second, MB of memory at most, what was read and kept."""
    with tempfile.TemporaryDirectory() as place:
        corpus = Path(place) / "corpus.txt"
        with open(corpus, "w", encoding="utf-8") as file:
            for text in texts.stream(pools, int(gigabytes * 1e9), seed):
                file.write(f"{text}\n\n")
        run = _run(Path(place) / "run", corpus)
        begun = time.monotonic()
        worker = psutil.Popen([sys.executable, "-m", "training.train", str(run.path)])
        peak, cpu = watched(worker)
        seconds = time.monotonic() - begun
        if worker.returncode:
            raise SystemExit((run.path / "events.jsonl").read_text()[-2000:])
        report = json.loads((run.out / clean.REPORT).read_text())
        megabytes = corpus.stat().st_size / 1e6
        said = {
            "megabytes": round(megabytes, 1),
            "seconds": round(seconds, 1),
            "mb_per_s": round(megabytes / seconds, 3),
            "cpu_seconds": round(cpu, 1),
            "mb_per_cpu_s": round(megabytes / cpu, 3),
            "peak_mb": round(peak, 1),
            "documents": report["read"]["documents"],
            "kept": report["kept"]["documents"],
            "removed": {row["rule"]: row["removed"] for row in report["rules"] if row["removed"]},
            "redacted": next(row["changed"] for row in report["rules"] if row["rule"] == "personal"),
        }
        print(json.dumps(said), flush=True)
        return said


def watched(worker: psutil.Popen) -> tuple[float, float]:
    """Waits for a process to end: its memory at most, in MB, and the seconds of CPU it took.

    Not `ru_maxrss`: a child's begins at what its parent held when it was started.
    """
    peak = cpu = 0.0
    while worker.poll() is None:
        with contextlib.suppress(psutil.Error, FileNotFoundError, StopIteration):
            lines = Path(f"/proc/{worker.pid}/status").read_text().splitlines()
            peak = max(peak, float(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024)
            cpu = sum(worker.cpu_times()[:2])
        time.sleep(0.2)
    return peak, cpu


def _run(folder: Path, corpus: Path) -> RunDir:
    config = schema.as_dict(clean.Config(apply=True, language="en,es"))
    spec = {"run": 0, "recipe": "clean", "main": "training.recipes.clean", "config": config, "resources": {}}
    return RunDir.create(folder, spec | {"inputs": {"corpus": str(corpus)}, "seed": 0})


if __name__ == "__main__":
    main()
