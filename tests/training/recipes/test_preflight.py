"""Every check of preflight finds the fault that is planted for it, names its rows and nothing else, and is silent on clean rows.

The faults are those of `bench/faults.py`, here on rows of invented words and a model of a few thousand parameters.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from annotation import frozen
from bench import faults_planted
from bench.faults_clean import PLAN, split_of
from bench.faults_world import Case, answer, assistant, findings, judgement, user
from tests.training.recipes.conftest import attempt, create
from training.preflight.words import WORDS

pytestmark = pytest.mark.heavy

ROWS = 100
CLEAN = [faults_planted.SFT, faults_planted.DPO, faults_planted.RM, faults_planted.KTO, faults_planted.ASK, faults_planted.TEXT]
SYLLABLES = ["ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "zu"]
# One fault for each check; the bench plants them all. `serving` needs a real tokenizer, which joins line ends.
ZOO = list({fault.check: fault for fault in reversed(faults_planted.ZOO) if fault.name != faults_planted.ELSEWHERE}.values())


@pytest.fixture(scope="module")
def tiny(tmp_path_factory, tokenizer) -> Path:
    """A model of one layer for the tests' tokenizer, with room for more tokens."""
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("models") / "tiny"
    shape = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    LlamaForCausalLM(LlamaConfig(vocab_size=2000, max_position_embeddings=512, **shape, **ends)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def words(dice: random.Random, count: int) -> str:
    return " ".join("".join(dice.choices(SYLLABLES, k=2)) for _ in range(count))


@pytest.fixture(scope="module")
def sets(tiny) -> dict[str, Case]:
    """Clean sets under the names of the real ones."""
    dice = random.Random(5)
    plan: dict[str, Any] = {**PLAN, "max_length": 512}
    asked = [words(dice, 14) for _ in range(ROWS)]
    written = [[answer(number, assistant(words(dice, 8)), written=True)] for number in range(ROWS)]
    sft = [judgement(number, split_of(number), user(asked[number]), written[number], kind="write") for number in range(ROWS)]
    ranked = [judgement(number, split_of(number), user(asked[number]), ordered(dice, number)) for number in range(ROWS)]
    prompts = [{**row, "messages": row["prompt"], "metadata": {"answer": "7"}} for row in sft]
    for row in prompts:
        del row["prompt"], row["judgement_id"], row["answers"]
    ask = {"rewards": "exact:1", "max_new_tokens": 32, "batch_size": 8, "accumulation": 1, "group_size": 4}
    made = {
        faults_planted.SFT: Case("sft", {**plan, "epochs": 3}, tiny, sft),
        faults_planted.DPO: Case("dpo", plan, tiny, ranked),
        faults_planted.RM: Case("reward", plan, tiny, ranked),
        faults_planted.KTO: Case("kto", plan, tiny, ranked),
        faults_planted.ASK: Case("grpo", ask, tiny, prompts),
        faults_planted.TEXT: Case(
            "pretrain", {**PLAN, "block_size": 64, "held_out": 0.1}, tiny, [], [words(dice, 40) for _ in range(ROWS)]
        ),
    }
    return made | {faults_planted.GSM: made[faults_planted.SFT]}


def ordered(dice: random.Random, number: int) -> list[dict[str, Any]]:
    """A better and a worse answer, each with a thumb, of lengths that tell nothing."""
    lengths = dice.sample([6, 9], 2)
    grades = [{"overall": 2.0, "acceptable": 1.0}, {"overall": 1.0, "acceptable": 0.0}]
    return [answer(2 * number + place, assistant(words(dice, lengths[place])), **grades[place]) for place in (0, 1)]


@pytest.mark.parametrize("name", CLEAN)
def test_clean_rows_have_no_findings(sets, name, tmp_path):
    assert findings(sets[name], tmp_path / "clean") == {}


@pytest.mark.parametrize("fault", ZOO, ids=lambda fault: fault.name)
def test_a_planted_fault_is_named_with_its_rows_and_nothing_else(sets, fault, tmp_path):
    case = sets[fault.into].copy()
    planted = sorted(fault.plant(case))
    found = findings(case, tmp_path / "planted")
    assert found.get(fault.check) == planted
    assert set(found) <= {fault.check, *fault.follows}


def test_every_check_has_a_fault_that_it_finds():
    assert {fault.check for fault in faults_planted.ZOO} == set(WORDS)


def test_training_ends_at_such_a_row_and_names_its_judgement(sets, tmp_path):
    case = sets[faults_planted.SFT].copy()
    planted = faults_planted.no_system(case)
    frozen.write(tmp_path / "snapshot", [], case.rows)
    made = attempt(create(tmp_path / "run", "sft", {"model": case.folder, "dataset": tmp_path / "snapshot"}, case.config))
    assert made.state == "failed"
    assert made.end["reason"].startswith(f"ValueError: judgement {min(planted)}: System role not supported")
