"""What becomes of a run's `out/` folder once it has ended well: a Checkpoint, a Corpus, Samples or Scores. Twice counts once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from annotation import scores
from annotation.chat import answer_messages
from annotation.models import Project, Prompt, Sample
from training import corpora, preflight_page
from training.card import CARD
from training.models import Checkpoint, Corpus, Run
from training.rundir import OUT, plain

CORPUS, SAMPLES, REWARDS = "corpus.txt", "samples.jsonl", "rewards.jsonl"
BATCH = 500


# Checkpoints --------------------------------------------------------------------------------------------------------------


def checkpoint(run: Run) -> Checkpoint:
    """Registers `out/` as a checkpoint named after the run."""
    return register(run.folder / OUT, project=run.project, name=run.name or str(run), run=run)


def register(path: Path, *, project: Project, name: str, **fields: Any) -> Checkpoint:
    """The Checkpoint of a folder with `card.json`; the one there is, if the folder is registered. ValueError when it is not one.

    A name that is taken gets a number. Hashes every file: seconds a gigabyte, outside any transaction.
    """
    path = path.resolve()
    if known := Checkpoint.objects.filter(path=str(path)).first():
        return known
    card = read_card(path)
    about = {
        "project": project,
        "role": card["role"],
        "digest": folder_digest(path),
        "step": card.get("step"),
        "source": str(card.get("source") or "")[:200],
        "licence": str(card.get("licence") or "")[:120],
        "card": card,
    }
    for free in _names(name, Checkpoint.objects.all()):
        try:
            with transaction.atomic():
                return Checkpoint.objects.get_or_create(path=str(path), defaults={"name": free, **about, **fields})[0]
        except IntegrityError:
            if not Checkpoint.objects.filter(name=free).exists():
                raise
    raise AssertionError("names never run out")


def _names(name: str, rows: QuerySet[Any]) -> Iterator[str]:
    """The first of name, name-2, name-3 … that is free among `rows`, and those after it, should somebody else be quicker."""
    taken = set(rows.filter(name__startswith=name).values_list("name", flat=True))
    return (free for free in (name if number == 1 else f"{name}-{number}" for number in count(1)) if free not in taken)


def read_card(path: Path) -> dict[str, Any]:
    """The folder's `card.json`. ValueError says what the folder lacks to be a checkpoint."""
    try:
        card = plain(json.loads((path / CARD).read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise ValueError(_("%(path)s is not a checkpoint: it has no card.json") % {"path": path}) from None
    except ValueError as error:
        raise ValueError(_("%(path)s: card.json is not JSON: %(error)s") % {"path": path, "error": error}) from None
    roles = Checkpoint.Role.values
    if not isinstance(card, dict) or card.get("role") not in roles:
        raise ValueError(_("%(path)s: card.json must name a role: %(roles)s") % {"path": path, "roles": ", ".join(roles)})
    if card["role"] != Checkpoint.Role.TOKENIZER and not any(path.glob("*.safetensors")):
        raise ValueError(_("%(path)s is not a checkpoint: it has no *.safetensors file") % {"path": path})
    return card


def folder_digest(path: Path) -> str:
    """SHA-256 over the names and contents of a folder's files, in order of name."""
    whole = hashlib.sha256()
    for file in sorted(entry for entry in path.rglob("*") if entry.is_file()):
        with open(file, "rb") as opened:
            content = hashlib.file_digest(opened, "sha256").hexdigest()
        whole.update(f"{content}  {file.relative_to(path).as_posix()}\n".encode())
    return whole.hexdigest()


# Corpora ------------------------------------------------------------------------------------------------------------------


def corpus(run: Run) -> Corpus | None:
    """Keeps `out/corpus.txt` as a corpus named after the run, of the source and licence of the one it was made from.

    None where the run made none: a trial only shows. Copies and hashes the text: some seconds a gigabyte, outside any transaction.
    """
    path = run.folder / OUT / CORPUS
    known = run.corpora.first()
    if known or not path.exists():
        return known
    origin = Corpus.objects.get(used_by__run=run, used_by__name="corpus")
    digest, size = corpora.keep(corpora.LocalFile(path))
    about = {
        "language": (run.config.get("language") or origin.language)[:12],
        "source": origin.source,
        "licence": origin.licence,
        "digest": digest,
        "size": size,
        "created_by": run.created_by,
    }
    taken = Corpus.objects.filter(project=run.project)
    for free in _names(run.name or f"{origin.name}-clean", taken):
        try:
            with transaction.atomic():
                return Corpus.objects.get_or_create(run=run, defaults={"project": run.project, "name": free[:120], **about})[0]
        except IntegrityError:
            if not taken.filter(name=free).exists():
                raise
    raise AssertionError("names never run out")


# Samples ------------------------------------------------------------------------------------------------------------------


def samples(run: Run) -> int:
    """Makes a Sample of each line of `out/samples.jsonl` under the name of the checkpoint that answered; answers how many.

    The file is checked whole before the first row is written. ValueError names the line that is wrong.
    """
    path = run.folder / OUT / SAMPLES
    model = Checkpoint.objects.get(used_by__run=run, used_by__name="model")
    for batch in _batches(_lines(path)):
        _refuse_strangers(run, batch)
    made = 0
    for batch in _batches(_lines(path)):
        rows = [_sample(run, model.name, line) for _number, line in batch]
        # Lines that an earlier reading kept have their key already.
        Sample.objects.bulk_create(rows, ignore_conflicts=True)
        made += len(rows)
    return made


def _sample(run: Run, model: str, line: dict[str, Any]) -> Sample:
    return Sample(
        prompt_id=line["prompt_id"],
        messages=line["messages"],
        model=model,
        sampling=line["sampling"] | {"run": run.pk},
        key=f"{run.pk}/{line['prompt_id']}/{line['index']}",
    )


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The lines of a samples file with their numbers, each checked for its shape."""
    with open(path, encoding="utf-8") as file:
        for number, text in enumerate(file, 1):
            try:
                yield number, _line(plain(json.loads(text)))
            except ValueError as error:
                raise ValueError(_("samples.jsonl, line %(number)d: %(error)s") % {"number": number, "error": error}) from None


def _line(line: Any) -> dict[str, Any]:
    if not isinstance(line, dict) or type(line.get("prompt_id")) is not int or type(line.get("index")) is not int:
        raise ValueError(_("must be an object with whole numbers “prompt_id” and “index”"))
    if not isinstance(line.setdefault("sampling", {}), dict):
        raise ValueError(_("sampling: must be an object"))
    return line | {"messages": answer_messages(line.get("messages"))}


def _refuse_strangers(run: Run, batch: list[tuple[int, dict[str, Any]]]) -> None:
    asked = {line["prompt_id"] for _number, line in batch}
    known = set(Prompt.objects.filter(project_id=run.project_id, pk__in=asked).values_list("pk", flat=True))
    for number, line in batch:
        if line["prompt_id"] not in known:
            raise ValueError(
                _("samples.jsonl, line %(number)d: prompt %(prompt)s is not in the run's project")
                % {"number": number, "prompt": line["prompt_id"]}
            )


# Findings -----------------------------------------------------------------------------------------------------------------


def findings(run: Run) -> None:
    """Nothing is registered: `out/findings.json` stays where it is. ValueError where it is not what the page can draw."""
    preflight_page.report(run)


# Rewards ------------------------------------------------------------------------------------------------------------------


def rewards(run: Run) -> int:
    """Keeps each line of `out/rewards.jsonl` as a reward model's score of a sample; how many. ValueError says what is wrong."""
    with open(run.folder / OUT / REWARDS, encoding="utf-8") as file:
        lines = [_reward(number, text) for number, text in enumerate(file, 1)]
    try:
        return scores.record(run.project, lines)
    except ValidationError as error:
        raise ValueError(f"{REWARDS}: {' '.join(error.messages)}") from None


def _reward(number: int, text: str) -> scores.Scored:
    try:
        line = plain(json.loads(text))
        sample, model, value = line["sample_id"], line["model"], line["value"]
        if type(sample) is not int or not isinstance(model, str) or type(value) not in (int, float):
            raise TypeError
    except (ValueError, KeyError, TypeError):
        words = _("rewards.jsonl, line %(number)d: must be an object with “sample_id”, “model” and a number “value”")
        raise ValueError(words % {"number": number}) from None
    return sample, model, float(value)


def _batches(lines: Iterator[Any]) -> Iterator[list[Any]]:
    while batch := list(islice(lines, BATCH)):
        yield batch
