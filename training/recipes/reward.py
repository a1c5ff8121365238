"""Trains a reward model on rankings: a language model whose last token gets a score instead of a next word.

    python manage.py train reward --project P --input model=NAME --input dataset=SNAPSHOT

All answers of a task pass through the model together, once, with every judgement of them (Ouyang et al. 2022, § 3.5). A judgement
counts once, however many answers it ranks: by default as a whole, tier by tier, ties included (`training/choice.py`), times the
weight of its rater where the snapshot knows it. The unacceptable tier is the lowest; nobody said that its answers are equal.
docs/recipes/reward.md has the mathematics and how to read the report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from training import judgements, processes, reward_report, text, weights
from training.judgements import Ranking, Task
from training.rundir import RunDir, rank
from training.schedule import SHARED, WholeWeights
from training.schema import Input
from training.snapshot_rows import Onlooker

TITLE = "Reward model"
INPUTS = (
    Input("model", "checkpoint", "The language model that the reward model starts from.", role="causal-lm"),
    Input("dataset", "snapshot", "Judgements in which people ranked answers."),
)
OUTCOME = "checkpoint"
ANSWERS_A_TASK = 4  # scored at once without gradients, for each task of a batch
TIE_RATE = 0.01  # learning rate of τ, one number among millions: at theirs it would stay where it began


@dataclass
class Config(WholeWeights):
    epochs: float = field(default=1.0, metadata=SHARED["epochs"].metadata)
    batch_size: int = field(
        default=4,
        metadata={"help": "Tasks that one process holds at once, each with all its answers.", "unit": "tasks", "min": 1},
    )
    learning_rate: float = field(
        default=9e-6,
        metadata={
            "help": "Peak of the learning rate: 5e-6 to 1e-5 for a large model (Ouyang et al. 2022, C.2), 1e-4 with LoRA, 5e-4 for "
            "one of 1M.",
            "min": 0.0,
            "max": 1.0,
        },
    )
    max_length: int = field(
        default=1024,
        metadata={
            "help": "Judgements with a longer answer (prompt counted) are left out, and counted in a message.",
            "unit": "tokens",
            "min": 8,
        },
    )
    loss: Literal["plackett_luce", "bradley_terry", "soft"] = field(
        default="plackett_luce",
        metadata={
            "help": "`plackett_luce`: whole rankings with their ties; `bradley_terry`: their ordered pairs alone; `soft`: all "
            "pairs, each with the chance that all raters together give it (a snapshot with soft labels).",
        },
    )
    weighted: bool = field(
        default=True,
        metadata={
            "help": "Each judgement times its rater's weight, where the snapshot has soft labels; `soft` needs no weights.",
        },
    )
    margin: float = field(
        default=0.0,
        metadata={
            "help": "By how much more the better answer must lead for each tier or step of strength between two: 1/3 or 1 in "
            "Touvron et al. 2023, § 3.2.2. Above 0, scores are no longer calibrated.",
            "min": 0.0,
            "max": 10.0,
            "advanced": True,
        },
    )
    centring: float = field(
        default=0.0,
        metadata={
            "help": "Weight of (r_a + r_b)², which keeps scores around 0; 0.01 in Eisenstein et al. 2023.",
            "min": 0.0,
            "max": 1.0,
            "advanced": True,
        },
    )
    lora_rank: int = field(
        default=0,
        metadata={
            "help": "Rank of LoRA adapters on every linear layer (Hu et al. 2022), merged at the end; 0 trains all weights.",
            "min": 0,
            "max": 1024,
        },
    )


def main(run: RunDir, config: Config) -> None:
    """Data, model, training, then the scale of the scores and the report on held-out judgements."""
    from transformers import AutoModelForSequenceClassification, set_seed

    from training import choice, hf

    set_seed(run.seed)
    folder = run.required("model")
    tokenizer = text.load_tokenizer(folder)
    model = weights.without_dropout(
        AutoModelForSequenceClassification.from_pretrained(
            folder, num_labels=1, dtype="float32", pad_token_id=tokenizer.pad_token_id
        )
    )
    longest = weights.longest(model, config.max_length)
    train, valid = (read(run, config, tokenizer, splits, longest) for splits in (("train",), ("validation", "test")))
    refuse_without_labels(config, train)
    loss = choice.Loss(config.loss, largest(config, [*train, *valid]), config.margin, config.centring)
    if loss.largest > 1:
        choice.learn_ties(model, judgements.tie_of_equals(every_ranking([*train, *valid])))
    model = weights.with_adapters(model, config.lora_rank, "SEQ_CLS")

    def collate(tasks: list[Task]) -> dict[str, Any]:
        ids, mask = text.pad_batch([answer for task in tasks for answer in task.answers], tokenizer.pad_token_id)
        return {"input_ids": ids, "attention_mask": mask, **choice.tensors(every_ranking(tasks), judgements.starts(tasks))}

    def measure(trainer: Any) -> dict[str, float]:
        tie = choice.tie_of(trainer.model)
        figures = {} if tie is None else {"tie": tie.item()}
        if not valid:
            return figures
        found = all_scores(trainer, valid)
        return {"valid_loss": choice.held_out_nats(loss, valid, found, tie), **reward_report.headline(valid, found), **figures}

    trainer = hf.Durable(
        run,
        config,
        model=model,
        tokenizer=tokenizer,
        rows=train,
        collate=collate,
        measure=measure,
        loss=lambda model, batch: loss(scores(model, batch), batch, choice.tie_of(model)),
        weigh=lambda batch: len(batch["weight"]),
    )
    choice.rate_of_ties(trainer.create_optimizer(), model, TIE_RATE)
    trainer.fit()
    finish(run, trainer, tokenizer, train, valid)


def finish(run: RunDir, trainer: Any, tokenizer: Any, train: list[Task], valid: list[Task]) -> None:
    """Last figures, the report, the scale of the scores over the training answers, and the model."""
    from training import choice

    figures = trainer.measured()
    known, held_out = (trainer.without_gradients(lambda tasks=tasks: all_scores(trainer, tasks)) for tasks in (train, valid))
    report = reward_report.report(valid, held_out) if valid else None
    numbers = reward_report.numbers(report) if report else {}
    if numbers:
        run.metrics(trainer.state.global_step, **numbers)
    model = weights.merged(trainer.model)
    scale = reward_report.scale(known) | {"tie": choice.forget_ties(model)}
    step = trainer.state.global_step
    weights.save(
        run, model, tokenizer, role="reward", recipe="reward", step=step, figures=figures | numbers, report=report, reward=scale
    )


def read(run: RunDir, config: Config, tokenizer: Any, splits: Sequence[str], longest: int) -> list[Task]:
    """The tasks of some splits, each judgement with what the loss is to know of it: weight, or what all raters say."""
    soft = config.loss == "soft"

    def prepared(ranking: Ranking) -> Ranking | None:
        weight = ranking.weight if config.weighted and not soft else 1.0
        ready = replace(ranking, weight=weight, beats=ranking.beats if soft else None)
        return ready if informs(ready, config.loss) else None

    return judgements.read(run, tokenizer, splits, longest, prepared)


def show(run: RunDir, config: Config, tokenizer: Any, split: str, onlooker: Onlooker) -> None:
    """Shows every ranking of a split, as training reads it."""
    for _ in judgements.rankings(run, tokenizer, split, onlooker):
        pass


def informs(ranking: Ranking, loss: str) -> bool:
    """Whether a judgement says anything that the loss can hear."""
    if loss == "plackett_luce":
        return bool(ranking.stages())
    return ranking.ordered or ranking.beats is not None


def refuse_without_labels(config: Config, train: Sequence[Task]) -> None:
    """Raises ValueError where soft labels are to be learned and there are none."""
    if config.loss == "soft" and all(ranking.beats is None for ranking in every_ranking(train)):
        raise ValueError("loss soft: the snapshot has no soft labels; take it with the option reliability, or choose another loss")


def every_ranking(tasks: Sequence[Task]) -> list[Ranking]:
    return [ranking for task in tasks for ranking in task.rankings]


def largest(config: Config, tasks: Sequence[Task]) -> int:
    """How many answers may tie; 1 where ties are not part of the loss, or nobody gave any."""
    return judgements.largest_tier(every_ranking(tasks)) if config.loss == "plackett_luce" else 1


def scores(model: Any, batch: dict[str, Any]) -> Any:
    """Scores [answers] at each answer's last token, its `<|end|>`."""
    return model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, 0].float()


def all_scores(trainer: Any, tasks: Sequence[Task]) -> list[float]:
    """The scores of the answers of all tasks, laid end to end; every process reads a part of them, and all get all."""
    import torch

    answers = [answer for task in tasks for answer in task.answers]
    mine = sorted(range(len(answers)), key=lambda index: -len(answers[index]))[rank() :: processes.count()]
    size = trainer.args.per_device_train_batch_size * ANSWERS_A_TASK
    found = torch.zeros(len(answers), dtype=torch.float64)
    for at in range(0, len(mine), size):
        places = mine[at : at + size]
        ids, mask = text.pad_batch([answers[place] for place in places], trainer.processing_class.pad_token_id)
        batch = {"input_ids": ids.to(trainer.args.device), "attention_mask": mask.to(trainer.args.device)}
        found[places] = scores(trainer.model, batch).double().cpu()
    return processes.summed(found, trainer.args.device)
