"""Advantage-weighted regression: the model learns logged answers, those that earned more than expected the most. No sampling.

    python manage.py train awr --project P --input model=NAME --input dataset=SNAPSHOT --set aspect=overall --set beta=1.0

The loss is the mean over all answer tokens of −w log π, w = exp((R − V)/β), at most `weight_cap` (Peng et al. 2019, eq. 8–10). If
the answers are the model's own, its fixed point is π ∝ π_ref exp(R/β), PPO's optimum, whatever V is. V is learned (AWR), the mean
reward of the prompt's other answers, or one constant (reward-weighted regression, Peters & Schaal 2007). R are people's grades in
one aspect, averaged over raters, or what `rewards` names: a reward checkpoint, rules, or both.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from training import pairs, paying, processes
from training.rundir import RunDir
from training.schedule import SHARED
from training.schema import Input
from training.snapshot_rows import Onlooker

if TYPE_CHECKING:
    from training.logged import Logged

TITLE = "Advantage-weighted regression"
INPUTS = (
    Input("model", "checkpoint", "The model that learns; best the one that gave the answers.", role="causal-lm"),
    Input("dataset", "snapshot", "Judgements in which people graded answers, or whose answers are to be scored."),
    paying.REWARD,
)
OUTCOME = "checkpoint"


@dataclass
class Config(pairs.PairSchedule):
    epochs: float = field(default=2.0, metadata=SHARED["epochs"].metadata)
    batch_size: int = field(
        default=8, metadata={"help": "Answers that one process holds in memory at once.", "unit": "answers", "min": 1}
    )
    learning_rate: float = field(
        default=1e-5,
        metadata={
            "help": "Peak of the learning rate: as for `sft`, 1e-5 for a large model, 1e-4 with LoRA, 1e-3 for one of 1M.",
            "min": 0.0,
            "max": 1.0,
        },
    )
    aspect: str = field(
        default="overall",
        metadata={
            "help": "People's grades that are the reward, averaged over raters by their weights; an order is standardised in each "
            "judgement. Unused where `rewards` is given."
        },
    )
    rewards: str = field(
        default="",
        metadata={"help": "What scores the answers in place of people, with weights, as in “model:1 exact:0.5”. Empty: `aspect`."},
    )
    baseline: Literal["value", "group", "none"] = field(
        default="value",
        metadata={
            "help": "What a reward is compared with. value: a critic fitted first (AWR); group: the mean of the prompt's other "
            "answers; none: the mean of all (reward-weighted regression)."
        },
    )
    beta: float = field(
        default=1.0,
        metadata={
            "help": "Temperature: lower trusts the best answers more and leaves fewer that count (watch `ess`).",
            "unit": "advantages",
            "min": 0.001,
            "max": 1000,
        },
    )
    unit: Literal["spread", "prompt", "reward"] = field(
        default="spread",
        metadata={
            "help": "Unit of an advantage. spread: the deviation of all (as Peng et al. 2019 do); prompt: that of its prompt's "
            "rewards; reward: none, so that β is the price of KL in rewards."
        },
    )
    weight_cap: float = field(
        default=20.0,
        metadata={
            "help": "Largest weight, before all are divided by their mean (Peng et al. 2019, C).",
            "min": 1.0,
            "advanced": True,
        },
    )
    critic_epochs: float = field(
        default=2.0, metadata={"help": "Passes of each critic over its rows.", "unit": "epochs", "min": 0.001, "advanced": True}
    )
    critic_learning_rate: float = field(
        default=1e-5,
        metadata={"help": "Peak of the critics' learning rate; 1e-3 for a model of 1M.", "min": 0.0, "max": 1.0, "advanced": True},
    )
    critic_folds: int = field(
        default=2,
        metadata={
            "help": "Critics, each of which judges the prompts that the others saw and it did not.",
            "unit": "critics",
            "min": 2,
            "max": 20,
            "advanced": True,
        },
    )

    def check(self) -> dict[str, str]:
        """Rewards that do not exist."""
        return paying.errors(self.rewards) if self.rewards else {}


def main(run: RunDir, config: Config) -> None:
    """Rows, what each token weighs, training, figures."""
    from training import advantages, hf, logged

    processes.join(run)
    tokenizer, model, longest = pairs.prepared(run, config)
    train, valid = (read(run, config, tokenizer, split, longest) for split in ("train", "validation"))
    if not train:
        raise ValueError("no answers to learn from: look at the split, the aspect and the kinds of the snapshot")
    told, mine = advantages.weigh(run, config, tokenizer, train, valid), own(run, valid)

    trainer = hf.Durable(
        run,
        config,
        model=model,
        tokenizer=tokenizer,
        rows=train,
        collate=lambda rows: logged.batched(rows, tokenizer.pad_token_id),
        measure=lambda trainer: measured(trainer, valid, mine),
        loss=logged.loss,
        weigh=logged.token_count,
    )
    trainer.without_gradients(lambda: pairs.refer(trainer, mine))
    trainer.fit()
    pairs.save(run, trainer, model, "awr", train_answers=len(train), valid_answers=len(valid), **told)


def read(run: RunDir, config: Config, tokenizer: Any, split: str, longest: int) -> list[Logged]:
    """The answers of a split that can be compared as the config wants; says how many cannot."""
    from training import logged

    rows = logged.read(run, tokenizer, split, longest, aspect=config.aspect, wanted=config.rewards)
    if config.baseline != "group" and config.unit != "prompt":
        return rows
    answers = Counter(row.prompt_id for row in rows)
    kept = [row for row in rows if answers[row.prompt_id] > 1]
    if len(kept) < len(rows):
        run.message(f"{split}: {len(rows) - len(kept)} answers left out, each its prompt's only one: they compare with nothing")
    return kept


def show(run: RunDir, config: Config, tokenizer: Any, split: str, onlooker: Onlooker) -> None:
    """Shows every answer of a split, as training reads it; what `rewards` would pay takes a model, and is not asked."""
    from training import logged

    unpaid = ((one, None) for one in logged.every(run, split))
    for one, reward in unpaid if config.rewards else logged.graded(run, split, config.aspect):
        row = {"prompt": one.prompt, "answer": one.answer, "reward": reward, "tools": one.tools}
        onlooker.saw({"prompt_id": one.prompt_id, "split": split}, row, logged.encode(tokenizer, one))


# Held-out figures -----------------------------------------------------------------------------------------------------------


def own(run: RunDir, rows: list[Logged]) -> list[Logged]:
    """The answers that the model gave itself: only of those is it known how likely they were to be logged."""
    name = run.spec["input_names"].get("model")
    found = [row for row in rows if name and row.model == name]
    if rows and not found:
        run.message("no expected_reward: none of the held-out answers is the model's own, so nobody knows how likely they were")
    return found


def measured(trainer: Any, valid: list[Logged], mine: list[Logged]) -> dict[str, float]:
    """Loss of the held-out rows, and what the policy would earn, from rewards of the model's own held-out answers.

    Each weighs ρ = π/π_ref: `expected_reward` is Σρr / Σρ (self-normalised importance sampling, sampled at temperature 1), beside
    the mean `logged_reward`, and `ess` the share (Σρ)² / nΣρ² of the answers that it rests on.
    """
    from training import logged

    if not valid:
        return {}
    nats, tokens = trainer.totals(
        valid, 2, lambda model, batch: (logged.loss(model, batch) * logged.token_count(batch), logged.token_count(batch))
    )
    figures = {"valid_loss": nats / tokens}
    if not mine:
        return figures
    ratios, squares, weighted, earned = trainer.totals(mine, 4, ratio_tally)
    return figures | {
        "expected_reward": weighted / ratios,
        "ess": ratios**2 / (len(mine) * squares),
        "logged_reward": earned / len(mine),
    }


def ratio_tally(model: Any, batch: pairs.Batch) -> Any:
    """Sums of a batch: ρ, ρ², ρ times reward, reward."""
    from training.ppo_math import log_ratio

    ratio, earned = log_ratio(pairs.logprobs(model, batch), batch["reference"]).double().exp(), batch["reward"].double()
    return ratio.sum(), (ratio**2).sum(), (ratio * earned).sum(), earned.sum()
