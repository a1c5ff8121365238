"""Guards of PPO: each stops a run for its own reason, names the last good checkpoint, and says which knob to turn."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from training import schema
from training.ppo_guards import FINITE, GUARDS, WINDOW, Tripped, Watch, limits
from training.recipes.ppo import Config

GOOD = {"kl": 3.0, "entropy": 1.0, "length": 100.0, "eos_rate": 0.8, "clip_fraction": 0.1, "reward": 0.5}
BAD = {  # a figure beyond the limit of each guard's default, and what its message says
    "kl_cap": (
        {"kl": 50.1},
        "guard kl_cap: KL is 50.1 nats an answer, above 50; last good checkpoint: step-20. To go on: raise kl_coef",
    ),
    "entropy_floor": ({"entropy": 0.009}, "guard entropy_floor: entropy is 0.009 nats a token, below 0.01: "),
    "length_drift": (
        {"length": 19.9},
        "guard length_drift: answers have 19.9 tokens, more than 5 times off the 100.0 of the start; ",
    ),
    "eos_floor": ({"eos_rate": 0.19}, "guard eos_floor: 19% of the answers end by themselves, 80% did at the start; "),
    "clip_ceiling": ({"clip_fraction": 0.51}, "guard clip_ceiling: 51% of the tokens are clipped, above 50%: "),
}
EACH = pytest.mark.parametrize("name", GUARDS)


@pytest.fixture
def watch() -> Watch:
    """The guards as they are by default, after a first good rollout."""
    made = Watch(limits(Config()))
    made.see(GOOD, "none")
    return made


def see(watch: Watch, times: int, **figures: float) -> str:
    """What stops the run while it sees the same figures so many times; empty where nothing does."""
    for _ in range(times):
        try:
            watch.see({**GOOD, **figures}, "step-20")
        except Tripped as tripped:
            return str(tripped)
    return ""


def test_good_figures_stop_nothing(watch: Watch):
    assert see(watch, 50) == ""


@EACH
def test_each_guard_stops_the_run_with_its_own_reason_and_knob(name: str, watch: Watch):
    figures, told = BAD[name]
    said = see(watch, 10, **figures)
    assert said.startswith(told)
    assert "; last good checkpoint: step-20. To go on: " in said
    knobs = [field.name for field in fields(Config)]
    assert any(knob in said.partition("To go on: ")[2] for knob in knobs)


@EACH
def test_a_guard_that_is_turned_off_stops_nothing(name: str):
    off = Watch(limits(Config(**{name: None})))
    off.see(GOOD, "none")
    assert see(off, 10, **BAD[name][0]) == ""


@EACH
def test_every_guard_is_an_option_that_can_be_empty(name: str):
    assert getattr(schema.parse(Config, {name: ""}), name) is None
    assert getattr(schema.parse(Config, {}), name) is not None


def test_a_figure_at_its_limit_stops_nothing(watch: Watch):
    assert see(watch, 10, kl=50.0, entropy=0.01, length=20.0, eos_rate=0.2, clip_fraction=0.5) == ""


def test_answers_that_grow_stop_the_run_as_those_that_shrink(watch: Watch):
    assert see(watch, 10, length=501.0).startswith("guard length_drift: answers have 501.0 tokens")


def test_one_odd_rollout_stops_nothing_but_the_kl_counts_at_once(watch: Watch):
    for _ in range(WINDOW):
        assert see(watch, 1, eos_rate=0.0, length=15.0) == ""
        assert see(watch, WINDOW - 1) == ""
    assert see(watch, 1, kl=51.0).startswith("guard kl_cap")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_figure_that_is_not_finite_stops_the_run_and_no_option_turns_that_off(value: float):
    with pytest.raises(Tripped) as tripped:
        Watch(limits(Config(**dict.fromkeys(GUARDS)))).see({**GOOD, "reward": value}, "step-4")
    assert tripped.value.guard == FINITE
    assert str(tripped.value).startswith(f"guard finite: reward is {value}; last good checkpoint: step-4. Lower learning_rate")


def test_what_the_guards_have_seen_outlives_a_restart(watch: Watch):
    figures: dict[str, Any] = BAD["eos_floor"][0]
    assert see(watch, WINDOW - 1, **figures) == ""
    again = Watch(watch.limits)
    again.restore(watch.state())
    assert see(again, 1, **figures) == see(watch, 1, **figures) != ""
