"""What `bench/desk.py` measures, once a database is there: statements, latency, throughput, the cost of a past; then the count."""

from __future__ import annotations

import argparse
import asyncio
import statistics
from collections.abc import Sequence
from typing import Any

import psutil
from django.contrib.auth.models import User
from django.db.models import Count
from tqdm import tqdm

from annotation.models import Judgement, Project
from bench import bulk, counted
from bench.databases import database_process
from bench.desk_load import Work, closed_loop, open_loop, start
from bench.rater import Rater, signed_in
from bench.servers import cpu_seconds, gunicorn

COUNTED, WARM, ROUNDS = 20, 5, 5


class Meter:
    """CPU seconds of web and database for as long as a block lasts."""

    def __init__(self, web: psutil.Process):
        self.processes = (web, database_process())

    def __enter__(self) -> Meter:
        self._began = self._now()
        return self

    def __exit__(self, *_error: object) -> None:
        self.web, self.database = (now - then for now, then in zip(self._now(), self._began, strict=True))

    def _now(self) -> list[float]:
        return [cpu_seconds(process) if process else 0.0 for process in self.processes]

    def per(self, judgements: int) -> dict[str, float]:
        """CPU-milliseconds per judgement, together and apart; SQLite works inside the web processes."""
        web, database = (1000 * seconds / max(1, judgements) for seconds in (self.web, self.database))
        return {
            "cpu_ms_per_judgement": round(web + database, 2),
            "web_cpu_ms": round(web, 2),
            "database_cpu_ms": round(database, 2),
        }


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Every figure of the last line."""
    tqdm.write(f"{args.tasks} tasks of {args.answers} answers, {args.overlap} seats each …")
    project = bulk.a_project("Desk", tasks=args.tasks, answers=args.answers, overlap=args.overlap)
    users = bulk.raters(project, args.raters)
    with asyncio.Runner() as runner:
        figures = statements(runner, project, htmx=not args.plain)
        figures |= work(runner, project, users, args)
        if args.pasts:
            figures["cpu_ms_by_past"] = {
                "overlap 1": by_past(runner, args, overlap=1),
                "overlap 2, alone at the front": by_past(runner, args, overlap=2),
            }
    return figures


def statements(runner: asyncio.Runner, project: Project, *, htmx: bool) -> dict[str, Any]:
    """SQL statements and transactions of one submit and the next question, by one rater, on a server that counts them."""
    user = bulk.raters(project, 1)
    with gunicorn("bench.counted") as (port, _web):
        rater = signed_in(user[0], project, port, htmx=htmx)
        asked = runner.run(_counted(rater))
    return {
        "sql_per_judgement": statistics.median(sql for sql, _transactions in asked),
        "sql_worst": max(sql for sql, _transactions in asked),
        "transactions_per_judgement": statistics.median(transactions for _sql, transactions in asked),
    }


async def _counted(rater: Rater) -> list[tuple[int, int]]:
    await rater.start()
    told = []
    for _number in range(COUNTED):
        await rater.judge()
        told.append(
            tuple(sum(int(reply.header(name)) for reply in rater.replies) for name in (counted.STATEMENTS, counted.TRANSACTIONS))
        )
    return told


def work(runner: asyncio.Runner, project: Project, users: Sequence[User], args: argparse.Namespace) -> dict[str, Any]:
    """The open loop, then the closed one; then what is in the database against what the raters were told."""
    with gunicorn() as (port, web):
        raters = [signed_in(user, project, port, htmx=not args.plain) for user in users]
        runner.run(start(raters))
        runner.run(closed_loop(raters, most=1))
        tqdm.write(f"{args.rate:g} judgements a second for {args.seconds:g} s …")
        with Meter(web) as meter:
            steady = runner.run(open_loop(raters, args.seconds, args.rate))
        tqdm.write(f"as many as there can be for {args.seconds:g} s …")
        with Meter(web) as flat_out:
            most = runner.run(closed_loop(raters, seconds=args.seconds))
    return {
        **meter.per(steady.judgements),
        "judgements_per_s": round(most.judgements / most.seconds, 1),
        "cpu_ms_at_most": flat_out.per(most.judgements)["cpu_ms_per_judgement"],
        "rate": args.rate,
        "next_p95_ms": steady.p95_ms(steady.next),
        "submit_p95_ms": steady.p95_ms(steady.submit),
        **count(project, raters, [steady, most]),
    }


def count(project: Project, raters: Sequence[Rater], works: Sequence[Work]) -> dict[str, Any]:
    """Tasks judged more often than wanted; judgements that a rater was told were saved and that are not there."""
    made = Judgement.objects.filter(task__prompt__project=project, supersedes=None)
    acknowledged = [key for rater in raters for key in rater.acknowledged]
    there = set(made.values_list("key", flat=True))
    over = made.values("task").annotate(made=Count("pk")).filter(made__gt=project.overlap)
    troubles = [trouble for work in works for trouble in work.troubles]
    for trouble in troubles[:5]:
        tqdm.write(trouble)
    return {
        "acknowledged": len(acknowledged),
        "over_overlap": over.count(),
        "lost": sum(key not in there for key in acknowledged),
        "troubles": len(troubles),
    }


def by_past(runner: asyncio.Runner, args: argparse.Namespace, *, overlap: int) -> dict[str, float]:
    """CPU-milliseconds per judgement of one rater alone, by how many they have judged before; the median of some rounds.

    With overlap 2 every task of the past has a free seat, at the front of all free seats, that this rater must not be given.
    """
    ready = []
    for past in tqdm(args.pasts, desc=f"pasts, overlap {overlap}"):
        project = bulk.a_project(
            f"Past {past}/{overlap}", tasks=past + WARM + ROUNDS * args.each + 1, answers=args.answers, overlap=overlap
        )
        [user] = bulk.raters(project, 1)
        if past:
            bulk.judged(project, user, past)
        ready.append((past, user, project))
    costs: dict[str, list[float]] = {str(past): [] for past in args.pasts}
    with gunicorn() as (port, web):
        raters = {past: signed_in(user, project, port) for past, user, project in ready}
        runner.run(start(list(raters.values())))
        runner.run(closed_loop(list(raters.values()), most=WARM))
        for _round in range(ROUNDS):  # in turn, so that whatever else the machine does falls on all alike
            for past, rater in raters.items():
                with Meter(web) as meter:
                    done = runner.run(closed_loop([rater], most=args.each))
                costs[str(past)].append(meter.per(done.judgements)["cpu_ms_per_judgement"])
    return {past: round(statistics.median(rounds), 2) for past, rounds in costs.items()}
