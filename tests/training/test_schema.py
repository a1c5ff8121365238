"""A Config draws the form and refuses what it does not know, naming the field and what to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pytest

from training.schema import ConfigError, as_dict, options, parse


@dataclass
class Config:
    steps: int = field(default=10, metadata={"help": "Updates.", "unit": "steps", "min": 1, "max": 10**18})
    learning_rate: float = field(default=3e-6, metadata={"help": "Of Adam.", "min": 0})
    schedule: Literal["linear", "cosine"] = field(default="linear", metadata={"help": "Of the rate."})
    packing: bool = field(default=True, metadata={"help": "Rows share a window.", "advanced": True})
    limit: int | None = field(default=None, metadata={"help": "At most so many rows."})
    note: str = field(default="", metadata={"help": "For people."})

    def check(self) -> dict[str, str]:
        return {"limit": "must not be above steps"} if self.limit and self.limit > self.steps else {}


def errors(**given: object) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        parse(Config, given)
    return caught.value.errors


def test_fields_are_described_in_their_order():
    described = {option.name: option for option in options(Config)}
    assert list(described) == ["steps", "learning_rate", "schedule", "packing", "limit", "note"]
    assert (described["steps"].type, described["steps"].unit, described["steps"].min) == (int, "steps", 1)
    assert described["schedule"].choices == ("linear", "cosine")
    assert (described["limit"].type, described["limit"].optional, described["packing"].advanced) == (int, True, True)


def test_words_of_a_form_or_a_command_line_are_read_as_the_fields_type():
    made = parse(Config, {"steps": "12", "learning_rate": "1e-5", "packing": "off", "limit": "", "note": "7"})
    assert made == Config(steps=12, learning_rate=1e-5, packing=False, limit=None, note="7")
    assert parse(Config, as_dict(made)) == made


def test_a_large_whole_number_keeps_its_digits():
    assert parse(Config, {"steps": 10**17 + 1}).steps == parse(Config, {"steps": str(10**17 + 1)}).steps == 10**17 + 1
    assert parse(Config, {"steps": "1e3"}).steps == 1000


def test_an_unknown_field_is_refused_with_the_nearest_known_one():
    assert errors(lerning_rate=1) == {"lerning_rate": "no such option; did you mean 'learning_rate'?"}
    assert errors(zzz=1)["zzz"].startswith("no such option; there are: steps, learning_rate")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("steps", 0, "must be at least 1"),
        ("steps", 10**18 + 1, "must be at most 1e+18"),
        ("steps", 1.5, "must be a whole number"),
        ("steps", "ten", "must be a number"),
        ("steps", True, "must be a number"),
        ("steps", None, "a value is needed"),
        ("steps", [1], "must be a number"),
        ("learning_rate", float("nan"), "must be a finite number"),
        ("learning_rate", "inf", "must be a finite number"),
        ("learning_rate", -1, "must be at least 0"),
        ("schedule", "step", "must be one of linear, cosine"),
        ("packing", "perhaps", "must be true or false"),
        ("limit", 11, "must not be above steps"),
    ],
)
def test_a_bad_value_is_named_with_what_to_do(name, value, sentence):
    assert errors(**{name: value}) == {name: sentence}


def test_all_that_is_wrong_is_said_at_once():
    assert set(errors(steps=0, schedule="step", foo=1)) == {"steps", "schedule", "foo"}
