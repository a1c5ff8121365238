"""On a task small enough to write down every answer, PPO comes near the best policy that there is.

The policy that maximises E[r] - β KL(π ‖ π_ref) is π* ∝ π_ref exp(r / β), and its objective is β log Σ π_ref exp(r / β)
(Ziegler et al. 2019, §2; Rafailov et al. 2023, eq. 4). With eleven tokens and answers of at most two words, all three are sums.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from annotation import frozen
from tests.training.recipes.conftest import user

pytestmark = pytest.mark.heavy

WORDS = ["ask", "a", "b", "c"]
CONFIG = {
    "updates": 60,
    "rollout_size": 128,
    "minibatch_size": 64,
    "batch_size": 128,
    "max_new_tokens": 3,
    "learning_rate": 3e-3,
    "value_learning_rate": 3e-3,
    "critic_warmup": 3,
    "held_out": 0,
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A random policy, a random reward model of its own mind about every answer, and one prompt."""
    from transformers import LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification

    folder = tmp_path_factory.mktemp("enumerable")
    tokenizer = word_tokenizer()
    shape = dict(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=16,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        num_labels=1,
    )
    torch.manual_seed(3)
    for name, kind, spread in (("model", LlamaForCausalLM, 0.1), ("reward", LlamaForSequenceClassification, 0.4)):
        kind(LlamaConfig(**shape, initializer_range=spread)).save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
    calibrate(folder / "model", folder / "reward")
    shared = {"tools": [], "language": "en", "source": "test", "licence": "CC0-1.0", "split": "train"}
    frozen.write(folder / "prompts", [{**shared, "prompt_id": 1, "messages": user("ask")}], [])
    return {name: folder / name for name in ("model", "reward", "prompts")}


def word_tokenizer() -> Any:
    """Words as tokens, and the special tokens of every tokenizer that Crisol makes."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    from training import text

    names = [*text.SPECIAL_TOKENS, *WORDS]
    tokenizer = Tokenizer(models.WordLevel({name: place for place, name in enumerate(names)}, unk_token=text.PAD))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    made = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=text.PAD,
        bos_token=text.BOS,
        eos_token=text.END,
        additional_special_tokens=list(text.ROLES),
    )
    made.chat_template = text.CHAT_TEMPLATE
    return made


def calibrate(model: Path, reward: Path) -> None:
    """Gives the reward model the scale on which answers that end have mean 0 and spread 1."""
    from training import ppo_forward, ppo_networks

    (reward / "reward.json").write_text(json.dumps({"mean": 0.0, "std": 1.0}))
    nets = ppo_networks.load(model, reward)
    raw = ppo_forward.scores(nets, [row for row in all_answers(nets) if row.ended], 64)
    (reward / "reward.json").write_text(json.dumps({"mean": raw.mean().item(), "std": raw.std().item()}))


def all_answers(nets: Any) -> list[Any]:
    """Every answer there can be in three tokens, the cut ones too."""
    from training import ppo_generate, text

    end = nets.tokenizer.eos_token_id
    others = [token for token in range(len(nets.tokenizer)) if token != end]
    whole = [[*words, end] for count in range(3) for words in itertools.product(others, repeat=count)]
    asked = ppo_generate.Asked(1, user("ask"), [], text.encode_prompt(nets.tokenizer, user("ask")))
    cut = list(map(list, itertools.product(others, repeat=3)))
    return [ppo_generate.Answered(asked, row, row[-1] == end) for row in [*whole, *cut]]


@pytest.fixture(scope="module")
def every_answer(inputs: dict[str, Path]) -> Any:
    """(networks, all answers there can be, the reward of each)."""
    from training import ppo_forward, ppo_math, ppo_networks

    nets = ppo_networks.load(inputs["model"], inputs["reward"])
    answers = all_answers(nets)
    ended = torch.tensor([row.ended for row in answers])
    scores = ppo_math.normalised(ppo_forward.scores(nets, answers, 64), nets.mean, nets.std, clip=10.0)
    rewards = ppo_math.or_unended(scores, ended, unended=-1.0)
    return nets, answers, rewards


def log_chances(nets: Any, model: Any, answers: list[Any]) -> torch.Tensor:
    """log π of each whole answer."""
    from training import ppo_forward

    batch = ppo_forward.pack(answers, nets.tokenizer.pad_token_id, nets.device)
    with torch.no_grad():
        return (ppo_forward.logprobs(nets, model, batch, 1.0) * batch.mask).sum(-1).double()


def test_every_answer_is_there(every_answer: Any):
    nets, answers, _ = every_answer
    assert log_chances(nets, nets.policy, answers).exp().sum().item() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("beta", [0.3, 1.0])
def test_ppo_gains_nearly_all_that_any_policy_could(beta: float, trained: Any, inputs: dict[str, Path], every_answer: Any):
    from transformers import AutoModelForCausalLM

    nets, answers, rewards = every_answer
    ended = trained("ppo", inputs, CONFIG | {"kl_coef": beta})
    assert ended.state == "succeeded"
    reference = log_chances(nets, nets.reference, answers)
    policy = log_chances(nets, AutoModelForCausalLM.from_pretrained(ended.out), answers)

    def objective(logs: torch.Tensor) -> float:
        return float((logs.exp() * (rewards - beta * (logs - reference))).sum())

    best = float(beta * torch.logsumexp(reference + rewards / beta, 0))
    optimum = reference + rewards / beta - best / beta
    assert objective(optimum) == pytest.approx(best, abs=1e-6)
    assert best - objective(reference) > 0.2, "the task has nothing to gain"
    assert (objective(policy) - objective(reference)) / (best - objective(reference)) >= 0.9
