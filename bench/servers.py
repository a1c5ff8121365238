"""Real servers for the measurements, and what they cost."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import requests

ROOT = Path(__file__).resolve().parent.parent
WORKERS, THREADS = 2, 8  # what `manage.py serve` starts


def free_port() -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, seconds: float = 30, process: psutil.Popen | None = None) -> None:
    """Returns when `url` answers with a page; TimeoutError when it does not in time, or when `process`, which should, has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and (process is None or process.poll() is None):
        try:
            if requests.get(url, timeout=5).ok:
                return
        except (requests.ConnectionError, requests.Timeout):
            pass
        time.sleep(0.02)
    raise TimeoutError(f"{url} did not answer within {seconds:g} s")


@contextlib.contextmanager
def gunicorn(module: str = "config.wsgi") -> Iterator[tuple[int, psutil.Popen]]:
    """`module` served as `manage.py serve` serves it, in this process's environment: the port, and gunicorn's master."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", module, "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread"]
    command += ["--workers", str(WORKERS), "--threads", str(THREADS), "--no-control-socket", "--log-level", "warning"]
    with running(command, cwd=ROOT, env=os.environ | {"CRISOL_LOG": "WARNING"}) as process:
        wait_for(f"http://127.0.0.1:{port}/login/", process=process)
        yield port, process


@contextlib.contextmanager
def running(command: list[str], **options: Any) -> Iterator[psutil.Popen]:
    """A process for as long as the block lasts; its own children go with it."""
    process = psutil.Popen(command, **options)
    try:
        yield process
    finally:
        family = process.children(recursive=True) if process.is_running() else []
        process.terminate()
        _gone, left = psutil.wait_procs([process, *family], timeout=15)
        for member in left:
            member.kill()


def cpu_seconds(process: psutil.Process) -> float:
    """User and system time of a process, of its living descendants, and of the children that they have outlived."""
    total = 0.0
    for member in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = member.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total
