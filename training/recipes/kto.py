"""Kahneman–Tversky optimisation: learns from single answers with a thumb up or down; no pairs are needed.

    python manage.py train kto --project P --input model=NAME --input dataset=SNAPSHOT --set beta=0.1

With r = log π(y|x)/π_ref(y|x) an acceptable answer costs λ_D(1 − σ(β(r − z0))), an unacceptable one λ_U(1 − σ(β(z0 − r)))
(Ethayarajh et al. 2024, eq. 8). z0 estimates KL(π ‖ π_ref): the mean of r over the step's prompts, each with the answer to another
prompt. Which answer that is follows from the rows alone, so that z0 is the same however a step is cut into batches and processes.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from annotation.formats import unpaired
from training import pairs, processes, snapshot_rows
from training.pairs import Answer, Batch
from training.rundir import RunDir
from training.schema import Input
from training.snapshot_rows import Onlooker

TITLE = "Kahneman–Tversky optimisation"
INPUTS = (
    Input("model", "checkpoint", "The model that learns, and its own reference.", role="causal-lm"),
    Input("dataset", "snapshot", "Judgements in which people called answers acceptable or not."),
)
OUTCOME = "checkpoint"
AHEAD = 1000  # rows that are searched for an answer to another prompt
KL = "kl_"  # begins the names of a batch's tensors that z0 is estimated from


@dataclass
class Rated:
    """An answer with a thumb up or down, the weight of the rater's word, and the answer to another prompt in its place."""

    answer: Answer
    desirable: bool
    weight: float = 1.0
    unrelated: Answer | None = None

    @property
    def answers(self) -> tuple[Answer, ...]:
        return (self.answer,) if self.unrelated is None else (self.answer, self.unrelated)


@dataclass
class Config(pairs.PairSchedule):
    batch_size: int = field(
        default=8, metadata={"help": "Answers that one process holds in memory at once.", "unit": "answers", "min": 1}
    )
    beta: float = field(
        default=0.1,
        metadata={
            "help": "How soon a gain or a loss is enough; 0.1 is usual, lower with few or noisy labels.",
            "unit": "nats⁻¹",
            "min": 0.0001,
            "max": 100,
        },
    )
    desirable_weight: float = field(
        default=1.0,
        metadata={
            "help": "λ_D; choose both so that λ_D × acceptable rows / (λ_U × the others) is 1 to 4/3 (Ethayarajh et al. 2024).",
            "min": 0.0,
            "max": 1000.0,
        },
    )
    undesirable_weight: float = field(default=1.0, metadata={"help": "λ_U, see `desirable_weight`.", "min": 0.0, "max": 1000.0})


def main(run: RunDir, config: Config) -> None:
    """Rows, the reference's log-probabilities, training, figures."""
    from training import hf

    tokenizer, model, longest = pairs.prepared(run, config)
    pad_id = tokenizer.pad_token_id
    train, valid = (read(run, tokenizer, split, longest) for split in ("train", "validation"))
    say_balance(run, config, train)

    def loss(model: Any, batch: Batch) -> Any:
        return pairs.weighted_mean(judged(config, model, batch)[0], batch["weight"])

    trainer = hf.Durable(
        run,
        config,
        model=model,
        tokenizer=tokenizer,
        rows=train,
        collate=lambda rows: batched(rows, pad_id),
        measure=lambda trainer: measure(trainer, config, valid),
        loss=loss,
        weigh=lambda batch: batch["weight"].sum(),
        whole_step=estimate,
    )
    trainer.without_gradients(lambda: pairs.refer(trainer, [*train, *valid]))
    trainer.fit()
    pairs.save(run, trainer, model, "kto", train_rows=len(train), valid_rows=len(valid))


# Rows -----------------------------------------------------------------------------------------------------------------------


def read(run: RunDir, tokenizer: Any, split: str, longest: int) -> list[Rated]:
    """The rated answers of a split, each with the next answer that fits to another prompt."""
    rows = pairs.read(run, split, longest, rated_of(tokenizer), "rated answers")
    for place, row in enumerate(rows):
        after = (rows[(place + ahead) % len(rows)] for ahead in range(1, min(len(rows), AHEAD)))
        row.unrelated = unrelated(after, row, longest)
    return rows


def rated_of(tokenizer: Any) -> pairs.Items:
    """What makes rated answers of a judgement."""

    def items(judgement: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Rated]]:
        for row in unpaired.rows(judgement):
            yield row, Rated(pairs.encode(tokenizer, row, row["completion"]), row["label"], row.get("weight", 1.0))

    return items


def show(run: RunDir, config: Config, tokenizer: Any, split: str, onlooker: Onlooker) -> None:
    """Shows every rated answer of a split, as training reads it."""
    for _ in snapshot_rows.each(run, split, rated_of(tokenizer), onlooker):
        pass


def unrelated(others: Iterable[Rated], row: Rated, longest: int) -> Answer | None:
    """This row's prompt with the first of the others' answers that was given to another prompt; None if none fits."""
    prompt, _ = halves(row.answer)
    for other in others:
        asked, (ids, mine) = halves(other.answer)
        if asked != prompt and len(prompt) + len(ids) <= longest:
            return Answer([*prompt, *ids], [0] * len(prompt) + mine)
    return None


def halves(answer: Answer) -> tuple[list[int], tuple[list[int], list[int]]]:
    """The tokens of the prompt; the tokens from the answer's first on, and which of them are the answer's."""
    start = answer.answer.index(1)
    return answer.ids[:start], (answer.ids[start:], answer.answer[start:])


def batched(rows: Sequence[Rated], pad_id: int) -> Batch:
    """Rows as tensors [rows], and the unrelated answers of those that have one [at most rows], their names begun by `kl_`."""
    import torch

    others = [row.unrelated for row in rows if row.unrelated is not None]
    apart = pairs.batched(others, pad_id) if others else {}
    said = {"desirable": torch.tensor([row.desirable for row in rows]), "weight": torch.tensor([row.weight for row in rows])}
    return pairs.batched([row.answer for row in rows], pad_id) | said | {KL + name: value for name, value in apart.items()}


def say_balance(run: RunDir, config: Config, rows: Sequence[Rated]) -> None:
    """Tells how the two kinds of rows weigh against each other."""
    up = sum(row.desirable for row in rows)
    down = len(rows) - up
    if not down or not up:
        run.message(f"all {len(rows)} rows are of one kind: an answer is known as good only beside a bad one")
        return
    ratio = config.desirable_weight * up / max(config.undesirable_weight * down, 1e-12)
    run.message(f"{up} acceptable answers, {down} not; weighted they are {ratio:.2f} to 1 (1 to 1.33 is advised)")


# Losses and figures ---------------------------------------------------------------------------------------------------------


def judged(config: Config, model: Any, batch: Batch) -> tuple[Any, Any]:
    """(losses, β log π/π_ref), both [rows]."""
    from training import pair_losses

    ratio = pairs.logprobs(model, batch) - batch["reference"]
    weights = (config.desirable_weight, config.undesirable_weight)
    return pair_losses.kto(ratio, batch["kl"], batch["desirable"], config.beta, weights), config.beta * ratio


def drift(model: Any, batch: Batch) -> tuple[Any, int]:
    """Sum of log π/π_ref over a batch's unrelated answers, and their number."""
    apart = {name.removeprefix(KL): value for name, value in batch.items() if name.startswith(KL)}
    if not apart:
        return 0.0, 0
    return (pairs.logprobs(model, apart) - apart["reference"]).sum(), len(apart["reference"])


def estimate(trainer: Any, batches: list[Batch]) -> None:
    """Writes z0 of the whole step into each of its batches."""
    import torch

    from training import pair_losses
    from training.steps import SHARE

    found = [drift(trainer.model, batch) for batch in batches if batch[SHARE]]
    sums = torch.tensor([float(sum(part)) for part in zip(*found, strict=True)] or [0.0, 0.0], dtype=torch.float64)
    total, rows = torch.tensor(processes.summed(sums, trainer.args.device), device=trainer.args.device)
    for batch in batches:
        batch["kl"] = pair_losses.reference_point(total, rows)


def measure(trainer: Any, config: Config, valid: Sequence[Rated]) -> dict[str, float]:
    """Figures of the held-out rows. RuntimeError where rewards before the first step are not 0."""
    import torch

    if not valid:
        return {}
    total, rows = torch.tensor(trainer.totals(valid, 2, drift))
    kl = total / rows.clamp(min=1)
    lost, weight, up, good, down, bad = trainer.totals(valid, 6, functools.partial(tally, config, kl.clamp(min=0)))
    if trainer.state.global_step == 0 and abs(good) + abs(bad) > pairs.ROUNDING * len(valid):
        raise RuntimeError("rewards before the first step are not 0: the model is not its own reference")
    rewards = {"reward_chosen": good / max(up, 1), "reward_rejected": bad / max(down, 1)}
    margin = rewards["reward_chosen"] - rewards["reward_rejected"]
    return {"valid_loss": lost / max(weight, 1e-12), **rewards, "margin": margin, "kl": float(kl)}


def tally(config: Config, kl: Any, model: Any, batch: Batch) -> tuple[Any, ...]:
    """Sums of a batch: losses, weights; acceptable answers and their rewards; the others and theirs."""
    losses, rewards = judged(config, model, {**batch, "kl": kl.to(batch["weight"].device)})
    up, down = batch["desirable"], ~batch["desirable"]
    return (losses * batch["weight"]).sum(), batch["weight"].sum(), up.sum(), rewards[up].sum(), down.sum(), rewards[down].sum()
