"""What a recipe's audit logs: which distances are due, what is written, what a resumed run knows."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

import pytest

from training import audit
from training.rundir import RunDir


@dataclass
class Config:
    audit_at: str = "1 2 4"
    audit_prompts: int = audit.prompts_field()


@pytest.fixture
def run(tmp_path) -> RunDir:
    return RunDir.create(tmp_path / "run", {"inputs": {}, "seed": 7})


def row(prompt: int, gain: float, **gold: float | None) -> audit.Row:
    said = {side: [{"role": "assistant", "content": f"{side} {prompt}"}] for side in ("policy", "reference")}
    return {"prompt_id": prompt, **said, "score_policy": 1 + gain, "score_reference": 1.0, **gold}


def events(run: RunDir) -> list[dict]:
    return [json.loads(line) for line in (run.path / "events.jsonl").read_text().splitlines()]


def test_distances_are_numbers_in_order():
    assert audit.distances("4, 1 2.5 1") == (1.0, 2.5, 4.0)
    assert audit.distances("") == ()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1 two", "must be numbers separated by spaces, such as “1 2 4”, not '1 two'"),
        ("0 1", "each distance must be greater than 0"),
        ("nan", "each distance must be greater than 0"),
        (" ".join(map(str, range(1, 14))), "at most 12 distances: each asks people for work"),
    ],
)
def test_wrong_distances_are_refused_with_what_to_do(text, sentence):
    assert audit.errors(Config(audit_at=text)) == {"audit_at": sentence}


def test_a_distance_is_due_once_the_kl_reaches_its_square(run):
    looks = audit.Audit(run, Config(), range(100))
    assert looks.due(0.99) is None
    assert looks.due(1.0) == 1.0
    assert (looks.due(math.nan), looks.due(-3.0), looks.due(math.inf)) == (None, None, None)


def test_distances_passed_together_are_one_audit_at_the_farthest(run):
    looks = audit.Audit(run, Config(), range(100))
    looks.log(10, 4.5, [row(1, 0.5), row(2, 1.5)])
    assert looks.due(4.5) is None
    assert looks.due(1.2) is None
    assert looks.due(16.0) == 4.0


def test_an_audit_is_a_file_and_the_event_that_names_it(run):
    rows = [row(1, 0.5), row(2, 1.5)]
    audit.Audit(run, Config(), range(100)).log(10, 4.5, rows)
    (event,) = events(run)
    del event["at"]
    assert event == {
        "attempt": 1, "kind": "audit", "step": 10, "distance": 2.0, "kl": 4.5, "file": "audit/step-10.jsonl", "rows": 2,
        "figures": {"score": 1.0, "score_error": 0.5},
    }  # fmt: skip
    assert [json.loads(line) for line in (run.path / event["file"]).read_text().splitlines()] == rows


def test_a_resumed_run_logs_no_distance_twice(run):
    first = audit.Audit(run, Config(), range(100))
    first.log(10, 1.1, [row(1, 0.5)])
    with open(run.path / "events.jsonl", "a") as file:
        file.write('{"attempt": 1, "kind": "audit", "distance": 4.0, "fi')  # killed while it wrote
    again = audit.Audit(RunDir(run.path, attempt=2), Config(), range(100))
    assert again.due(3.9) is None
    assert again.due(4.1) == 2.0
    assert again.prompts == first.prompts


def test_the_prompts_are_drawn_by_the_seed(run):
    prompts = audit.Audit(run, Config(audit_prompts=5), range(100)).prompts
    assert len(set(prompts)) == 5
    assert prompts != list(range(5))
    assert prompts == audit.Audit(run, Config(audit_prompts=5), range(100)).prompts


def test_nothing_is_due_without_distances_or_prompts(run):
    assert audit.Audit(run, Config(audit_at=""), range(100)).due(9.0) is None
    assert not (run.path / "events.jsonl").exists()
    assert audit.Audit(run, Config(), []).due(9.0) is None
    assert events(run)[0]["text"] == "No audit: this run has no held-out prompts to ask people about."


def test_gold_is_compared_where_it_is_given():
    rows = [row(1, 0.5, gold_policy=0.0, gold_reference=1.0), row(2, 0.5, gold_policy=2.0, gold_reference=1.0)]
    assert audit.compared(rows) == {"score": 0.5, "score_error": 0.0, "gold": 0.0, "gold_error": 1.0}


def test_an_answer_that_the_gold_model_cannot_read_is_left_out_of_its_mean_alone():
    rows = [row(1, 0.5, gold_policy=2.0, gold_reference=1.0), row(2, 1.5, gold_policy=None, gold_reference=1.0), row(3, 1.0)]
    assert audit.compared(rows) == {"score": 1.0, "score_error": pytest.approx(0.5 / math.sqrt(3)), "gold": 1.0}


def test_a_row_without_its_score_is_refused_by_its_prompt(run):
    looks = audit.Audit(run, Config(), range(100))
    with pytest.raises(ValueError, match="audit, prompt 1: score_policy and score_reference must be numbers, not inf"):
        looks.log(10, 1.0, [row(1, math.inf)])
    with pytest.raises(ValueError, match="no audit is due at a KL of 0"):
        looks.log(10, 0.5, [row(1, 0.5)])
    assert not (run.path / "audit").exists()
