"""A checkpoint answers the prompts of a snapshot; its answers become Samples that people can rank.

    python manage.py train sample --project P --input model=NAME --input prompts=SNAPSHOT --set per_prompt=4 --set temperature=0.8

Prompts of like length are answered together, padded on the left, with the key-value cache. Every batch has its own seed, so the
answers depend on the seed and the config alone: a stopped or killed run goes on with the next batch and ends with the same file.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from training import processes, snapshot_rows, text, weights
from training.rundir import RunDir, Stopped, append_line, rank, staged
from training.schema import Input
from training.snapshot_rows import NOBODY, Onlooker

TITLE = "Sampling"
INPUTS = (
    Input("model", "checkpoint", "The model that answers.", role="causal-lm"),
    Input("prompts", "snapshot", "The snapshot whose prompts are answered."),
)
OUTCOME = "samples"
SHOWN = 3


@dataclass
class Config:
    per_prompt: int = field(default=4, metadata={"help": "Answers to each prompt.", "unit": "answers", "min": 1, "max": 64})
    split: Literal["all", "train", "validation", "test"] = field(default="all", metadata={"help": "Prompts of one split only."})
    limit: int | None = field(default=None, metadata={"help": "Only the first so many prompts.", "unit": "prompts", "min": 1})
    temperature: float = field(
        default=1.0,
        metadata={"help": "Below 1 the likely becomes likelier; 0 takes the likeliest token always.", "min": 0.0, "max": 5.0},
    )
    top_p: float = field(
        default=1.0,
        metadata={
            "help": "Only the likeliest tokens that together reach this probability (Holtzman et al. 2020).",
            "min": 0.01,
            "max": 1.0,
        },
    )
    max_new_tokens: int = field(default=256, metadata={"help": "Longer answers are cut.", "unit": "tokens", "min": 1})
    batch_size: int = field(
        default=32, metadata={"help": "Answers generated at once; another size gives other answers.", "unit": "answers", "min": 1}
    )

    def check(self) -> dict[str, str]:
        """One likeliest answer is all there is at temperature 0."""
        if self.temperature == 0 and self.per_prompt > 1:
            return {"per_prompt": "must be 1 at temperature 0, where every answer would be the same"}
        return {}


@dataclass(frozen=True)
class Asked:
    """A prompt as tokens."""

    prompt_id: int
    ids: list[int]


def main(run: RunDir, config: Config) -> None:
    """Prompts, batches, answers; each batch is on disk before the next begins."""
    processes.join(run)
    folder = run.required("model")
    tokenizer = text.load_tokenizer(folder)
    model = weights.for_generation(folder)
    batches = batched(read(run, config, tokenizer, weights.longest(model, 10**9)), max(1, config.batch_size // config.per_prompt))
    done = answered(run)
    for number, batch in enumerate(batches):
        if number % processes.count() != rank() or number in done:
            continue
        if run.stop_requested:
            break
        samples = answer(model, tokenizer, batch, config, seed=run.seed * 1_000_003 + number)
        append_line(parts(run), json.dumps({"batch": number, "samples": samples}, ensure_ascii=False), sync=True)
        run.progress(min(number + processes.count(), len(batches)), len(batches), "batches")
        if number == 0:
            run.event("samples", samples=samples[:SHOWN])
    processes.barrier()
    if (kept := len(answered(run))) < len(batches):
        raise Stopped(f"stopped after {kept} of {len(batches)} batches; their answers are kept")
    if rank() == 0:
        finish(run)


def read(run: RunDir, config: Config, tokenizer: Any, longest: int) -> list[Asked]:
    """The prompts wanted, as tokens; says how many fill the model's context and leave no room for an answer."""
    split = None if config.split == "all" else config.split
    asked = list(islice(prompts(run, tokenizer, split), config.limit))
    fitting = [prompt for prompt in asked if len(prompt.ids) < longest]
    if not fitting:
        raise ValueError(f"none of {len(asked)} prompts (split {config.split}) can be answered in {longest} tokens")
    left_out = len(asked) - len(fitting)
    run.message(f"{len(fitting)} prompts" + (f"; {left_out} left out: they fill all {longest} tokens" if left_out else ""))
    return fitting


def prompts(run: RunDir, tokenizer: Any, split: str | None, onlooker: Onlooker = NOBODY) -> Iterator[Asked]:
    """The prompts of a split as tokens; of all splits if none is named."""

    def items(row: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Asked]]:
        yield row, Asked(row["prompt_id"], text.encode_prompt(tokenizer, row["messages"], row["tools"]))

    return (asked for _row, asked in snapshot_rows.each_prompt(run, split, items, onlooker))


def show(run: RunDir, config: Config, tokenizer: Any, split: str, onlooker: Onlooker) -> None:
    """Shows every prompt of a split that will be answered."""
    if config.split in (split, "all"):
        for _ in prompts(run, tokenizer, split, onlooker):
            pass


def batched(prompts: list[Asked], size: int) -> list[list[Asked]]:
    """Prompts of like length together, so that little is padding."""
    ordered = sorted(prompts, key=lambda prompt: (len(prompt.ids), prompt.prompt_id))
    return [ordered[at : at + size] for at in range(0, len(ordered), size)]


def answer(model: Any, tokenizer: Any, batch: list[Asked], config: Config, seed: int) -> list[dict[str, Any]]:
    """The answers to a batch, `per_prompt` for each, as lines of samples.jsonl."""
    import torch

    torch.manual_seed(seed)
    ids, mask = text.pad_batch([prompt.ids for prompt in batch], tokenizer.pad_token_id, side="left")
    room = min(config.max_new_tokens, weights.longest(model, 10**9) - ids.shape[1])
    with torch.no_grad():
        made = model.generate(
            input_ids=ids.to(model.device),
            attention_mask=mask.to(model.device),
            generation_config=how(tokenizer, config, room),
        )
    answers = made[:, ids.shape[1] :].tolist()
    return [
        line(tokenizer, prompt.prompt_id, index, answers[place * config.per_prompt + index], config, seed)
        for place, prompt in enumerate(batch)
        for index in range(config.per_prompt)
    ]


def how(tokenizer: Any, config: Config, room: int) -> Any:
    """transformers' settings; all of them, because a model's folder may carry others."""
    from transformers import GenerationConfig

    warm = {"do_sample": True, "temperature": config.temperature, "top_p": config.top_p, "top_k": 0}
    return GenerationConfig(
        **(warm if config.temperature > 0 else {"do_sample": False}),
        num_return_sequences=config.per_prompt,
        max_new_tokens=room,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=tokenizer.bos_token_id,
    )


def line(tokenizer: Any, prompt_id: int, index: int, ids: list[int], config: Config, seed: int) -> dict[str, Any]:
    """One answer as a line of samples.jsonl."""
    sampling = {"temperature": config.temperature, "top_p": config.top_p, "max_new_tokens": config.max_new_tokens, "seed": seed}
    finish = "stop" if tokenizer.eos_token_id in ids else "length"
    content = text.decode_answer(tokenizer, ids)
    return {
        "prompt_id": prompt_id,
        "index": index,
        "messages": [{"role": "assistant", "content": content}],
        "sampling": sampling | {"finish": finish},
    }


# On disk --------------------------------------------------------------------------------------------------------------------


def parts(run: RunDir) -> Path:
    """This process' finished batches, a line each."""
    return run.path / f"answers-{rank()}.jsonl"


def finished(run: RunDir) -> Iterator[dict[str, Any]]:
    """The batches that any process has finished. A line that a kill cut short is no batch."""
    for path in sorted(run.path.glob("answers-*.jsonl")):
        with open(path, encoding="utf-8", errors="replace") as file:
            for text_line in file:
                with contextlib.suppress(ValueError):
                    yield json.loads(text_line)


def answered(run: RunDir) -> set[int]:
    """Numbers of the batches that need not be done again."""
    return {batch["batch"] for batch in finished(run)}


def finish(run: RunDir) -> None:
    """All answers in one file, in order of prompt and index."""
    samples = sorted((sample for batch in finished(run) for sample in batch["samples"]), key=lambda s: (s["prompt_id"], s["index"]))
    with staged(run.out) as out, open(out / "samples.jsonl", "w", encoding="utf-8") as file:
        file.writelines(json.dumps(sample, ensure_ascii=False) + "\n" for sample in samples)
