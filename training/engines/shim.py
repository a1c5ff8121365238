"""The small process that looks after one attempt: `python -m training.engines.shim FOLDER --attempt N`. No Django, Linux only.

It holds the folder's lock (alive = lock held; no process id is ever trusted), outlives the web and the supervisor, is the
subreaper of all that its trainer starts (torchrun's ranks lead sessions of their own, so killing a process group would leave
them alive), and writes the exit word by rename. The trainer shares the lock and dies with the shim: when the lock is free,
nobody of that attempt is left to write.

Exit status of the command: 0 this attempt is alive or was, 4 another attempt holds the folder: ask again.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from training.rundir import LOCK, LOG, order_stop, stop_order, write_whole

SHIM, SHIM_PID, HELD_FD = "CRISOL_SHIM_OF", "CRISOL_SHIM_PID", "CRISOL_LOCK_FD"
BUSY = 4
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
ROOT = Path(__file__).resolve().parent.parent.parent
POLL = 0.1  # seconds

_libc = ctypes.CDLL(None, use_errno=True)


# The lock -----------------------------------------------------------------------------------------------------------------


def last_attempt(folder: Path) -> int:
    """The attempt that held the lock last, dead or alive; 0 when none did."""
    try:
        return int((folder / LOCK).read_text() or 0)
    except FileNotFoundError:
        return 0


def alive(folder: Path) -> bool:
    """Whether an attempt holds the folder."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def hold(folder: Path, attempt: int, *, again: bool = False, patience: float = 2.0) -> int | None:
    """Takes the folder's lock for an attempt and answers its descriptor; None when it is taken, or this attempt has been.

    An attempt runs once, unless `again`. Patience, because whoever asks `alive` holds a shared lock for an instant.
    """
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    if not _lock(descriptor, patience) or (last_attempt(folder) >= attempt and not again):
        os.close(descriptor)
        return None
    # Of one width, so that one write replaces the older number whole.
    os.pwrite(descriptor, f"{attempt:<12}".encode(), 0)
    os.fsync(descriptor)
    return descriptor


def _lock(descriptor: int, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)


# Who dies with whom -------------------------------------------------------------------------------------------------------


def bind_to_parent(parent: int | None = None, *, by: int = signal.SIGKILL) -> None:
    """This process gets the signal `by` when its parent dies, also when that was just before this call."""
    parent = parent or os.getppid()
    _libc.prctl(PR_SET_PDEATHSIG, by, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), by)


def bind_to_shim(shim: int) -> None:
    """This process, the shim's trainer or one of its torchrun's ranks, is killed when its parent dies.

    Also when both died while this one was still importing: then it has been adopted, and its new parent is no child of the shim.
    """
    bind_to_parent()
    parent = os.getppid()
    if shim not in (parent, _parent(str(parent))):
        os.kill(os.getpid(), signal.SIGKILL)


def _children() -> list[int]:
    """The processes whose parent is this one. Nobody else can reap them, so their ids are surely theirs."""
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit() and _parent(entry) == os.getpid()]


def _parent(entry: str) -> int | None:
    try:
        stat = Path("/proc", entry, "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(stat[stat.rindex(")") + 2 :].split()[1])


# The watch ----------------------------------------------------------------------------------------------------------------


class Watch:
    """One attempt from its trainer's start to its exit word."""

    def __init__(self, folder: Path, attempt: int, processes: int, lock: int):
        self.folder, self.attempt, self.processes, self.lock = folder, attempt, processes, lock
        self.codes: dict[int, int] = {}  # of the children that ended: negative for a signal
        self.signalled = False

    def run(self) -> None:
        """Starts the trainer, waits for its end or ends it, leaves nobody behind, writes the exit word."""
        trainer = self._start()
        asked = None
        while trainer not in self.codes:
            if self.signalled and stop_order(self.folder, self.attempt) is None:
                order_stop(self.folder, self.attempt)
            grace = stop_order(self.folder, self.attempt)
            if grace is not None:
                if asked is None:
                    asked = time.monotonic()
                    self._tell(trainer)
                if time.monotonic() >= asked + grace:
                    self._kill_everybody()
            time.sleep(POLL)
            self._reap()
        self._kill_everybody()
        write_whole(self.folder / f"exit-{self.attempt}", f"{self.codes[trainer]}\n")

    def _start(self) -> int:
        shim = os.getpid()
        command = [sys.executable, "-m"]
        environment = os.environ | {SHIM: str(self.folder), SHIM_PID: str(shim), "PYTHONUNBUFFERED": "1"}
        if self.processes > 1:
            command += ["torch.distributed.run", "--standalone", f"--nproc-per-node={self.processes}", "--max-restarts=0", "-m"]
        else:
            environment[HELD_FD] = str(self.lock)
        command += ["training.train", str(self.folder), "--attempt", str(self.attempt)]
        print(f"--- attempt {self.attempt} · {time.strftime('%Y-%m-%d %H:%M:%S %Z')}", flush=True)
        # Popen's own bookkeeping of children is not used: `_reap` collects every process, adopted ones included.
        return subprocess.Popen(
            command, env=environment, cwd=ROOT, pass_fds=(self.lock,), preexec_fn=lambda: bind_to_parent(shim)
        ).pid

    def _tell(self, trainer: int) -> None:
        """SIGTERM too, besides the file; not to torchrun, which would end its ranks before they have saved."""
        if self.processes == 1:
            os.kill(trainer, signal.SIGTERM)

    def _kill_everybody(self) -> None:
        """Until nobody is left: the children of a killed child become this process's, whatever session they lead."""
        while children := _children():
            for child in children:
                os.kill(child, signal.SIGKILL)
            time.sleep(0.01)
            self._reap()

    def _reap(self) -> None:
        while True:
            try:
                child, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if child == 0:
                return
            self.codes[child] = os.waitstatus_to_exitcode(status)

    def on_signal(self, *_args: Any) -> None:
        self.signalled = True


def main(argv: list[str] | None = None) -> int:
    """Returns in the process that was called as soon as the lock is held; the watch goes on in its child."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the run's folder, with its run.json")
    parser.add_argument("--attempt", type=int, required=True, help="number of this attempt; it runs once")
    parser.add_argument("--processes", type=int, default=1, help="trainer processes; more than one start under torchrun")
    args = parser.parse_args(argv)
    folder = args.folder.resolve()
    if last_attempt(folder) >= args.attempt:
        return 0
    lock = hold(folder, args.attempt)
    if lock is None:
        return 0 if last_attempt(folder) >= args.attempt else BUSY
    if os.fork():
        return 0
    _leave_home(folder)
    watch = Watch(folder, args.attempt, args.processes, lock)
    signal.signal(signal.SIGTERM, watch.on_signal)
    watch.run()
    return 0


def _leave_home(folder: Path) -> None:
    """Its own session, no terminal, output to the log, and the parent of every orphan below it."""
    os.setsid()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    log = os.open(folder / LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)


if __name__ == "__main__":
    sys.exit(main())
