"""The commands of an operator: train, supervise, serve, token."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand

from annotation.people import ApiToken, digest_of
from tests.training.conftest import wait_for
from training.engines.shim import _parent
from training.management.commands.train import Command as Train
from training.models import Run

ROOT = Path(__file__).resolve().parent.parent.parent


def said(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_train_queues_a_run_in_the_name_of_a_lead(counting, project, lead):
    said("train", "count", "--project", "River", "--set", "steps=4", "--seed", "3", "--name", "four")
    run = Run.objects.get()
    assert (run.state, run.config["steps"], run.seed, run.name, run.created_by) == ("queued", 4, 3, "four", lead)


@pytest.mark.django_db
def test_train_waits_until_the_run_has_succeeded(counting, project):
    assert "succeeded: checkpoint four" in said("train", "count", "--project", str(project.pk), "--name", "four", "--wait")


@pytest.mark.django_db
def test_train_fails_when_the_run_it_waits_for_fails(counting, project):
    with pytest.raises(CommandError, match="failed: ArithmeticError: cannot count"):
        said("train", "count", "--project", "River", "--set", "trick=raise", "--wait")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["cuont", "--project", "River"], "there is no recipe 'cuont'; there are: "),
        (["count", "--project", "Sea"], "there is no project 'Sea'"),
        (["count", "--project", "River", "--set", "stps=1"], "stps: no such option; did you mean 'steps'"),
        (["count", "--project", "River", "--set", "steps"], "'steps' must be NAME=VALUE"),
        (["count", "--project", "River", "--input", "modl=x"], "modl: count has no such input; it has: start, text, rows"),
        (["count", "--project", "River", "--input", "start=x"], "start: there is no checkpoint 'x' in River"),
        (["count", "--project", "River", "--user", "nobody"], "there is no user 'nobody'"),
    ],
)
def test_train_names_what_is_wrong(counting, project, words, sentence):
    with pytest.raises(CommandError) as caught:
        said("train", *words)
    assert sentence in str(caught.value)


def test_train_shows_a_recipes_inputs_and_options(counting, capsys):
    with pytest.raises(SystemExit):
        Train().run_from_argv(["manage.py", "train", "count", "--help"])
    shown = capsys.readouterr().out
    for text in ("start (reward checkpoint, optional)", "steps=3 (int)", "pause=0.0 seconds (float)", "How far to count."):
        assert text in shown


@pytest.mark.django_db
def test_supervise_once_does_one_pass(counting, project):
    said("train", "count", "--project", "River")
    call_command("supervise", "--once")
    assert Run.objects.get().state == "starting"


@pytest.mark.django_db
def test_a_token_is_printed_once_and_only_its_hash_is_kept(rater):
    secret = said("token", "rater", "--scopes", "read,rate").strip()
    token = ApiToken.objects.get()
    assert (token.user, token.digest, token.scopes) == (rater, digest_of(secret), ["read", "rate"])
    with pytest.raises(CommandError, match="no scope fly"):
        said("token", "rater", "--scopes", "fly")
    with pytest.raises(CommandError, match="no user 'nobody'"):
        said("token", "nobody")


def test_every_command_says_what_it_does():
    from django.core.management import get_commands, load_command_class

    ours = [name for name, app in get_commands().items() if app in {"annotation", "training", "evals"}]
    assert {"train", "supervise", "serve", "token"} <= set(ours)
    for name in ours:
        command: BaseCommand = load_command_class(get_commands()[name], name)
        assert command.help.strip()


# serve ---------------------------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def children_of(pid: int) -> dict[int, str]:
    """Process ids and command lines of the children of a process."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and _parent(entry) == pid:
            found[int(entry)] = Path("/proc", entry, "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


@pytest.fixture
def site(crisol_home):
    """`serve` on a free port with a home of its own, answering."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"} | {"CRISOL_HOME": str(crisol_home)}
    command = [sys.executable, "manage.py", "serve", "--port", str(port), "--workers", "1", "--threads", "2"]
    with open(crisol_home / "serve.log", "wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    wait_for(lambda: process.poll() is not None or taken(port), seconds=60)
    assert process.poll() is None, (crisol_home / "serve.log").read_text()
    yield process, port
    process.kill()
    process.wait()
    wait_for(lambda: not taken(port), seconds=30)


@pytest.mark.heavy
def test_serve_answers_and_leaves_nobody_behind_when_asked_to_end(site):
    process, port = site
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/login/", timeout=20) as answer:
        assert answer.status == 200
    wait_for(lambda: len(children_of(process.pid)) == 2)
    children = children_of(process.pid)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    assert time.monotonic() - began < 15
    assert not taken(port)
    assert not any(Path(f"/proc/{child}").exists() for child in children)


@pytest.mark.heavy
def test_serve_starts_a_child_again_that_dies(site):
    process, _port = site
    wait_for(lambda: any("supervise" in command for command in children_of(process.pid).values()))
    victim = next(pid for pid, command in children_of(process.pid).items() if "supervise" in command)
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: any("supervise" in command for pid, command in children_of(process.pid).items() if pid != victim))


@pytest.mark.heavy
def test_the_port_is_free_again_after_serve_was_killed_by_force(site):
    process, port = site
    wait_for(lambda: len(children_of(process.pid)) == 2)
    children = children_of(process.pid)
    process.kill()
    process.wait()
    wait_for(lambda: not taken(port))
    wait_for(lambda: not any(Path(f"/proc/{child}/exe").exists() for child in children))


@pytest.mark.heavy
def test_serve_refuses_a_port_that_is_taken(site):
    _process, port = site
    done = subprocess.run(
        [sys.executable, "manage.py", "serve", "--port", str(port)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert f"port {port}: Address already in use" in done.stderr
