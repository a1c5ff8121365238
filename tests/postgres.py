"""A PostgreSQL server of the tests' own, on a free port, gone when they end.

    python -m tests.postgres python -m pytest -m "not browser"

runs the command with `DATABASE_URL` pointing at it. PostgreSQL refuses to run as root: there it runs as `postgres` or `nobody`.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path


def binaries() -> Path | None:
    """The folder with initdb and pg_ctl: the newest of Debian's, else the one on PATH, else None."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if debian:
        return debian[-1].parent
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def _unprivileged() -> str | None:
    """The user to run the server as, or None when this process may run it itself."""
    if os.geteuid() != 0:
        return None
    users = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in users else "nobody"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


LOSING = " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"  # rows, should the machine fall


@contextlib.contextmanager
def server(*, durable: bool = True) -> Iterator[str]:
    """Starts a server and yields its DATABASE_URL. What must not survive the machine need not be durable."""
    tools, user, port = binaries(), _unprivileged(), _free_port()
    if tools is None:
        raise SystemExit("PostgreSQL's initdb was not found: install the package `postgresql`.")
    with tempfile.TemporaryDirectory(prefix="crisol-pg-") as folder:
        if user:
            shutil.chown(folder, user)
        data = f"{folder}/data"
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1{'' if durable else LOSING}"

        def run(*command: str) -> None:
            subprocess.run(command, user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL)

        run(f"{tools}/initdb", "-D", data, "-U", "crisol", "--auth=trust", "--encoding=UTF8", "--no-sync")
        run(f"{tools}/pg_ctl", "-D", data, "-o", options, "-l", f"{folder}/log", "-w", "start")
        try:
            yield f"postgresql://crisol@127.0.0.1:{port}/postgres"
        finally:
            run(f"{tools}/pg_ctl", "-D", data, "-m", "immediate", "stop")


def main() -> int:
    """Runs the command that follows with a server of its own; its exit status is ours."""
    if not sys.argv[1:]:
        raise SystemExit(__doc__)
    if binaries() is None and not os.environ.get("CI"):
        print("Not run: PostgreSQL's initdb was not found; install the package `postgresql` to test on it too.")
        return 0
    with server(durable=False) as url:
        return subprocess.run(sys.argv[1:], env=os.environ | {"DATABASE_URL": url}).returncode


if __name__ == "__main__":
    sys.exit(main())
