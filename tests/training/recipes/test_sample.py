"""A checkpoint answers prompts: every prompt, the same way for the same seed, whatever interrupts it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from annotation import frozen
from tests.training.recipes.conftest import Attempt, attempt, create, joined, ranks, stop_at_once
from training import text

pytestmark = pytest.mark.heavy

CONFIG = {"per_prompt": 2, "max_new_tokens": 8, "batch_size": 16}


def samples(run: Attempt) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run.out / "samples.jsonl").read_text().splitlines()]


@pytest.fixture
def inputs(base: Path, snapshot: Path) -> dict[str, Path]:
    return {"model": base, "prompts": snapshot}


def test_every_prompt_gets_its_answers(trained: Any, inputs: Any) -> None:
    run = trained("sample", inputs, CONFIG)
    found = samples(run)
    assert [(sample["prompt_id"], sample["index"]) for sample in found] == [(p, i) for p in range(60) for i in range(2)]
    assert found[0]["messages"][0]["role"] == "assistant"
    assert {sample["sampling"]["finish"] for sample in found} <= {"stop", "length"}
    assert len({sample["messages"][0]["content"] for sample in found}) > 50
    [shown] = [event for event in run.events if event["kind"] == "samples"]
    assert len(shown["samples"]) == 3


def test_a_stopped_run_ends_with_the_same_answers(trained: Any, inputs: Any, tmp_path: Path) -> None:
    folder = create(tmp_path / "stopped", "sample", inputs, CONFIG)
    attempt(create(tmp_path / "whole", "sample", inputs, CONFIG))
    whole = (tmp_path / "whole" / "answers-0.jsonl").read_text().splitlines()
    (folder / "answers-0.jsonl").write_text(whole[0] + "\n" + whole[1][:50])  # killed while it wrote its second batch
    stop_at_once(folder)
    assert attempt(folder).end["reason"] == "stopped after 1 of 8 batches; their answers are kept"
    assert attempt(folder, 2).state == "succeeded"
    assert (folder / "out" / "samples.jsonl").read_bytes() == (tmp_path / "whole" / "out" / "samples.jsonl").read_bytes()


def test_another_seed_gives_other_answers(inputs: Any, tmp_path: Path) -> None:
    one, other = (attempt(create(tmp_path / str(seed), "sample", inputs, CONFIG, seed=seed)) for seed in (1, 2))
    assert samples(one) != samples(other)


def test_two_processes_give_the_answers_of_one(inputs: Any, tmp_path: Path) -> None:
    one = attempt(create(tmp_path / "one", "sample", inputs, CONFIG))
    two = create(tmp_path / "two", "sample", inputs, CONFIG, resources={"processes": 2})
    joined(ranks(two), two)
    assert (two / "out" / "samples.jsonl").read_bytes() == (one.out / "samples.jsonl").read_bytes()


def test_greedy_answers_of_one_split(trained: Any, inputs: Any) -> None:
    config = {"split": "test", "limit": 5, "temperature": 0, "per_prompt": 1, "max_new_tokens": 8}
    assert [sample["prompt_id"] for sample in samples(trained("sample", inputs, config))] == [4, 9, 14, 19, 24]


def test_several_answers_at_temperature_zero_are_refused(trained: Any, inputs: Any) -> None:
    reason = trained("sample", inputs, {"temperature": 0}).end["reason"]
    assert reason == "ConfigError: per_prompt: must be 1 at temperature 0, where every answer would be the same"


def test_prompts_that_leave_no_room_are_counted(trained: Any, inputs: Any, tokenizer: Any, tmp_path: Path) -> None:
    lengths = [len(text.encode_prompt(tokenizer, row["messages"])) for row in frozen.read_prompts(inputs["prompts"])]
    short = shutil.copytree(inputs["model"], tmp_path / "short")
    config = json.loads((short / "config.json").read_text()) | {"max_position_embeddings": max(lengths)}
    (short / "config.json").write_text(json.dumps(config))
    run = trained("sample", {**inputs, "model": short}, CONFIG)
    full = lengths.count(max(lengths))
    assert run.messages() == [f"{60 - full} prompts; {full} left out: they fill all {max(lengths)} tokens"]
    assert len(samples(run)) == 2 * (60 - full)
