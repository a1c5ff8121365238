"""A learned value baseline for logged answers: what an answer will earn, guessed from the prompt and what is written so far.

A network of its own with one output a token, started from the model that is to learn, is fitted to the rewards by least squares
before the policy moves (V_μ of Peng et al. 2019, eq. 8). It is no head on the policy's trunk, because its regression would pull at
the features of the policy; and it needs no memory while the policy learns, because logged rows have constant values. Each answer is
judged by a network that never saw its prompt (cross-fitting, Chernozhukov et al. 2018): one that has learned an answer's reward by
heart would say that the answer is as good as expected, and teach nothing.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training import logged, pairs, stages, weights
from training.logged import Logged
from training.rundir import CHECKPOINTS, RunDir
from training.schedule import Schedule

if TYPE_CHECKING:
    from training.recipes.awr import Config


@dataclass
class Critic:
    """A network with one output a token, and the mean and deviation of the rewards that it was fitted to: its unit."""

    network: Any
    mean: float
    std: float


Values = list[list[float]]  # of each row, of each token of its answer: what is expected before it is written


def values(run: RunDir, config: Config, tokenizer: Any, train: Sequence[Logged], valid: Sequence[Logged]) -> tuple[Values, Values]:
    """Values of the training rows, each by the critic that did not see its prompt, and of the held-out rows, by all of them."""
    folds, found = folded(train, config.critic_folds, run.seed), [[0.0]] * len(train)
    of_valid: list[Values] = []
    for number in range(config.critic_folds):
        name = f"critic_{number + 1}"
        stage = stages.Stage(run, name, place=number + 1, of=config.critic_folds + 1, prefix=f"{name}_")
        seen = [row for row, fold in zip(train, folds, strict=True) if fold != number]
        unseen = [place for place, fold in enumerate(folds) if fold == number]
        judged = fitted(stage, config, tokenizer, seen, [*(train[place] for place in unseen), *valid])
        for place, one in zip(unseen, judged, strict=False):
            found[place] = one
        of_valid.append(judged[len(unseen) :])
    return found, [np.mean(one, axis=0).tolist() for one in zip(*of_valid, strict=True)]


def folded(rows: Sequence[Logged], folds: int, seed: int) -> list[int]:
    """The fold of each row, the same for all answers to a prompt. ValueError where there are fewer prompts than folds."""
    prompts = sorted({row.prompt_id for row in rows})
    if len(prompts) < folds:
        raise ValueError(f"critic_folds: {folds} folds need as many prompts; there are {len(prompts)}. Use baseline group or none")
    random.Random(seed).shuffle(prompts)
    place = {prompt: number % folds for number, prompt in enumerate(prompts)}
    return [place[row.prompt_id] for row in rows]


def fitted(stage: stages.Stage, config: Config, tokenizer: Any, seen: list[Logged], judged: list[Logged]) -> Values:
    """What a critic of the rows that it saw says of others. Kept: a resumed run does not train it again."""
    kept = stage.path / "values.json"
    critic = None if kept.exists() else trained(stage, config, tokenizer, seen, judged)
    made: Values = stages.once(stage, "values", lambda: judgements(critic, judged, config.batch_size, tokenizer.pad_token_id))
    shutil.rmtree(stage.path / CHECKPOINTS, ignore_errors=True)
    return made


def trained(stage: stages.Stage, config: Config, tokenizer: Any, rows: list[Logged], judged: list[Logged]) -> Critic:
    """A critic fitted to rows; its `valid_loss` is of those that it will judge, 1 where it knows no more than the mean reward."""
    from transformers import AutoModelForTokenClassification, set_seed

    from training import hf

    set_seed(stage.seed)
    model = AutoModelForTokenClassification.from_pretrained(stage.required("model"), num_labels=1, dtype="float32")
    # peft keeps the head `score` out of "all-linear", and trains it whole, only in what it takes for a SEQ_CLS model.
    model = weights.with_adapters(weights.without_dropout(model), config.lora_rank, "SEQ_CLS")
    rewards = np.array([row.reward for row in rows])
    critic = Critic(model, float(rewards.mean()), float(rewards.std()) or 1.0)

    def errors(model: Any, batch: pairs.Batch) -> Any:
        found, where = guesses(model, batch)
        target = (batch["reward"] - critic.mean) / critic.std
        return (found - target[:, None].expand(where.shape)[where]) ** 2

    def measure(trainer: Any) -> dict[str, float]:
        total, tokens = trainer.totals(judged, 2, lambda model, batch: (errors(model, batch).sum(), logged.token_count(batch)))
        return {"valid_loss": total / tokens}

    trainer = hf.Durable(
        stage,
        Schedule(
            epochs=config.critic_epochs,
            batch_size=config.batch_size,
            accumulation=config.accumulation,
            learning_rate=config.critic_learning_rate,
            log_every=config.log_every,
            valid_every=config.valid_every,
            save_every=config.save_every,
        ),
        model=model,
        tokenizer=tokenizer,
        rows=rows,
        collate=lambda rows: logged.batched(rows, tokenizer.pad_token_id),
        measure=measure,
        loss=lambda model, batch: errors(model, batch).mean(),
        weigh=logged.token_count,
    )
    trainer.fit()
    trainer.measured()
    return critic


def guesses(network: Any, batch: pairs.Batch) -> tuple[Any, Any]:
    """The critic's raw output before each answer token [tokens], and where that is in the batch [rows, length]."""
    import torch

    where = torch.nn.functional.pad(batch["answer"][:, 1:], (0, 1)).bool()
    return network(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[..., 0].float()[where], where


def judgements(critic: Any, rows: Sequence[Logged], size: int, pad_id: int) -> Values:
    """The values of rows, in the unit of their rewards."""
    import torch

    found: Values = [[] for _row in rows]
    order = sorted(range(len(rows)), key=lambda place: -len(rows[place].answer.ids))
    network = critic.network.eval()
    with torch.no_grad():
        for at in range(0, len(order), size):
            places = order[at : at + size]
            batch = logged.batched([rows[place] for place in places], pad_id)
            guessed = guesses(network, {name: part.to(network.device) for name, part in batch.items()})[0]
            guessed = guessed * critic.std + critic.mean
            for place, one in zip(places, guessed.split([rows[place].length for place in places]), strict=True):
                found[place] = one.tolist()
    return found
