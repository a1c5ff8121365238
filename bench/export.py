"""The export of many judgements: frozen once, then streamed as preference pairs by the real server, twice.

    python -m bench.export [--rows 1000000] [--db sqlite|postgresql] [--vs-label-studio]

`rows` are judgements, one task each; `rows_per_s` counts them, `lines_per_s` the pairs that come out. `first_byte_s` and
`rss_growth_mb` are the worst of both downloads; the growth is that of gunicorn's workers above what the largest held before.
Freezing (reading the database, hashing, writing the files) is told apart. Beside Label Studio both export 10,000 tasks.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import requests
from tqdm import tqdm

from bench import label_studio
from bench.databases import KINDS, database
from bench.servers import ROOT, gunicorn

PIECE = 1 << 18


class Watch(threading.Thread):
    """The most that any of some processes holds above what the largest held at first, in MB."""

    def __init__(self, processes: list[psutil.Process]):
        super().__init__(daemon=True)
        self.processes, self.over, self.growth_mb = processes, threading.Event(), 0.0
        self.before = self._held()

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.over.set()
        self.join()

    def run(self) -> None:
        while not self.over.wait(0.05):
            self.growth_mb = max(self.growth_mb, self._held() - self.before)

    def _held(self) -> float:
        return max(process.memory_info().rss for process in self.processes) / 2**20


def download(url: str, headers: dict[str, str]) -> dict[str, Any]:
    """Reads it all: seconds to the first byte and to the last, bytes, lines, SHA-256."""
    sha, size, lines, first = hashlib.sha256(), 0, 0, 0.0
    began = time.perf_counter()
    with requests.get(url, headers=headers, stream=True, timeout=900) as reply:
        reply.raise_for_status()
        for piece in reply.raw.stream(PIECE):
            first = first or time.perf_counter() - began
            sha.update(piece)
            size, lines = size + len(piece), lines + piece.count(b"\n")
    return {"seconds": time.perf_counter() - began, "first": first, "bytes": size, "lines": lines, "sha256": sha.hexdigest()}


def exported(url: str, headers: dict[str, str], processes: list[psutil.Process], rows: int) -> dict[str, Any]:
    """The figures of downloading `rows` judgements twice."""
    with Watch(processes) as watch:
        both = [download(url, headers) for _time in tqdm(range(2), desc=f"downloads of {rows} judgements")]
    slower = max(reply["seconds"] for reply in both)
    return {
        "rows": rows,
        "rows_per_s": round(rows / slower),
        "lines_per_s": round(both[0]["lines"] / slower),
        "mb": round(both[0]["bytes"] / 2**20, 1),
        "first_byte_s": round(max(reply["first"] for reply in both), 3),
        "rss_growth_mb": round(watch.growth_mb, 1),
        "identical": both[0]["sha256"] == both[1]["sha256"],
    }


def crisol(rows: int, answers: int) -> dict[str, Any]:
    """A project of `rows` judged tasks, frozen by the command and exported by the server."""
    from annotation.models import Member, Role, Snapshot
    from annotation.people import ApiToken
    from bench import bulk

    project = bulk.a_project(f"Export {rows}", tasks=rows, answers=answers, overlap=1)
    [rater, lead] = bulk.raters(project, 2)
    Member.objects.filter(user=lead).update(role=Role.LEAD)
    bulk.judged(project, rater, rows)
    seconds, held = frozen(project.name)
    snapshot = Snapshot.objects.get(project=project)
    _token, secret = ApiToken.issue(user=lead, name="export")
    with gunicorn() as (port, web):
        url, headers = f"http://127.0.0.1:{port}/api/snapshots/{snapshot.pk}/", {"Authorization": f"Bearer {secret}"}
        requests.get(url, headers=headers, timeout=60).raise_for_status()  # a worker has loaded all its code before it is weighed
        figures = exported(f"{url}rows/?format=preference", headers, web.children(), rows)
    return figures | {"freeze_rows_per_s": round(rows / seconds), "freeze_mb": held}


def frozen(project: str) -> tuple[float, float]:
    """Freezes a project by the command: seconds, and the most megabytes that the command held."""
    began, most = time.perf_counter(), 0.0
    with psutil.Popen([sys.executable, "manage.py", "snapshot", project], cwd=ROOT, stdout=subprocess.DEVNULL) as command:
        while command.poll() is None:
            most = max(most, command.memory_info().rss / 2**20)
            time.sleep(0.05)
    if command.returncode:
        raise SystemExit("the snapshot could not be frozen")
    return time.perf_counter() - began, round(most, 1)


def beside(venv: Path | None, answers: int) -> dict[str, Any]:
    """Label Studio's export of as many tasks, each with one annotation, in its JSON."""
    with label_studio.label_studio(venv) as studio:
        project = studio.project(label_studio.tasks(label_studio.TASKS, answers, judged=True))
        url = f"http://127.0.0.1:{studio.port}/api/projects/{project}/export?exportType=JSON"
        figures = exported(url, {"Authorization": f"Token {studio.token}"}, [studio.process], label_studio.TASKS)
        del figures["lines_per_s"]  # one JSON list, in one line
        return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="judgements")
    parser.add_argument("--answers", type=int, default=2, help="in each task")
    parser.add_argument("--db", choices=KINDS, default="sqlite")
    parser.add_argument("--vs-label-studio", action="store_true", help="its export of 10,000 tasks beside ours")
    parser.add_argument("--label-studio-venv", type=Path, help="where it is, or is to be, installed")
    args = parser.parse_args()
    with database(args.db):
        figures = {"db": args.db, **crisol(args.rows, args.answers)}
        if args.vs_label_studio:
            figures["crisol_at_10k"] = crisol(label_studio.TASKS, args.answers)
    if args.vs_label_studio:
        figures["label_studio"] = beside(args.label_studio_venv, args.answers)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
