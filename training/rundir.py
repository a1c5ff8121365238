"""The folder a run is: all that web, supervisor and trainer share. No Django, no torch, no database, no network.

run.json              what to do: recipe, config, inputs, seed, resources. Written before the first attempt, and again only where
                      another number of processes goes on.
material/             what else of the database the run needs, where its recipe says so (`training/materials.py`).
events.jsonl          what happened. Appended by rank 0, a line an event; the last line of an attempt says how it ended.
log.txt               what the trainer's processes printed.
audit/step-N.jsonl    answers of the policy and its reference that people are to compare (`training/audit.py`); an event names each.
checkpoints/step-N/   to resume from. Staged as `step-N.tmp`, fsynced, renamed: a name without `.tmp` was whole when it was
                      written, and the digests in its `whole.json` tell whether it still is.
out/                  what the run made, staged the same way, once, at the end.
stop                  asks an attempt to save and end: its number and the seconds it may take. Older attempts' orders mean nothing.
lock                  held by the shim while an attempt is alive (`training/engines/shim.py`); names that attempt.
exit-N                the exit word of attempt N, written by the shim by rename.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import math
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

RUN, EVENTS, LOG, STOP, LOCK, OUT, CHECKPOINTS = "run.json", "events.jsonl", "log.txt", "stop", "lock", "out", "checkpoints"
WHOLE = "whole.json"  # SHA-256 of each file of a checkpoint
GRACE = 120.0  # seconds that an attempt has to save after a stop, before it is killed


def rank() -> int:
    """This process's place among those that torchrun started; 0 when it is alone."""
    return int(os.environ.get("RANK", "0"))


class Stopped(Exception):
    """Raised in a recipe when it was asked to stop and has saved; the run ends in `stopped`."""


class NoWholeCheckpoint(RuntimeError):
    """The run has checkpoints and every one of them is damaged; the message says how."""


def fsync_folder(path: Path) -> None:
    """Makes the names in a folder survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: Path, text: str) -> None:
    """Writes a small file under another name, fsyncs, renames: readers see the old text or the new, never half."""
    staged = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    with open(staged, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(staged, path)
    fsync_folder(path.parent)


def append_line(path: Path, line: str, *, sync: bool = False) -> None:
    """Adds one line while no other writer does. OSError when the disk took only part of it."""
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        size = os.fstat(descriptor).st_size
        # A line cut short by a kill or a full disk must not swallow this one.
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        data = b"\n" * torn + line.encode() + b"\n"
        if os.write(descriptor, data) != len(data):
            raise OSError(f"{path}: only part of a line could be written; is the disk full?")
        if sync:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def staged(path: Path) -> Iterator[Path]:
    """A folder to fill that takes its final name only when whole: every file fsynced, renamed, parent fsynced.

    On an exception the final name does not appear. An older folder of that name is replaced.
    """
    draft = path.with_name(f"{path.name}.tmp")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    yield draft
    for folder, _, files in os.walk(draft):
        for name in files:
            with open(Path(folder) / name, "rb") as file:
                os.fsync(file.fileno())
        fsync_folder(Path(folder))
    if path.exists():
        aside = path.with_name(f"{path.name}.old.tmp")
        shutil.rmtree(aside, ignore_errors=True)
        os.rename(path, aside)
    os.rename(draft, path)
    fsync_folder(path.parent)
    shutil.rmtree(path.with_name(f"{path.name}.old.tmp"), ignore_errors=True)


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def damage(checkpoint: Path) -> str:
    """What is wrong with a checkpoint: a file that is missing or is not the one that was written. Empty where it is whole."""
    try:
        kept: dict[str, str] = json.loads((checkpoint / WHOLE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return f"lacks {WHOLE}"
    except ValueError:
        return f"has a damaged {WHOLE}"
    if missing := [name for name in kept if not (checkpoint / name).is_file()]:
        return f"lacks {', '.join(missing)}"
    changed = [name for name, was in kept.items() if digest(checkpoint / name) != was]
    return f"has a damaged {', '.join(changed)}" if changed else ""


def plain(value: Any) -> Any:
    """`value` as every JSON reader and database takes it.

    JSON has no NaN: a number that is not finite becomes its name. Text loses NUL and lone surrogates, which PostgreSQL refuses.
    Numbers of numpy and torch become Python's.
    """
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {plain(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float) or hasattr(value, "item"):
        number = value if isinstance(value, float) else value.item()
        return str(number) if isinstance(number, float) and not math.isfinite(number) else number
    return plain(str(value))


def order_stop(folder: Path, attempt: int, grace: float = GRACE) -> None:
    """Asks an attempt to save and end within `grace` seconds; asked again, the shorter time counts. The folder may be empty yet."""
    folder.mkdir(parents=True, exist_ok=True)
    given = stop_order(folder, attempt)
    if given is None or grace < given:
        write_whole(folder / STOP, f"{attempt} {grace:g}")


def stop_order(folder: Path, attempt: int) -> float | None:
    """The seconds that this attempt has to save and end, None when nobody asked. An empty file made by hand means any attempt."""
    try:
        words = (folder / STOP).read_text().split()
    except FileNotFoundError:
        return None
    try:
        number, grace = int(words[0]) if words else attempt, float(words[1]) if len(words) > 1 else GRACE
    except ValueError:
        number, grace = attempt, GRACE
    return grace if number == attempt else None


class RunDir:
    """A run's folder, as its trainer uses it. Only rank 0 writes events; every rank may read and ask `stop_requested`."""

    def __init__(self, path: Path | str, attempt: int = 1):
        self.path = Path(path)
        self.attempt = attempt
        self.spec: dict[str, Any] = json.loads((self.path / RUN).read_text(encoding="utf-8"))
        self._signalled = False

    @classmethod
    def create(cls, path: Path | str, spec: dict[str, Any], *, anew: bool = False) -> RunDir:
        """Makes the folder with its `run.json`: {"run", "recipe", "main", "config", "inputs", "seed", "resources"}.

        A `run.json` that is there stays, unless it is told anew: later attempts do what the first was told.
        """
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        if anew or not (folder / RUN).exists():
            write_whole(folder / RUN, json.dumps(spec, indent=2, ensure_ascii=False, sort_keys=True))
        return cls(folder)

    # What to do -----------------------------------------------------------------------------------------------------------

    @property
    def seed(self) -> int:
        return int(self.spec.get("seed", 0))

    def input(self, name: str) -> Path | None:
        """The path of an input, or None where an optional one was not given."""
        path = self.spec["inputs"].get(name)
        return Path(path) if path else None

    def required(self, name: str) -> Path:
        """The path of an input that must be there."""
        path = self.input(name)
        if path is None or not path.exists():
            raise FileNotFoundError(f"input {name!r} of this run is not there: {path}")
        return path

    @property
    def out(self) -> Path:
        return self.path / OUT

    # What happened --------------------------------------------------------------------------------------------------------

    def event(self, kind: str, **data: Any) -> None:
        """Appends one line, at once and whole. `kind`: one of `KINDS` in `training/reading.py`.

        Only rank 0 speaks, except that any rank may say that it failed: rank 0 would not know why.
        """
        if rank() != 0 and data.get("state") != "failed":
            return
        head = {"attempt": self.attempt, "at": round(time.time(), 3), "kind": kind}
        line = json.dumps(head | plain(data) | head, ensure_ascii=False)
        append_line(self.path / EVENTS, line, sync=kind in {"checkpoint", "audit", "end"})

    def metrics(self, step: int, **values: float) -> None:
        """Numbers of one step; each name is a curve on the run's page."""
        self.event("metrics", step=step, **values)

    def progress(self, done: float, total: float, unit: str = "steps") -> None:
        """How far the run is; the page draws the bar and the time left from it."""
        self.event("progress", done=done, total=total, unit=unit)

    def message(self, text: str) -> None:
        """A sentence for the people who watch."""
        self.event("message", text=text)

    # Checkpoints ----------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def checkpoint(self, step: int, keep: int = 2, **data: Any) -> Iterator[Path]:
        """A folder to fill with all that resuming at `step` needs; once it is whole, older ones beyond `keep` go.

        Those of later steps go, too: an attempt that is here again could not resume from them.
        """
        path = self.path / CHECKPOINTS / f"step-{step}"
        with staged(path) as draft:
            yield draft
            files = sorted(file for file in draft.rglob("*") if file.is_file())
            digests = {str(file.relative_to(draft)): digest(file) for file in files}
            (draft / WHOLE).write_text(json.dumps(digests, indent=0), encoding="utf-8")
        self.event("checkpoint", step=step, path=str(path.relative_to(self.path)), **data)
        here = self.checkpoints()
        for gone in {*here} - {*here[: here.index(path) + 1][-keep:]}:
            shutil.rmtree(gone, ignore_errors=True)

    def checkpoints(self) -> list[Path]:
        """Those that were written to their end, oldest first."""
        found = [path for path in (self.path / CHECKPOINTS).glob("step-*") if path.name[5:].isdigit() and path.is_dir()]
        return sorted(found, key=lambda path: int(path.name[5:]))

    def latest_checkpoint(self) -> Path | None:
        """The newest whole checkpoint, or None where there is no checkpoint. Reads every byte of it; tells which it refuses.

        Raises NoWholeCheckpoint where all are damaged: beginning anew is for a person to decide.
        """
        refused: list[str] = []
        for found in reversed(self.checkpoints()):
            if not (wrong := damage(found)):
                if refused:
                    self.message(f"{'; '.join(refused)}: refused, going on from {found.name}")
                return found
            refused.append(f"{found.name} {wrong}")
        if refused:
            raise NoWholeCheckpoint(f"{'; '.join(refused)}: no whole checkpoint is left; remove them to begin anew")
        return None

    # Stopping -------------------------------------------------------------------------------------------------------------

    def listen(self) -> None:
        """From here on SIGTERM asks for a stop instead of killing.

        Ranks under torchrun do not listen: there SIGTERM means that another rank died, and a stop comes as the file.
        """
        if "TORCHELASTIC_RUN_ID" not in os.environ:
            signal.signal(signal.SIGTERM, self._on_signal)

    def _on_signal(self, *_args: Any) -> None:
        self._signalled = True

    @property
    def stop_requested(self) -> bool:
        """True once somebody asked this attempt to save and end. Look after every step."""
        return self._signalled or stop_order(self.path, self.attempt) is not None
