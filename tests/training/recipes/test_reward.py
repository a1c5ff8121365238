"""A reward model learns whole rankings, ties and weights included, says how sure it is, and says what it left out."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from annotation import frozen
from tests.training.recipes.conftest import Attempt, assistant, attempt, create, stop_at_once, user
from training import judgements, reward_scores, text
from training.rundir import RunDir

pytestmark = pytest.mark.heavy

FAST = {"learning_rate": 2e-3, "max_length": 64, "valid_every": 20}


@pytest.fixture(scope="session")
def soft_snapshot(tmp_path_factory: pytest.TempPathFactory, snapshot: Path) -> Path:
    """The same rankings from a snapshot with soft labels."""
    folder = tmp_path_factory.mktemp("soft")
    rows = []
    for row in frozen.read_rows(snapshot):
        for answer in row["answers"] if row["kind"] == "rank" else []:
            answer["beats"] = {
                str(other["sample_id"]): 0.5 + 0.2 * (answer["grades"]["overall"] - other["grades"]["overall"])
                for other in row["answers"]
                if other is not answer
            }
        rows.append({**row, "weight": 1.0})
    frozen.write(folder, list(frozen.read_prompts(snapshot)), rows)
    return folder


@pytest.fixture(scope="session")
def judge(tmp_path_factory: pytest.TempPathFactory, base: Path, snapshot: Path) -> Attempt:
    folder = tmp_path_factory.mktemp("judge") / "run"
    return attempt(create(folder, "reward", {"model": base, "dataset": snapshot}, {**FAST, "max_steps": 40}))


def test_a_reward_model_finds_the_planted_preference(judge: Attempt) -> None:
    figures = judge.figures
    assert figures["pairs"] == 24 * 5  # 24 held-out rankings of four answers, one pair of them tied
    assert figures["accuracy_low"] > 0.6
    assert figures["accuracy_low"] < figures["accuracy"] <= figures["accuracy_high"]
    assert judge.curve("valid_loss")[-1] < judge.curve("valid_loss")[0]
    assert json.loads((judge.out / "reward.json").read_text())["std"] > 0.1
    told = "36 rankings of 36 tasks; 0 left out because they say nothing, 0 longer than 64 tokens"
    assert judge.messages()[0] == f"train: {told}"


@pytest.mark.parametrize("loss", ["bradley_terry", "soft"])
def test_pairs_and_soft_labels_find_it_too(trained: Any, base: Path, soft_snapshot: Path, loss: str) -> None:
    run = trained("reward", {"model": base, "dataset": soft_snapshot}, {**FAST, "max_steps": 20, "loss": loss})
    assert run.figures["accuracy_low"] > 0.55
    assert "tie" not in run.figures


def test_the_report_is_on_the_card_and_the_run_says_its_numbers(judge: Attempt) -> None:
    report = json.loads((judge.out / "card.json").read_text())["report"]
    assert report["accuracy"]["value"] == judge.figures["accuracy"]
    assert sum(each["pairs"] for each in report["bins"]) == report["longer"]["pairs"] == 24 * 5
    assert report["people"] is None
    for name in ("calibration_error", "longer_accuracy"):
        assert judge.curve(name) == [judge.figures[name]]


def test_the_saved_model_gives_the_scores_that_were_reported(judge: Attempt, snapshot: Path) -> None:
    rows = [row for row in frozen.read_rows(snapshot) if row["split"] != "train" and row["kind"] == "rank"]
    grades = [answer["grades"]["overall"] for row in rows for answer in row["answers"]]
    chats = [[*row["prompt"], *answer["messages"]] for row in rows for answer in row["answers"]]
    found = reward_scores.raw(judge.out, chats, [[]] * len(chats))
    leads = [
        found[one] - found[other]
        for at in range(0, len(found), 4)
        for one, other in permutations(range(at, at + 4), 2)
        if grades[one] > grades[other]
    ]
    assert judge.figures["accuracy"] == pytest.approx(sum(lead > 0 for lead in leads) / len(leads))


def test_a_score_stands_on_the_answers_last_token_whatever_the_padding(judge: Attempt) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification

    tokenizer, model = text.load_tokenizer(judge.out), AutoModelForSequenceClassification.from_pretrained(judge.out).eval()
    rows = [text.encode_chat(tokenizer, [*user("say sun"), *assistant(answer)]).input_ids for answer in ("sun", "sun moon tree")]
    ids, mask = text.pad_batch(rows, tokenizer.pad_token_id)
    with torch.no_grad():
        together = model(input_ids=ids, attention_mask=mask).logits[:, 0]
        hidden = model.model(input_ids=torch.tensor([rows[0]])).last_hidden_state[0, -1]
        assert rows[0][-1] == tokenizer.eos_token_id
        assert together[0].item() == pytest.approx(model.score(hidden).item(), abs=1e-5)


def test_adapters_learn_ties_too_go_on_as_they_were_and_end_in_a_plain_model(
    tmp_path: Path, base: Path, snapshot: Path, judge: Attempt
) -> None:
    from safetensors.torch import load_file

    config = {**FAST, "max_steps": 6, "lora_rank": 4, "save_every": 3}
    folders = [create(tmp_path / name, "reward", {"model": base, "dataset": snapshot}, config) for name in ("run", "untouched")]
    stop_at_once(folders[0])
    attempt(folders[0])
    again, whole = attempt(folders[0], 2), attempt(folders[1])
    assert again.weights == whole.weights
    assert (again.out / "reward.json").read_bytes() == (whole.out / "reward.json").read_bytes()
    assert whole.curve("tie")[-1] != whole.curve("tie")[0]
    assert set(load_file(whole.out / "model.safetensors")) == set(load_file(judge.out / "model.safetensors"))


def test_soft_labels_that_are_not_there_are_asked_for(trained: Any, base: Path, snapshot: Path) -> None:
    run = trained("reward", {"model": base, "dataset": snapshot}, {**FAST, "loss": "soft"})
    assert run.end["reason"].startswith(
        "ValueError: loss soft: the snapshot has no soft labels; take it with the option reliability"
    )


def test_judgements_that_say_nothing_to_a_loss_or_are_too_long_are_counted(
    trained: Any, base: Path, snapshot: Path, tmp_path: Path
) -> None:
    rows = [row for row in frozen.read_rows(snapshot) if row["kind"] == "rank"]
    for number, row in enumerate(rows[:12]):
        bad = number % 2
        for answer in row["answers"]:
            answer["grades"] = {"overall": 0.0, "acceptable": 0.0 if bad else 1.0}
    frozen.write(tmp_path / "ties", [], rows)
    data = {"model": base, "dataset": tmp_path / "ties"}
    said = {
        loss: trained("reward", data, {**FAST, "max_steps": 1, "loss": loss}, loss).messages()[0]
        for loss in ("plackett_luce", "bradley_terry")
    }
    # Of the first twelve rankings eight are to train on: all equal, or all unacceptable, which orders nothing.
    silent = {"plackett_luce": 4, "bradley_terry": 8}
    for loss, count in silent.items():
        kept = f"train: {36 - count} rankings of {36 - count} tasks"
        assert said[loss] == f"{kept}; {count} left out because they say nothing, 0 longer than 64 tokens"


def test_all_judgements_of_a_task_read_its_answers_once(base: Path, snapshot: Path, tmp_path: Path, tokenizer: Any) -> None:
    rows = [row for row in frozen.read_rows(snapshot) if row["kind"] == "rank"]
    again = [{**row, "judgement_id": row["judgement_id"] + 1000, "rater": "r2", "answers": row["answers"][1:]} for row in rows]
    frozen.write(tmp_path / "twice", [], [*rows, *again])
    run = RunDir(create(tmp_path / "run", "reward", {"model": base, "dataset": tmp_path / "twice"}, {}))
    tasks = judgements.read(run, tokenizer, ("train",), 64, lambda ranking: ranking)
    assert {(len(task.answers), len(task.rankings)) for task in tasks} == {(4, 2)}
    assert {task.rankings[1].places for task in tasks} == {(1, 2, 3)}
