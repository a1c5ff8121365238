"""Simulated people at the desk: they claim seats and submit through the same door as everybody, a thread each."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from demo import raters, world
from demo.client import Client


@dataclass(frozen=True)
class Person:
    """One simulated rater with a token to call with."""

    rater: raters.Rater
    client: Client


def work(people: list[Person], project: int, *, on_judgement: Callable[[], None]) -> list[dict[str, Any]]:
    """Everybody judges until nothing is left for them; returns the receipts of the acknowledged judgements."""

    def sit(person: Person) -> list[dict[str, Any]]:
        receipts = []
        while receipt := judge_one(person, project):
            receipts.append(receipt)
            on_judgement()
        return receipts

    with ThreadPoolExecutor(len(people)) as pool:
        return [receipt for receipts in pool.map(sit, people) for receipt in receipts]


def judge_one(person: Person, project: int) -> dict[str, Any] | None:
    """One seat claimed and filled: the receipt, or None when nothing is left for this person."""
    seat = person.client.put(f"projects/{project}/seats/", {})
    if seat is None:
        return None
    rng = random.Random(f"{person.rater.name}/{seat['seat']}")
    return person.client.put(
        f"seats/{seat['seat']}/judgement/",
        {"answer": answer(person, seat, rng), "key": seat["key"], "seconds": round(rng.uniform(8, 60), 1)},
    )


def answer(person: Person, seat: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """What this person answers, in the shape of the seat's kind."""
    question = seat["messages"][-1]["content"]
    if seat["kind"] == "write":
        return {"text": world.write(question, rng, person.rater.skill)}
    texts = {shown["sample_id"]: shown["messages"][-1]["content"] for shown in seat["answers"]}
    judge = raters.compare if seat["kind"] == "compare" else raters.rank
    return judge(question, texts, rng, person.rater.noise)
