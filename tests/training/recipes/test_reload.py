"""A saved model that a fresh process reads says what it said when it was saved: equal tokens, logits and scores."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.training.recipes.conftest import ROOT, Attempt, assistant, attempt, create, user

pytestmark = pytest.mark.heavy

CHATS = [
    [*user("say sun moon tree"), *assistant("sun moon tree")],
    [*user("say <|end|> or ¡qué frío! 河 🌊"), *assistant("no no <|user|> no no")],
]
SUPERVISED = {"max_length": 64, "max_steps": 2, "batch_size": 4}
CONFIGS: dict[str, dict[str, Any]] = {
    "sft": SUPERVISED,
    "reward": SUPERVISED,
    "ppo": {
        "updates": 2,
        "rollout_size": 4,
        "minibatch_size": 4,
        "epochs": 1,
        "max_new_tokens": 6,
        "critic_warmup": 0,
        "held_out": 0,
        "kl_cap": None,
    },
}
RUNS = [(recipe, rank) for recipe in CONFIGS for rank in (0, 4)]
EACH = pytest.mark.parametrize(("recipe", "rank"), RUNS)

# A score is one product of a row with a column, which MKL sums in an order that follows the column's address in memory, and a file
# that is mapped has other addresses than tensors that were made. All else is equal to the last bit.
ROUNDING = 1e-7

EMBEDDING = "model.embed_tokens.weight"  # saved once where it is the output layer, too

Said = dict[str, Any]


def said(model: Any, tokenizer: Any) -> Said:
    """The tokens of the chats, and what the model makes of each alone: its logits, which of a reward model are the score."""
    from training import text

    ids = [text.encode_chat(tokenizer, chat).input_ids for chat in CHATS]
    with torch.inference_mode():
        batches = [text.pad_batch([row], tokenizer.pad_token_id) for row in ids]
        return {"ids": ids, "logits": [model(input_ids=row, attention_mask=mask).logits for row, mask in batches]}


def read(folders: list[str], to: str) -> None:
    """What a process that was not there at the training says of these checkpoints, by the product's own ways of reading them."""
    torch.set_num_threads(1)
    torch.save({folder: reread(Path(folder)) for folder in folders}, to)


def reread(folder: Path) -> Said:
    from training import reward_scores, text, weights

    tokenizer = text.load_tokenizer(folder)
    if not (folder / "reward.json").exists():
        return said(weights.for_generation(folder), tokenizer)
    ids, tools = [text.encode_chat(tokenizer, chat).input_ids for chat in CHATS], [[]] * len(CHATS)
    scores = (look(folder, CHATS, tools, batch_size=1) for look in (reward_scores.raw, reward_scores.normalised))
    return {"ids": ids, **dict(zip(("raw", "normalised"), scores, strict=True))}


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory, base: Path, snapshot: Path) -> dict[Any, tuple[Attempt, Said]]:
    """Every run, with what its model said just as it was saved."""
    from training import weights

    notes: list[Said] = []
    save = weights.save

    def noted(run: Any, model: Any, tokenizer: Any, **about: Any) -> None:
        training = model.training
        weights_of = {name: weight.clone() for name, weight in model.state_dict().items()}
        notes.append({**said(model.eval(), tokenizer), "weights": weights_of, "scale": about.get("reward")})
        save(run, model.train(training), tokenizer, **about)

    made: dict[Any, tuple[Attempt, Said]] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weights, "save", noted)
        for recipe, rank in RUNS:
            data = "prompts" if recipe == "ppo" else "dataset"
            inputs = {"model": base, data: snapshot}
            if recipe == "ppo":
                inputs["reward"] = made["reward", rank][0].out
            config = CONFIGS[recipe] | {"lora_rank": rank, "learning_rate": 1e-2 if rank else 1e-3}
            folder = tmp_path_factory.mktemp(recipe) / "run"
            made[recipe, rank] = (attempt(create(folder, recipe, inputs, config)), notes.pop())
    return made


@pytest.fixture(scope="module")
def again(ended: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[Any, Said]:
    """What one fresh process says of all of them."""
    file = tmp_path_factory.mktemp("again") / "said.pt"
    program = "import sys; from tests.training.recipes.test_reload import read; read(sys.argv[2:], sys.argv[1])"
    folders = [str(run.out) for run, _ in ended.values()]
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", program, str(file), *folders], cwd=ROOT, env=one_thread, check=True)
    found = torch.load(file)
    return {key: found[str(run.out)] for key, (run, _) in ended.items()}


@EACH
def test_what_was_saved_has_learned_something(recipe: str, rank: int, ended: Any, base: Path):
    name = "model.layers.0.self_attn.q_proj.weight"
    before, after = (load_file(folder / "model.safetensors") for folder in (base, ended[recipe, rank][0].out))
    assert not torch.equal(after[name], before[name])


@EACH
def test_the_tokenizer_that_was_saved_gives_the_same_tokens(recipe: str, rank: int, ended: Any, again: Any):
    assert again[recipe, rank]["ids"] == ended[recipe, rank][1]["ids"]


@pytest.mark.parametrize(("recipe", "rank"), [run for run in RUNS if run[0] != "reward"])
def test_the_model_that_was_saved_gives_the_same_logits(recipe: str, rank: int, ended: Any, again: Any):
    for now, then in zip(again[recipe, rank]["logits"], ended[recipe, rank][1]["logits"], strict=True):
        assert torch.equal(now, then)


@pytest.mark.parametrize("rank", [0, 4])
def test_the_reward_model_that_was_saved_gives_the_same_scores_on_the_same_scale(rank: int, ended: Any, again: Any):
    then, now = ended["reward", rank][1], again["reward", rank]
    assert now["raw"] == pytest.approx([logits.item() for logits in then["logits"]], rel=0, abs=ROUNDING)
    assert now["normalised"] == [(score - then["scale"]["mean"]) / then["scale"]["std"] for score in now["raw"]]
    assert abs(now["raw"][0] - now["raw"][1]) > 1000 * ROUNDING


@EACH
def test_every_weight_is_saved_to_the_last_bit(recipe: str, rank: int, ended: Any):
    run, then = ended[recipe, rank]
    saved = load_file(run.out / "model.safetensors")
    assert saved.keys() <= then["weights"].keys()
    assert all(torch.equal(saved.get(name, saved[EMBEDDING]), weight) for name, weight in then["weights"].items())
