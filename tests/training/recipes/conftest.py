"""A world small enough to train in seconds: a tokenizer of 300 tokens, a model of about 50,000 parameters, a snapshot by hand."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any

import pytest

from annotation import frozen
from training import train
from training.processes import leave
from training.rundir import RunDir, order_stop

WORDS = ["sun", "moon", "tree", "river", "stone", "bird", "fish", "wind", "rain", "snow"]
ROOT = Path(__file__).parents[3]
TINY = {"size": "custom", "layers": 2, "heads": 2, "width": 32, "block_size": 64, "batch_size": 4, "learning_rate": 3e-3}


def user(content: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": content}]


def assistant(content: str) -> list[dict[str, Any]]:
    return [{"role": "assistant", "content": content}]


class Attempt:
    """What one attempt of a run left behind."""

    def __init__(self, folder: Path, code: int):
        self.folder, self.code = folder, code
        self.events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
        self.end = next(event for event in reversed(self.events) if event["kind"] == "end")
        self.out = folder / "out"

    @property
    def state(self) -> str:
        return self.end["state"]

    @property
    def figures(self) -> dict[str, Any]:
        return json.loads((self.out / "card.json").read_text())["figures"]

    @property
    def weights(self) -> bytes:
        return (self.out / "model.safetensors").read_bytes()

    def curve(self, name: str) -> list[float]:
        return [event[name] for event in self.events if event["kind"] == "metrics" and name in event]

    def messages(self) -> list[str]:
        return [event["text"] for event in self.events if event["kind"] == "message"]


def create(folder: Path, recipe: str, inputs: dict[str, Path], config: dict[str, Any], **spec: Any) -> Path:
    """A run's folder, ready to start."""
    RunDir.create(
        folder,
        {
            "run": 1,
            "recipe": recipe,
            "main": f"training.recipes.{recipe}",
            "config": config,
            "inputs": {name: str(path) for name, path in inputs.items()},
            "input_names": {},
            "seed": 7,
            "resources": {},
            **spec,
        },
    )
    return folder


def attempt(folder: Path, number: int = 1) -> Attempt:
    """Runs one attempt in this process."""
    code = train.main([str(folder), "--attempt", str(number)])
    return Attempt(folder, code)


def torchrun(folder: Path, *, processes: int, number: int = 1) -> None:
    """Runs one attempt to its end in processes of its own, as an engine does."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    command = [*launcher, "-m", "training.train", str(folder), "--attempt", str(number)]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL, check=True)


def forked(folder: Path, number: int = 1, **environment: str) -> ForkProcess:
    """Runs one attempt in a process of its own: a fork of this one, which has loaded torch already."""
    process = multiprocessing.get_context("fork").Process(target=_attempt_in, args=(environment, folder, number))
    process.start()
    return process


def _attempt_in(environment: dict[str, str], folder: Path, number: int) -> None:
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)  # it knows of the processes of an earlier attempt
    os.environ.update(environment)
    code = train.main([str(folder), "--attempt", str(number)])
    leave()
    os._exit(code)


def ranks(folder: Path, processes: int = 2, number: int = 1) -> list[ForkProcess]:
    """Starts the ranks of one attempt with the environment that torchrun gives them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(probe.getsockname()[1])}
    meeting |= {"WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes)}
    return [forked(folder, number, **meeting, RANK=str(rank), LOCAL_RANK=str(rank)) for rank in range(processes)]


def joined(started: list[ForkProcess], folder: Path) -> Attempt:
    """What an attempt of several ranks left behind, once they all ended well."""
    for process in started:
        process.join()
    assert [process.exitcode for process in started] == [0] * len(started)
    return Attempt(folder, 0)


def stop_at_once(folder: Path, number: int = 1) -> None:
    """The attempt will stop after its first step."""
    order_stop(folder, number)


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """Sums come in the same order everywhere, and a process may fork."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def trained(tmp_path: Path) -> Callable[..., Attempt]:
    """Runs a recipe from a new folder to its end, in this process."""

    def run(recipe: str, inputs: dict[str, Path], config: dict[str, Any], name: str = "run") -> Attempt:
        return attempt(create(tmp_path / name, recipe, inputs, config))

    return run


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    dice = random.Random(0)
    texts = ["say " + " ".join(dice.sample(WORDS, 3)) + ".\nThen " + " ".join(dice.sample(WORDS, 4)) + "." for _ in range(200)]
    path.write_text("\n\n".join([*texts, "El río, ¡qué frío! 河 🌊"]), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def tokenizer_run(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> Attempt:
    folder = tmp_path_factory.mktemp("tokenizer") / "run"
    return attempt(create(folder, "tokenizer", {"corpus": corpus}, {"vocab_size": 300}))


@pytest.fixture(scope="session")
def base_run(tmp_path_factory: pytest.TempPathFactory, corpus: Path, tokenizer_run: Attempt) -> Attempt:
    folder = tmp_path_factory.mktemp("base") / "run"
    inputs = {"corpus": corpus, "tokenizer": tokenizer_run.out}
    return attempt(create(folder, "pretrain", inputs, {**TINY, "max_steps": 60}))


@pytest.fixture(scope="session")
def tokenizer(tokenizer_run: Attempt) -> Any:
    from training import text

    return text.load_tokenizer(tokenizer_run.out)


@pytest.fixture(scope="session")
def base(base_run: Attempt) -> Path:
    return base_run.out


@pytest.fixture(scope="session")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 prompts "say a b c": a person wrote "a b c"; four answers are ranked, the one that says all three words best."""
    folder = tmp_path_factory.mktemp("snapshot")
    dice = random.Random(1)
    prompts, rows = [], []
    for number in range(60):
        words = dice.sample(WORDS, 3)
        shared = {"prompt_id": number, "tools": [], "language": "en", "source": "test", "licence": "CC0-1.0"}
        shared["split"] = ("train", "train", "train", "validation", "test")[number % 5]
        asked = user("say " + " ".join(words))
        prompts.append({**shared, "messages": asked})
        made = {**shared, "task_id": number, "prompt": asked, "rater": "r1", "guidelines": None, "seconds": 3.0}
        rows += [written(made, " ".join(words)), ranked(made, words, dice)]
    frozen.write(folder, prompts, rows)
    return folder


def written(made: dict[str, Any], content: str) -> dict[str, Any]:
    """A judgement of the kind `write`."""
    answer = {"sample_id": made["task_id"] * 10, "messages": assistant(content), "model": "", "author": "r1", "written": True}
    return {**made, "judgement_id": made["task_id"] * 2, "kind": "write", "answers": [{**answer, "grades": {}}]}


def ranked(made: dict[str, Any], words: list[str], dice: random.Random) -> dict[str, Any]:
    """A judgement of the kind `rank`: three tiers, two answers tied in the middle, one unacceptable."""
    grades = {" ".join(words): 2.0, " ".join(words[:2]): 1.0, " ".join(words[1:]): 1.0, "no no no no": 0.0}
    contents = dice.sample(sorted(grades), len(grades))
    answers = [
        {
            "sample_id": made["task_id"] * 10 + 1 + place,
            "messages": assistant(content),
            "model": "base",
            "author": None,
            "written": False,
            "grades": {"overall": grades[content], "acceptable": float(grades[content] > 0)},
        }
        for place, content in enumerate(contents)
    ]
    return {**made, "judgement_id": made["task_id"] * 2 + 1, "kind": "rank", "answers": answers}
