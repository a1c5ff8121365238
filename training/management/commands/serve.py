"""Starts the site and the supervisor as one foreground process. Ctrl-C or SIGTERM stops both cleanly; trainers live on."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor

from training.engines.shim import bind_to_parent

PATIENCE = 15.0  # seconds that a child may take to end before it is killed
LONGEST_WAIT = 30.0  # seconds before a child that keeps dying is started again


class Child:
    """A process that should be there: started again when it dies, later each time it dies young."""

    def __init__(self, name: str, command: list[str]):
        self.name, self.command = name, command
        self.wait, self.due = 1.0, 0.0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        parent = os.getpid()
        self.began = time.monotonic()
        # Its own session: Ctrl-C reaches only us, and we end the children in order. Bound to us: a kill -9 of this process
        # must not leave the port taken.
        self.process = subprocess.Popen(
            self.command,
            cwd=settings.BASE_DIR,
            start_new_session=True,
            preexec_fn=lambda: bind_to_parent(parent, by=signal.SIGTERM),
        )

    def look(self) -> str:
        """Starts the child when its time has come; says so when it has just died."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.due:
                self.start()
            return ""
        if self.process.poll() is None:
            return ""
        code, self.process = self.process.returncode, None
        self.wait = 1.0 if now - self.began > LONGEST_WAIT else min(2 * self.wait, LONGEST_WAIT)
        self.due = now + self.wait
        return f"{self.name} ended with {code}; it starts again in {self.wait:.0f} s"

    def end(self, deadline: float) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on (default: 8000)")
        parser.add_argument("--workers", type=int, default=2, help="web processes (default: 2)")
        parser.add_argument(
            "--threads", type=int, default=8, help="threads of each web process, of which two compute at a time (default: 8)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        _refuse_taken(options["host"], options["port"])
        self._migrate()
        leave = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: leave.set())
        children = [Child("web", _gunicorn(**options)), Child("supervisor", [sys.executable, "manage.py", "supervise"])]
        self.stdout.write(f"Crisol is at http://{options['host']}:{options['port']}/ (Ctrl-C ends it; trainers live on).")
        self.stdout.flush()
        while not leave.is_set():
            for child in children:
                if said := child.look():
                    self.stderr.write(said)
            leave.wait(0.5)
        _end(children)
        self.stdout.write("Stopped; trainers live on.")

    def _migrate(self) -> None:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", interactive=False, verbosity=1, stdout=self.stdout)
        connections.close_all()


def _refuse_taken(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(f"cannot listen on {host} port {port}: {error.strerror}. Choose another with --port.") from None


def _gunicorn(*, host: str, port: int, workers: int, threads: int, **_others: Any) -> list[str]:
    bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    command = [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", bind, "--worker-class", "gthread"]
    command += ["--workers", str(workers), "--threads", str(threads), "--graceful-timeout", "10", "--no-control-socket"]
    return [*command, "--log-level", "warning"]


def _end(children: list[Child]) -> None:
    for child in children:
        if child.process:
            child.process.terminate()
    deadline = time.monotonic() + PATIENCE
    for child in children:
        child.end(deadline)
