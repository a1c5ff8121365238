"""The human check of a run that climbs a score: at chosen distances from its reference, people compare the two, blind.

A score stands in for people, and a policy pushed far enough pleases the score alone: it goes on rising while what people want
has stopped (Gao et al. 2023, "Scaling laws for reward model overoptimization"). Distance is d = √KL, KL in nats an answer.
This file is what recipes call, without Django; `evals/audits.py` turns what it logs into blind tasks. A recipe has `GOLD` in its
INPUTS, and

    audit_at: str = audit.at_field()                                # in its Config, whose `check` adds audit.errors(self)
    audit_prompts: int = audit.prompts_field()

    looks = audit.Audit(run, config, held_out)                      # in `main`, once: the prompts that training never sees
    if looks.due(kl) is not None:                                   # every update, with the mean KL of its rollout
        looks.log(step, kl, rows)

`rows` holds one answer of the policy and a fresh one of the reference to each of `looks.prompts`, sampled as the rollouts are, with
other random numbers for either (the same would pair like answers with like, and ties would hide the difference):

    {"prompt_id": int, "policy": messages, "reference": messages, "score_policy": float, "score_reference": float}

where messages are the answer alone and a score is the one that training climbs (of a reward model: normalised, not clipped);
where the run was given GOLD, also "gold_policy" and "gold_reference": what that model says, normalised by its own scale, None of an
answer that it cannot read. Ask
between rollout and learning, so that the policy is the one whose KL was measured, and draw with the random numbers set aside
(`torch.random.fork_rng`): a resumed run logs no distance twice, and would else leave the path of one that never stopped.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import field
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, Generic, Protocol, TypeVar

from training.rundir import EVENTS, RunDir, fsync_folder, plain, rank, write_whole
from training.schema import Input

KIND, FOLDER = "audit", "audit"
MEASURES = ("score", "gold")  # in a row each is `…_policy` and `…_reference`
MOST_DISTANCES = 12
GOLD = Input("gold", "checkpoint", "A second reward model that training never climbs; the audit asks it, too.", False, "reward")

Prompt = TypeVar("Prompt")
Row = dict[str, Any]


class Audited(Protocol):
    """What a Config has that asks for audits."""

    audit_at: str
    audit_prompts: int


def at_field() -> Any:
    """The option that says where raters are asked."""
    words = "Distances √KL, as in “1 2 4”, at which raters compare policy and reference, blind. Empty: nobody is asked."
    return field(default="", metadata={"help": words, "unit": "√nats"})


def prompts_field() -> Any:
    """The option that says how much raters are asked."""
    words = "Held-out prompts of each such comparison: tasks for the project's raters, as many at every distance."
    return field(default=20, metadata={"help": words, "unit": "prompts", "min": 1, "max": 1000})


def distances(text: str) -> tuple[float, ...]:
    """`"1 2 4"` as numbers, in order. ValueError says what is wrong with it."""
    try:
        found = sorted({float(word) for word in text.replace(",", " ").split()})
    except ValueError:
        raise ValueError(f"must be numbers separated by spaces, such as “1 2 4”, not {text!r}") from None
    if not all(math.isfinite(one) and one > 0 for one in found):
        raise ValueError("each distance must be greater than 0")
    if len(found) > MOST_DISTANCES:
        raise ValueError(f"at most {MOST_DISTANCES} distances: each asks people for work")
    return tuple(found)


def errors(config: Audited) -> dict[str, str]:
    """What is wrong with a config's audits, by field."""
    try:
        distances(config.audit_at)
    except ValueError as error:
        return {"audit_at": str(error)}
    return {}


class Audit(Generic[Prompt]):
    """The audits of one run. Every rank may hold one and gets the same answers; rank 0 writes.

    What was logged is read from the run's own events, so a resumed run knows it: each distance is logged once in all attempts.
    """

    def __init__(self, run: RunDir, config: Audited, prompts: Sequence[Prompt]):
        self.run = run
        self.distances = distances(config.audit_at)
        count = min(config.audit_prompts, len(prompts))
        self.prompts = random.Random(f"{run.seed}/audit").sample(list(prompts), count)
        self._reached = max((line["distance"] for line in logged(run.path)), default=0.0)
        if self.distances and not prompts:
            run.message("No audit: this run has no held-out prompts to ask people about.")

    def due(self, kl: float) -> float | None:
        """The chosen distance that this mean KL (nats an answer) has reached, None while the next is ahead.

        Distances that were passed together are one audit, at the farthest of them.
        """
        here = math.sqrt(kl) if 0 < kl < math.inf and self.prompts else 0.0
        return max((one for one in self.distances if self._reached < one <= here), default=None)

    def log(self, step: int, kl: float, rows: Sequence[Row]) -> None:
        """Writes the audit that is due: its rows to a file, whole, then the event that names it. ValueError names a wrong row."""
        distance = self.due(kl)
        if distance is None:
            raise ValueError(f"no audit is due at a KL of {kl:g} nats: ask `due` first")
        figures = compared(rows)
        self._reached = distance
        if rank() != 0:
            return
        path = self.run.path / FOLDER / f"step-{step}.jsonl"
        path.parent.mkdir(exist_ok=True)
        fsync_folder(self.run.path)
        write_whole(path, "".join(json.dumps(plain(row), ensure_ascii=False) + "\n" for row in rows))
        name = path.relative_to(self.run.path).as_posix()
        self.run.event(KIND, step=step, distance=distance, kl=kl, file=name, rows=len(rows), figures=figures)


def logged(folder: Path) -> Iterator[Row]:
    """The audits that a run's events tell of, of every attempt."""
    try:
        with open(folder / EVENTS, encoding="utf-8", errors="replace") as file:
            for line in file:
                if f'"kind": "{KIND}"' in line and (event := _event(line)):
                    yield event
    except FileNotFoundError:
        return


def _event(line: str) -> Row | None:
    """The line if it is an audit's; a torn one is none."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if event.get("kind") == KIND and isinstance(event.get("distance"), float) else None


def compared(rows: Sequence[Row]) -> dict[str, float]:
    """What each measure gives the policy over the reference, on average over the prompts, and the standard error of that mean.

    {"score", "score_error", "gold", "gold_error"}: gold over the rows that have it, errors where there are two. ValueError names
    a row without its score.
    """
    if not rows:
        raise ValueError("an audit needs rows: one a prompt")
    gains = {measure: [gain for row in rows if (gain := _gain(row, measure)) is not None] for measure in MEASURES}
    figures: dict[str, float] = {}
    for measure, found in gains.items():
        if found:
            figures[measure] = fmean(found)
        if len(found) > 1:
            figures[f"{measure}_error"] = stdev(found) / math.sqrt(len(found))
    return figures


def _gain(row: Row, measure: str) -> float | None:
    """Policy minus reference; None where the gold model has nothing to say, which must not end a run."""
    policy, reference = (row.get(f"{measure}_{side}") for side in ("policy", "reference"))
    if policy is not None and reference is not None and math.isfinite(policy - reference):
        return float(policy - reference)
    if measure == "gold":
        return None
    raise ValueError(
        f"audit, prompt {row.get('prompt_id')}: score_policy and score_reference must be numbers, not {policy}, {reference}"
    )
