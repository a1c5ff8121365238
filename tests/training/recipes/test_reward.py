"""A reward model learns whole rankings, ties and weights included, says how sure it is, and says what it left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from annotation import frozen
from tests.training.recipes.conftest import assistant, user
from training import text

pytestmark = pytest.mark.heavy

FAST = {"learning_rate": 2e-3, "max_length": 64, "valid_every": 20}
LOSSES = pytest.mark.parametrize("loss", ["plackett_luce", "bradley_terry", "soft"])


@pytest.fixture(scope="session")
def soft_snapshot(tmp_path_factory: pytest.TempPathFactory, snapshot: Path) -> Path:
    """The same rankings from a snapshot with soft labels: the first answer of a prompt by every second rater weighs nothing."""
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


@LOSSES
def test_a_reward_model_finds_the_planted_preference(trained: Any, base: Path, soft_snapshot: Path, loss: str) -> None:
    run = trained("reward", {"model": base, "dataset": soft_snapshot}, {**FAST, "max_steps": 40, "loss": loss})
    figures = run.figures
    assert figures["pairs"] == 24 * 5  # 24 held-out rankings of four answers, one pair of them tied
    assert figures["accuracy_low"] > 0.6
    assert figures["accuracy_low"] < figures["accuracy"] <= figures["accuracy_high"]
    assert ("tie" in figures) == (loss == "plackett_luce")
    scale = json.loads((run.out / "reward.json").read_text())
    assert scale["std"] > 0.1
    assert run.messages()[0] == ("train: 36 rankings of 36 tasks; 0 left out because they say nothing, 0 longer than 64 tokens")


def test_a_score_stands_on_the_answers_last_token_whatever_the_padding(trained: Any, base: Path, snapshot: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification

    run = trained("reward", {"model": base, "dataset": snapshot}, {**FAST, "max_steps": 2})
    tokenizer, model = text.load_tokenizer(run.out), AutoModelForSequenceClassification.from_pretrained(run.out).eval()
    rows = [text.encode_chat(tokenizer, [*user("say sun"), *assistant(answer)]).input_ids for answer in ("sun", "sun moon tree")]
    ids, mask = text.pad_batch(rows, tokenizer.pad_token_id)
    with torch.no_grad():
        together = model(input_ids=ids, attention_mask=mask).logits[:, 0]
        hidden = model.model(input_ids=torch.tensor([rows[0]])).last_hidden_state[0, -1]
        assert rows[0][-1] == tokenizer.eos_token_id
        assert together[0].item() == pytest.approx(model.score(hidden).item(), abs=1e-5)
