"""Best of n: the model answers each prompt n times and learns its own best answers; then again, with what it has become.

    python manage.py train best_of_n --project P --input model=SFT --input prompts=SNAPSHOT --input reward=RM --set answers=8

Also called rejection sampling (Llama 2, Touvron et al. 2023, §3.2.3) or RAFT (Dong et al. 2023). A round draws answers to all
training prompts from the model as it is, keeps the best of each prompt, and fine-tunes on them, each token alike. The policy that
always gives the best of n is at most log n − (n−1)/n nats from the model (Stiennon et al. 2020, G.3): little KL for its reward, but
paid in samples. Answers that were cut at `max_new_tokens` are never kept.
"""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from annotation import frozen
from training import asking, pairs, paying, processes, text, weights
from training.paying import Given
from training.recipes import sample
from training.rundir import CHECKPOINTS, RunDir, rank
from training.schedule import SHARED
from training.schema import Input
from training.stages import Stage, once

TITLE = "Best of n"
INPUTS = (
    Input("model", "checkpoint", "The model that answers and learns.", role="causal-lm"),
    Input("prompts", "snapshot", "The snapshot whose training prompts are answered; its validation prompts measure the gain."),
    paying.REWARD,
)
OUTCOME = "checkpoint"
show = asking.show


@dataclass
class Config(pairs.PairSchedule):
    answers: int = field(
        default=8, metadata={"help": "Answers drawn for each prompt (n).", "unit": "answers", "min": 2, "max": 256}
    )
    rounds: int = field(
        default=1, metadata={"help": "Times that the model answers and learns.", "unit": "rounds", "min": 1, "max": 100}
    )
    rewards: str = field(
        default="model:1",
        metadata={
            "help": "What scores the answers, with weights: `model` (a reward checkpoint), rules, or both: “model:1 exact:0.5”."
        },
    )
    keep: int = field(default=1, metadata={"help": "Best answers of each prompt that are learned.", "unit": "answers", "min": 1})
    least: float | None = field(
        default=None,
        metadata={"help": "Answers that earn less are not learned; with `exact:1`, 1 keeps right answers only. Empty: no limit."},
    )
    temperature: float = field(
        default=1.0, metadata={"help": "Of the answers; below 1 they are better and more alike.", "min": 0.01, "max": 5.0}
    )
    max_new_tokens: int = field(default=256, metadata={"help": "Longer answers are cut.", "unit": "tokens", "min": 1})
    generation_batch: int = field(
        default=32, metadata={"help": "Answers generated at once.", "unit": "answers", "min": 1, "advanced": True}
    )
    batch_size: int = field(
        default=8, metadata={"help": "Answers that one process learns from at once.", "unit": "answers", "min": 1}
    )
    epochs: float = field(
        default=2.0, metadata={**SHARED["epochs"].metadata, "help": "Passes over the kept answers in each round."}
    )
    learning_rate: float = field(
        default=1e-5,
        metadata={
            "help": "Peak of the learning rate: as for `sft`, 1e-5 for a large model, 1e-4 with LoRA, 1e-3 for one of 1M.",
            "min": 0.0,
            "max": 1.0,
        },
    )
    held_out: int = field(
        default=128, metadata={"help": "Validation prompts answered to measure the gain.", "unit": "prompts", "min": 0}
    )

    def check(self) -> dict[str, str]:
        """Options that contradict each other, rewards that do not exist."""
        errors = paying.errors(self.rewards)
        if self.keep > self.answers:
            errors["keep"] = "must not be more than `answers`"
        return errors


def main(run: RunDir, config: Config) -> None:
    """Rounds of answering and learning; each stage is kept in the run's folder, and is not done twice."""
    if run.out.exists():
        return  # killed between its last deed and its last word
    processes.join(run)
    folder = run.required("model")
    start = measured(run, config, 0, folder)
    end = start
    for number in range(1, config.rounds + 1):
        folder = learned(run, config, number, folder)
        end = measured(run, config, number, folder)
    finish(run, config, folder, start, end)


def staged(run: RunDir, config: Config, name: str, place: int, model: Path, **how: Any) -> Stage:
    """A stage of this run that starts from this model; there are three a round, and a measurement before the first."""
    return Stage(run, name, place=place, of=1 + 3 * config.rounds, inputs={"model": model}, **how)


# A round --------------------------------------------------------------------------------------------------------------------


def learned(run: RunDir, config: Config, number: int, model: Path) -> Path:
    """The folder of the model that has learned its best answers in this round."""
    answering = staged(run, config, f"round-{number}-answers", 3 * number - 1, model)
    rows = drawn(answering, config, "train", config.answers, None)
    kept = best(rows, config)
    told = told_of(rows, kept, config)
    run.metrics(number, **told)
    means = f"their mean reward {told['reward_kept']:.3f}, of all {told['reward_drawn']:.3f}"
    run.message(f"round {number}: {len(kept)} of {len(rows)} answers kept; {means}")
    learning = staged(run, config, f"round-{number}-learning", 3 * number, model, prefix=f"round_{number}_")
    if not learning.out.exists():
        learn(learning, config, kept)
        processes.barrier()
    shutil.rmtree(learning.path / CHECKPOINTS, ignore_errors=True)
    return learning.out


def drawn(
    stage: Stage, config: Config, split: Literal["train", "validation"], each: int, limit: int | None
) -> list[tuple[Given, float]]:
    """Answers to a split's prompts with what they earn, kept in the stage's folder; says how many could not be scored."""
    if not stage.out.exists():
        how = sample.Config(
            per_prompt=each,
            split=split,
            limit=limit,
            temperature=config.temperature,
            max_new_tokens=config.max_new_tokens,
            batch_size=max(each, config.generation_batch),
        )
        sample.main(stage, how)
        processes.barrier()
    prompts = {row["prompt_id"]: row for row in frozen.read_prompts(stage.required("prompts"), split)}
    with open(stage.out / "samples.jsonl", encoding="utf-8") as file:
        answers = [given(json.loads(line), prompts) for line in file]
    metadata = {prompt_id: row.get("metadata") or {} for prompt_id, row in prompts.items()}
    earned = once(stage, "rewards", lambda: paying.paid(stage, config.rewards, metadata, answers))
    if unread := earned.count(None):
        stage.message(f"{unread} answers left out, which are longer than the reward model reads")
    return [(one, reward) for one, reward in zip(answers, earned, strict=True) if reward is not None]


def given(line: dict[str, Any], prompts: dict[int, dict[str, Any]]) -> Given:
    """A line of samples.jsonl with its prompt."""
    prompt = prompts[line["prompt_id"]]
    ended = line["sampling"]["finish"] == "stop"
    return Given(line["prompt_id"], prompt["messages"], prompt["tools"], line["messages"], ended=ended)


def best(rows: list[tuple[Given, float]], config: Config) -> list[tuple[Given, float]]:
    """The best whole answers of each prompt, none twice; of equals the first drawn. ValueError where none is good enough."""
    of_prompt: dict[int, dict[str, tuple[Given, float]]] = defaultdict(dict)
    for one, reward in rows:
        if one.ended and (config.least is None or reward >= config.least):
            of_prompt[one.prompt_id].setdefault(paying.spoken(one.answer), (one, reward))
    kept = [
        row for found in of_prompt.values() for row in sorted(found.values(), key=lambda row: row[1], reverse=True)[: config.keep]
    ]
    if not kept:
        raise ValueError("no answer is good enough to learn: none ended within max_new_tokens and earned `least`")
    return kept


def told_of(rows: list[tuple[Given, float]], kept: list[tuple[Given, float]], config: Config) -> dict[str, float]:
    """Figures of a round's answers. `kl_bound`, where each prompt's best is learned whatever it earns."""
    from training import awr_math

    bound = {"kl_bound": awr_math.kl_of_best(config.answers)} if config.keep == 1 and config.least is None else {}
    return {
        "reward_drawn": sum(reward for _, reward in rows) / len(rows),
        "reward_kept": sum(reward for _, reward in kept) / len(kept),
        "kept_share": len(kept) / len(rows),
        "prompts_kept": len({one.prompt_id for one, _ in kept}) / len({one.prompt_id for one, _ in rows}),
        **bound,
    }


def learn(stage: Stage, config: Config, kept: list[tuple[Given, float]]) -> None:
    """Fine-tunes the stage's model on the kept answers into its `out/`."""
    from training import hf, logged

    tokenizer, model, longest = pairs.prepared(stage, config)
    rows = [logged.Logged(one.prompt_id, logged.encode(tokenizer, one), reward) for one, reward in kept]
    fitting = [row for row in rows if len(row.answer.ids) <= longest]
    if len(fitting) < len(rows):
        stage.message(f"{len(rows) - len(fitting)} kept answers left out, longer than {longest} tokens")
    trainer = hf.Durable(
        stage,
        config,
        model=model,
        tokenizer=tokenizer,
        rows=fitting,
        collate=lambda rows: logged.batched(rows, tokenizer.pad_token_id),
        measure=lambda _trainer: {},
        loss=logged.loss,
        weigh=logged.token_count,
    )
    trainer.fit()
    pairs.save(stage, trainer, model, "best_of_n", train_answers=len(fitting))


# The gain -------------------------------------------------------------------------------------------------------------------


def measured(run: RunDir, config: Config, number: int, model: Path) -> dict[str, float]:
    """Mean reward of one answer to each held-out prompt after so many rounds, and its KL from the model as it came in."""
    if not config.held_out or next(frozen.read_prompts(run.required("prompts"), "validation"), None) is None:
        return {}
    stage = staged(run, config, f"round-{number}-held-out", 3 * number + 1, model)
    rows = drawn(stage, config, "validation", 1, config.held_out)
    start = run.required("model")
    figures = {
        "valid_reward": sum(reward for _, reward in rows) / len(rows),
        "valid_ended": sum(one.ended for one, _ in rows) / len(rows),
        "valid_kl": once(stage, "kl", lambda: kl(model, start, [one for one, _ in rows], config.batch_size)) if number else 0.0,
    }
    run.metrics(number, **figures)
    return figures


def kl(model: Path, start: Path, rows: list[Given], size: int) -> float:
    """Mean of log π − log π_start over answers drawn from π, in nats an answer."""
    import torch
    from transformers import AutoModelForCausalLM

    from training import logged

    tokenizer = text.load_tokenizer(start)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    models = [AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).to(device).eval() for folder in (model, start)]
    answers = [logged.encode(tokenizer, one) for one in rows if one.ended]
    total = 0.0
    with torch.no_grad():
        for at in range(0, len(answers), size):
            batch = {name: part.to(device) for name, part in pairs.batched(answers[at : at + size], tokenizer.pad_token_id).items()}
            now, before = (pairs.logprobs(network, batch) for network in models)
            total += float((now - before).sum())
    return total / max(1, len(answers))


def finish(run: RunDir, config: Config, folder: Path, start: dict[str, float], end: dict[str, float]) -> None:
    """The model of the last round as the run's, with the reward before and after; the rounds' own copies go."""
    from transformers import AutoModelForCausalLM

    figures: dict[str, Any] = {name.removeprefix("valid_"): value for name, value in end.items() if name != "valid_reward"}
    if end:
        figures |= {"reward_start": start["valid_reward"], "reward_end": end["valid_reward"]}
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder, dtype="float32"), text.load_tokenizer(folder)
    weights.save(run, model, tokenizer, role="causal-lm", recipe="best_of_n", step=config.rounds, figures=figures)
    processes.barrier()
    if rank() == 0:
        for stage in run.path.glob("round-*-learning"):
            shutil.rmtree(stage)
