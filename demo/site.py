"""A Crisol of the demo's own: its folder, its people, its server."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import requests

# A model this small is fastest with one thread a trainer, and two trainers at once.
TWO_CORES = {"OMP_NUM_THREADS": "1", "CRISOL_LOCAL_SLOTS": "2"}
ROOT = Path(__file__).resolve().parent.parent


class Site:
    """One folder with one database, served at one port."""

    def __init__(self, home: Path, port: int):
        self.home, self.port = home.resolve(), port
        self.url = f"http://127.0.0.1:{port}"
        self.env = TWO_CORES | {"CRISOL_LOG": "WARNING"} | os.environ | {"CRISOL_HOME": str(self.home)}

    def manage(self, *words: str) -> str:
        """What `manage.py words…` prints."""
        command = [sys.executable, "manage.py", *words]
        done = subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"manage.py {' '.join(words)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout.strip()

    def person(self, name: str, project: str, role: str, *more: str) -> str:
        """Makes a user with a random password in a project, and answers the password."""
        password = secrets.token_urlsafe(9)
        self.manage("user", name, f"--password={password}", "--role", role, "--project", project, *more)
        return password

    def token(self, name: str) -> str:
        """A new API token of a user."""
        return self.manage("token", name).split()[-1]

    def start(self) -> subprocess.Popen:
        """Starts web and supervisor, and returns when the first page is answered."""
        log = open(self.home / "serve.log", "ab")  # noqa: SIM115 - the child keeps it
        command = [sys.executable, "manage.py", "serve", "--port", str(self.port)]
        server = subprocess.Popen(command, cwd=ROOT, env=self.env, stdout=log, stderr=log)
        log.close()
        self._wait(server)
        return server

    @contextlib.contextmanager
    def served(self) -> Iterator[subprocess.Popen]:
        """The site, up for as long as the block lasts."""
        server = self.start()
        try:
            yield server
        finally:
            server.terminate()
            server.wait(30)

    def _wait(self, server: subprocess.Popen) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if server.poll() is not None:
                break
            with contextlib.suppress(requests.RequestException):
                if requests.get(f"{self.url}/login/", timeout=5).ok:
                    return
            time.sleep(0.1)
        # Left alive it would keep the port, and the next start would wait for the wrong site.
        server.terminate()
        raise RuntimeError(f"The site did not start on port {self.port}; see {self.home / 'serve.log'}")
