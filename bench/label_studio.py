"""Label Studio, installed from its package into a venv of its own, doing the desk's work: rank some answers, get the next.

It runs as its own `label-studio start` runs it, on its default database (SQLite). Its raters sign in and send what its labelling
page sends to go on and to save (`POST dm/actions?id=next_task`, `POST tasks/N/annotations`), none of what that page asks besides.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import secrets
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import requests
from tqdm import tqdm

from bench import texts
from bench.servers import cpu_seconds, free_port, running, wait_for
from bench.wire import Wire

VERSION = "1.23.2"
TASKS, RATERS = 10_000, 8
VENV = Path(tempfile.gettempdir()) / f"label-studio-{VERSION}"
LEAD = "lead@example.org"
CONFIG = """<View><Text name="prompt" value="$prompt"/><List name="answers" value="$answers" title="Answers"/>
<Ranker name="rank" toName="answers"><Bucket name="best" title="Best"/><Bucket name="middle" title="Middle"/>
<Bucket name="unacceptable" title="Unacceptable"/></Ranker></View>"""
JSON = {"Content-Type": "application/json"}
BUCKETS = ("best", "middle", "unacceptable")
PEOPLE = """
from organizations.models import Organization
from users.models import User
house = Organization.objects.first()
for number in range({count}):
    user = User.objects.create_user(email=f"rater{{number}}@example.org", password={password!r})
    house.add_user(user)
    user.active_organization = house
    user.save(update_fields=["active_organization"])
"""


@dataclass
class LabelStudio:
    """A running one: its port, its process, and the token of its lead."""

    venv: Path
    data: Path
    port: int
    process: psutil.Process
    token: str

    def api(self, method: str, path: str, **options: Any) -> requests.Response:
        """What it answers to its lead; an error is raised."""
        headers = {"Authorization": f"Token {self.token}"}
        reply = requests.request(method, f"http://127.0.0.1:{self.port}/api/{path}", headers=headers, timeout=900, **options)
        reply.raise_for_status()
        return reply

    def project(self, tasks: Sequence[dict[str, Any]]) -> int:
        """A project that wants one judgement of each of these tasks; its id."""
        asked = {"title": "Desk", "label_config": CONFIG, "maximum_annotations": 1}
        project = self.api("POST", "projects/", json=asked).json()["id"]
        for at in range(0, len(tasks), 2500):
            self.api("POST", f"projects/{project}/import", json=tasks[at : at + 2500])
        return project

    def over_overlap(self, project: int) -> int:
        """Tasks with more annotations than the one that was wanted, counted in its database."""
        asked = "SELECT COUNT(*) FROM task_completion WHERE project_id = ? GROUP BY task_id HAVING COUNT(*) > 1"
        with contextlib.closing(sqlite3.connect(self.data / "label_studio.sqlite3")) as database:
            return len(database.execute(asked, [project]).fetchall())

    def raters(self, count: int, runner: asyncio.Runner) -> list[Wire]:
        """Browsers in which so many new people, who are members, have signed in."""
        password = secrets.token_urlsafe(12)
        folder = next(self.venv.glob("lib/python*/site-packages/label_studio"))
        env = _environment(self.data) | {"DJANGO_SETTINGS_MODULE": "core.settings.label_studio"}
        command = [self.venv / "bin/python", "manage.py", "shell", "-c", PEOPLE.format(count=count, password=password)]
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return [runner.run(_signed_in(self.port, f"rater{number}@example.org", password)) for number in range(count)]


async def _signed_in(port: int, email: str, password: str) -> Wire:
    wire = Wire(port)
    await wire.get("/user/login/")
    form = {"email": email, "password": password, "csrfmiddlewaretoken": wire.cookies["csrftoken"]}
    reply = await wire.post("/user/login/", form)
    if reply.status != 302:
        raise RuntimeError(f"Label Studio did not let {email} in: {reply.status}")
    wire.headers["X-CSRFToken"] = wire.cookies["csrftoken"]
    return wire


def installed(venv: Path) -> Path:
    """The venv, made and filled when it is not there yet: about 250 packages."""
    if not (venv / "bin/label-studio").exists():
        tqdm.write(f"installing label-studio=={VERSION} into {venv} …")
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([venv / "bin/pip", "install", "-q", f"label-studio=={VERSION}"], check=True, stderr=subprocess.DEVNULL)
    return venv


@contextlib.contextmanager
def label_studio(venv: Path | None) -> Iterator[LabelStudio]:
    """Label Studio on an empty database of its own, for as long as the block lasts."""
    venv, port, token = installed(venv or VENV), free_port(), secrets.token_hex(20)
    with tempfile.TemporaryDirectory(prefix="label-studio-") as folder:
        command = [str(venv / "bin/label-studio"), "start", "--no-browser", "--port", str(port), "--data-dir", folder]
        command += ["--username", LEAD, "--password", secrets.token_urlsafe(12), "--user-token", token, "--enable-legacy-api-token"]
        with (
            open(f"{folder}/log", "wb") as log,
            running(command, env=_environment(Path(folder)), stdout=log, stderr=log) as process,
        ):
            wait_for(f"http://127.0.0.1:{port}/health", seconds=300, process=process)
            yield LabelStudio(venv, Path(folder), port, process, token)


def _environment(data: Path) -> dict[str, str]:
    """Its own settings, none of ours; no word to anybody outside."""
    path = {"PATH": "/usr/bin:/bin", "HOME": str(data)}
    return path | {"LABEL_STUDIO_BASE_DATA_DIR": str(data), "COLLECT_ANALYTICS": "false", "LATEST_VERSION_CHECK": "false"}


def tasks(count: int, answers: int, *, judged: bool = False) -> list[dict[str, Any]]:
    """Tasks of the same texts as the desk's; with an annotation each, if `judged`."""
    draws = random.Random(0)
    made = []
    for n in range(1, count + 1):
        shown = [{"id": str(k), "title": f"Answer {k}", "body": texts.ANSWER.format(n=n, k=k)} for k in range(1, answers + 1)]
        task: dict[str, Any] = {"data": {"prompt": texts.QUESTION.format(n=n), "answers": shown}}
        made.append(task | {"annotations": [_ranking(task, draws)]} if judged else task)
    return made


def labelled(venv: Path | None, seconds: float, answers: int) -> dict[str, Any]:
    """Some raters rank as fast as they are let: CPU time, pace, and tasks annotated more often than once."""
    troubles: Counter[str] = Counter()
    with label_studio(venv) as studio, asyncio.Runner() as runner:
        project = studio.project(tasks(TASKS, answers))
        raters = studio.raters(RATERS, runner)
        runner.run(_all(raters, project, 2, troubles))  # everybody twice, not on the clock
        tqdm.write(f"Label Studio: {RATERS} raters for {seconds:g} s …")
        began, cpu = time.perf_counter(), cpu_seconds(studio.process)
        made = runner.run(_all(raters, project, seconds, troubles, timed=True))
        took, spent = time.perf_counter() - began, cpu_seconds(studio.process) - cpu
        return {
            "version": VERSION,
            "tasks": TASKS,
            "raters": RATERS,
            "annotations": made,
            "cpu_ms_per_judgement": round(1000 * spent / max(1, made), 1),
            "judgements_per_s": round(made / took, 1),
            "over_overlap": studio.over_overlap(project),
            "troubles": dict(troubles),
        }


async def _all(raters: Sequence[Wire], project: int, most: float, troubles: Counter[str], *, timed: bool = False) -> int:
    """Each rater annotates `most` tasks, or for `most` seconds if timed; how many annotations were accepted."""
    began = time.perf_counter()

    async def one(rater: Wire, number: int) -> int:
        draws, done = random.Random(number), 0
        while (time.perf_counter() - began if timed else done) < most:
            asked = json.dumps({"project": project}).encode()
            reply = await rater.ask("POST", f"/api/dm/actions?id=next_task&project={project}", asked, JSON)
            if reply.status != 200:
                troubles[f"next: {reply.status}"] += 1
                break
            task = json.loads(reply.body)
            answer = json.dumps(_ranking(task, draws)).encode()
            said = await rater.ask("POST", f"/api/tasks/{task['id']}/annotations?project={project}", answer, JSON)
            if said.status != 201:
                troubles[f"annotation: {said.status}"] += 1
            done += said.status == 201
        return done

    return sum(await asyncio.gather(*(one(rater, number) for number, rater in enumerate(raters))))


def _ranking(task: dict[str, Any], draws: random.Random) -> dict[str, Any]:
    """A ranking drawn at random, as the page sends it."""
    placed: dict[str, list[str]] = {bucket: [] for bucket in BUCKETS}
    for answer in task["data"]["answers"]:
        placed[draws.choice(BUCKETS)].append(answer["id"])
    result = {"from_name": "rank", "to_name": "answers", "type": "ranker", "value": {"ranker": placed}}
    return {"result": [result], "lead_time": 20}
