"""What is wrong with the plan: learning rate, steps, passes, saves, disk."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator

from training import processes
from training.preflight import memory
from training.preflight.look import Finding, Look
from training.schedule import Schedule

HIGH_RATE = 0.01
LONG_WARMUP = 0.5
FEW_STEPS, MANY_PASSES = 10, 10
MANY_STEPS = 200  # a run of fewer may well be done again
KEPT = 4  # checkpoints on disk at the worst moment: two kept, one staged, and the model itself


def rates(look: Look) -> Iterator[Finding]:
    """A peak that learns something and breaks nothing."""
    rate = getattr(look.config, "learning_rate", None)
    if rate == 0:
        yield Finding("zero_rate")
    elif rate is not None and rate > HIGH_RATE:
        yield Finding("high_rate", figures={"rate": rate})


def units(look: Look) -> int:
    """How many items an epoch has: rows, of `reward` tasks, of a corpus blocks."""
    rows = look.learned
    if rows and rows[0].kind == "document":
        return math.ceil((sum(row.length for row in rows) + sum(look.unseen)) / look.config.block_size)
    return len({row.source["task_id"] for row in rows}) if rows and rows[0].kind == "ranking" else len(rows)


def steps(look: Look) -> Iterator[Finding]:
    """How many steps the run would take, and how often it would see each row."""
    config, count = look.config, units(look)
    if not count or not hasattr(config, "steps"):
        return
    length, a_step = config.steps(count, processes.count()), config.batch_size * config.accumulation * processes.count()
    asked = look.learned[0].kind == "prompt"  # answered anew at each pass, and by groups: rows a step are answers
    passes = length * a_step / count
    look.figures |= {"steps": length, "rows_a_step": a_step, "rates": curve(look, length)}
    if config.warmup >= LONG_WARMUP:
        yield Finding("long_warmup", figures={"share": 100 * config.warmup, "steps": length})
    if length < FEW_STEPS:
        yield Finding("few_steps", figures={"steps": length})
    if a_step > count and not asked:
        yield Finding("step_over_rows", figures={"step": a_step, "of": count})
    if passes > MANY_PASSES and not asked and a_step <= count:
        yield Finding("many_passes", figures={"passes": passes})
    if config.save_every > length >= MANY_STEPS:
        yield Finding("rare_saves", figures={"every": config.save_every, "steps": length})


def curve(look: Look, length: int) -> list[tuple[int, float]]:
    """The learning rate at a hundred steps or fewer, from the schedule that the trainer will use."""
    import torch
    from transformers import get_scheduler

    config = look.config
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=config.learning_rate)
    name = config.schedule if config.schedule != "constant" else "constant_with_warmup"
    schedule = get_scheduler(name, optimizer, math.ceil(config.warmup * length), length)
    places = sorted({round(place * length / 100) for place in range(101)})
    return [(place, config.learning_rate * schedule.lr_lambdas[0](place)) for place in places]


def disk(look: Look) -> Iterator[Finding]:
    """Room for the checkpoints that are on disk at the worst moment."""
    if look.recipe.OUTCOME != "checkpoint" or not isinstance(look.config, Schedule):
        return
    total, trained = memory.parameters(look)
    need = KEPT * 4 * total + (KEPT - 1) * 8 * trained
    free = shutil.disk_usage(look.run.path).free
    look.figures |= {"disk_need": need, "disk_free": free}
    if need > free:
        yield Finding("disk", figures={"need": need / 1e9, "free": free / 1e9})


CHECKS = (rates, steps, disk)
