"""Raters at work, on a clock of their own (open loop) or as fast as the server lets them (closed loop)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter

from bench.rater import Rater, Trouble


@dataclass
class Work:
    """What came of it: seconds until each judgement was acknowledged, and until the next question was there."""

    seconds: float = 0.0
    submit: list[float] = field(default_factory=list)
    next: list[float] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    @property
    def judgements(self) -> int:
        return len(self.submit)

    def p95_ms(self, latencies: list[float]) -> float:
        """In milliseconds; 0 when there is none."""
        ordered = sorted(latencies)
        return round(ordered[int(len(ordered) * 0.95)] * 1000, 1) if ordered else 0.0


async def start(raters: Sequence[Rater], at_once: int = 8) -> None:
    """Everybody opens their first question; not on the clock."""
    gate = asyncio.Semaphore(at_once)

    async def one(rater: Rater) -> None:
        async with gate:
            await rater.start()

    await asyncio.gather(*map(one, raters))


async def open_loop(raters: Sequence[Rater], seconds: float, rate: float) -> Work:
    """Judgements fall due at random (Poisson) moments, `rate` a second, whether or not the server keeps up.

    Latency counts from the moment at which a judgement was due: a server that stalls is charged for all that wait behind it.
    """
    work, idle, draws = Work(), asyncio.Queue[Rater](), random.Random(0)
    for rater in raters:
        idle.put_nowait(rater)

    async def one(due: float) -> None:
        rater = await idle.get()
        waited = perf_counter() - due
        if await _judge(rater, work, waited):
            idle.put_nowait(rater)

    began = due = perf_counter()
    async with asyncio.TaskGroup() as group:
        while (due := due + draws.expovariate(rate)) < began + seconds:
            await asyncio.sleep(max(0.0, due - perf_counter()))
            group.create_task(one(due))
    work.seconds = perf_counter() - began
    return work


async def closed_loop(raters: Sequence[Rater], *, seconds: float = float("inf"), most: int | None = None) -> Work:
    """Everybody sends at once what they are asked, until the time is over or each has judged `most`."""
    work, began = Work(), perf_counter()

    async def one(rater: Rater) -> None:
        done = 0
        while perf_counter() - began < seconds and done != most and await _judge(rater, work):
            done += 1

    await asyncio.gather(*map(one, raters))
    work.seconds = perf_counter() - began
    return work


async def _judge(rater: Rater, work: Work, waited: float = 0.0) -> bool:
    """One judgement; whether the rater can go on."""
    try:
        saved, shown = await rater.judge()
    except (Trouble, OSError, asyncio.IncompleteReadError) as trouble:
        work.troubles.append(f"{type(trouble).__name__}: {trouble}")
        return False
    work.submit.append(waited + saved)
    work.next.append(waited + shown)
    return rater.asked
