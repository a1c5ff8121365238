"""How fast the web process starts and how much memory a worker holds.

    python -m bench.web [--starts 5] [--requests 200]

Starts gunicorn the way `manage.py serve` does on an empty database, waits for the first answered page, asks for pages, then reads
the workers' resident memory. `bare_django_s` is the same server with an empty Django project, beside it in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import requests
from tqdm import tqdm

from bench.servers import free_port, wait_for

BARE = """
import django
from django.conf import settings
from django.http import HttpResponse
from django.urls import path
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="bench")
urlpatterns = [path("login/", lambda request: HttpResponse("ok"))]
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
"""


def start(module: str, env: dict[str, str], cwd: str) -> tuple[float, subprocess.Popen, str]:
    """Seconds from exec to the first answered page, the server, and its address."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", f"{module}:application", "--bind", f"127.0.0.1:{port}", "--threads", "8"]
    began = time.perf_counter()
    server = subprocess.Popen(command, env=os.environ | env, cwd=cwd, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    wait_for(f"{url}/login/")
    return time.perf_counter() - began, server, url


def stop(server: subprocess.Popen) -> None:
    server.terminate()
    server.wait(10)


def memory_mb(server: subprocess.Popen, url: str, requests_count: int) -> float:
    """The largest worker's resident megabytes after `requests_count` pages."""
    with requests.Session() as session:
        for _ in tqdm(range(requests_count), desc="pages", leave=False):
            session.get(f"{url}/login/").raise_for_status()
    return max(worker.memory_info().rss for worker in psutil.Process(server.pid).children()) / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--requests", type=int, default=200)
    args = parser.parse_args()
    root = str(Path(__file__).resolve().parent.parent)
    ours, bare, memory = [], [], 0.0
    with tempfile.TemporaryDirectory() as home:
        Path(home, "bare.py").write_text(BARE)
        env = {"CRISOL_HOME": home, "CRISOL_LOG": "WARNING"}
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], env=os.environ | env, cwd=root, check=True)
        for _ in tqdm(range(args.starts), desc="starts"):
            seconds, server, url = start("config.wsgi", env, root)
            ours.append(seconds)
            memory = max(memory, memory_mb(server, url, args.requests))
            stop(server)
            seconds, server, _url = start("bare", {}, home)
            bare.append(seconds)
            stop(server)
    figures = {
        "start_s": round(statistics.median(ours), 2),
        "start_worst_s": round(max(ours), 2),
        "bare_django_s": round(statistics.median(bare), 2),
        "worker_mb": round(memory, 1),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
