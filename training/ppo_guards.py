"""Guards of PPO: figures that tell that a policy has left what people asked for, and which knob to turn.

A guard that trips stops the run: its state is `stopped`, its reason begins with the guard's name, and the last checkpoint of a
policy that no guard objected to is kept and named. The KL is looked at by itself; the others as a mean over the last WINDOW
rollouts, because one rollout of few answers says little of length or ends. Each is a field of the Config and off where that is
None; a figure that is not finite stops the run always.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from training.rundir import Stopped

WINDOW = 4
FINITE = "finite"


class Tripped(Stopped):
    """A guard has stopped the run; `guard` is its name."""

    def __init__(self, guard: str, why: str):
        self.guard = guard
        super().__init__(f"guard {guard}: {why}")


@dataclass(frozen=True)
class Guard:
    """One figure with its limit, a field of the Config.

    broken(value, limit, start): whether the value is beyond the limit; `start` is the figure of the first rollout.
    said: what is told, with {value}, {limit} and {start}; turn: what to do.
    """

    when: str
    figure: str
    broken: Callable[[float, float, float], bool]
    said: str
    turn: str
    window: int = WINDOW


GUARDS = {
    "kl_cap": Guard(
        "the mean KL of an answer is higher",
        "kl",
        lambda value, limit, start: value > limit,
        "KL is {value:.1f} nats an answer, above {limit:g}",
        "raise kl_coef, lower learning_rate, or set kl_target",
        window=1,
    ),
    "entropy_floor": Guard(
        "the mean entropy of a token is lower",
        "entropy",
        lambda value, limit, start: value < limit,
        "entropy is {value:.3g} nats a token, below {limit:g}: the policy says one thing only",
        "raise kl_coef or lower learning_rate",
    ),
    "length_drift": Guard(
        "answers are so many times longer or shorter than at the start",
        "length",
        lambda value, limit, start: not start / limit <= value <= start * limit,
        "answers have {value:.1f} tokens, more than {limit:g} times off the {start:.1f} of the start",
        "pay for length, as in rewards=model:1 length:0.5, or raise kl_coef",
    ),
    "eos_floor": Guard(
        "the share of answers that end falls below this part of the start's",
        "eos_rate",
        lambda value, limit, start: value < limit * start,
        "{value:.0%} of the answers end by themselves, {start:.0%} did at the start",
        "lower no_end, which is paid for a cut answer, or raise max_new_tokens",
    ),
    "clip_ceiling": Guard(
        "more than this share of the tokens is clipped",
        "clip_fraction",
        lambda value, limit, start: value > limit,
        "{value:.0%} of the tokens are clipped, above {limit:.0%}: steps are too large to learn from",
        "lower learning_rate, or take fewer epochs",
    ),
}


@dataclass
class Watch:
    """The guards of one run, with what they have seen; `state` is part of a checkpoint.

    limits: each guard's limit by name, None where it is off.
    """

    limits: Mapping[str, float | None]
    start: dict[str, float] = field(default_factory=dict)
    recent: dict[str, list[float]] = field(default_factory=dict)

    def see(self, figures: Mapping[str, float], good: str) -> None:
        """Raises Tripped where these figures of one rollout break a guard. `good`: the checkpoint to name."""
        where = f"last good checkpoint: {good}"
        for name, value in figures.items():
            if not math.isfinite(value):
                raise Tripped(FINITE, f"{name} is {value}; {where}. Lower learning_rate; if it is a reward, look at its checkpoint")
        for name, limit in self.limits.items():
            guard = GUARDS[name]
            if limit is None or guard.figure not in figures:
                continue
            start = self.start.setdefault(guard.figure, figures[guard.figure])
            seen = [*self.recent.get(guard.figure, []), figures[guard.figure]][-guard.window :]
            self.recent[guard.figure] = seen
            value = fmean(seen)
            if len(seen) == guard.window and guard.broken(value, limit, start):
                raise Tripped(name, f"{guard.said.format(value=value, limit=limit, start=start)}; {where}. To go on: {guard.turn}")

    def state(self) -> dict[str, Any]:
        """What a resumed run must know."""
        return {"start": self.start, "recent": self.recent}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes up the state of a checkpoint."""
        self.start, self.recent = state["start"], state["recent"]


def limits(config: Any) -> dict[str, float | None]:
    """The limits that a Config gives."""
    return {name: getattr(config, name) for name in GUARDS}


def option(name: str, default: float, unit: str = "", least: float = 0.0, most: float | None = None) -> Any:
    """The Config's field of a guard."""
    help = f"Guard: the run stops when {GUARDS[name].when}; empty turns it off."
    return field(default=default, metadata={"help": help, "unit": unit, "min": least, "max": most, "advanced": name != "kl_cap"})
