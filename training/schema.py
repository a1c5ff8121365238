"""What a recipe tells the world about itself: its `Config` (a dataclass) and its inputs. No Django, no torch.

`Config` alone draws the form, the REST schema, the command line and the docs. Each field carries
`metadata={"help": …, "unit": …, "min": …, "max": …, "advanced": bool}`; its type is int, float, bool, str, `Literal[…]` or one of
these `| None`.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import types
import typing
from dataclasses import dataclass
from typing import Any, Literal

InputKind = Literal["checkpoint", "snapshot", "corpus"]
TRUE, FALSE = {"true", "1", "yes", "on"}, {"false", "0", "no", "off"}


@dataclass(frozen=True)
class Input:
    """Something on disk that a run starts from. In `run.json` it is the path of a folder (corpus: of a text file)."""

    name: str
    kind: InputKind
    help: str
    required: bool = True
    role: str = ""  # of a checkpoint: "causal-lm", "reward" or "tokenizer"; empty: any
    apart: bool = False  # only compared with: nothing of it goes into what the run makes


@dataclass(frozen=True)
class Option:
    """One field of a recipe's Config, described."""

    name: str
    type: type
    default: Any
    help: str
    unit: str = ""
    choices: tuple[str, ...] = ()
    optional: bool = False
    min: float | None = None
    max: float | None = None
    advanced: bool = False


class ConfigError(ValueError):
    """What is wrong with a config: `errors` maps a field's name to a sentence that says what to do."""

    def __init__(self, errors: dict[str, str]):
        self.errors = errors
        super().__init__("; ".join(f"{name}: {message}" for name, message in errors.items()))


def options(config: type) -> list[Option]:
    """The fields of a Config, described in their order."""
    hints = typing.get_type_hints(config)
    return [_option(field, hints[field.name]) for field in dataclasses.fields(config)]


def _option(field: dataclasses.Field[Any], hint: Any) -> Option:
    optional = typing.get_origin(hint) in (typing.Union, types.UnionType)
    if optional:
        hint = next(arm for arm in typing.get_args(hint) if arm is not type(None))
    choices = typing.get_args(hint) if typing.get_origin(hint) is Literal else ()
    meta = field.metadata
    return Option(
        name=field.name,
        type=str if choices else hint,
        default=field.default,
        help=meta["help"],
        unit=meta.get("unit", ""),
        choices=choices,
        optional=optional,
        min=meta.get("min"),
        max=meta.get("max"),
        advanced=meta.get("advanced", False),
    )


def parse(config: type, given: dict[str, Any]) -> Any:
    """The Config that `given` describes (strings are read as the field's type). Raises ConfigError naming every bad field."""
    known = {option.name: option for option in options(config)}
    errors = {name: _unknown(name, known) for name in given if name not in known}
    values: dict[str, Any] = {}
    for name, option in known.items():
        if name not in given:
            continue
        try:
            values[name] = _value(option, given[name])
        except ValueError as error:
            errors[name] = str(error)
    if errors:
        raise ConfigError(errors)
    made = config(**values)
    if (check := getattr(made, "check", None)) and (errors := check()):
        raise ConfigError(errors)
    return made


def _unknown(name: str, known: dict[str, Option]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"no such option; did you mean {near[0]!r}?" if near else f"no such option; there are: {', '.join(known)}"


def _value(option: Option, given: Any) -> Any:
    if given is None or (option.optional and given == ""):
        if option.optional:
            return None
        raise ValueError("a value is needed")
    value = _typed(option, given)
    if option.choices and value not in option.choices:
        raise ValueError(f"must be one of {', '.join(option.choices)}")
    if option.min is not None and value < option.min:
        raise ValueError(f"must be at least {option.min:g}")
    if option.max is not None and value > option.max:
        raise ValueError(f"must be at most {option.max:g}")
    return value


def _typed(option: Option, given: Any) -> Any:
    if option.type is bool:
        word = str(given).lower()
        if word not in TRUE | FALSE:
            raise ValueError("must be true or false")
        return word in TRUE
    if option.type is str:
        return str(given)
    if isinstance(given, bool):
        raise ValueError("must be a number")
    try:
        number = float(given)
    except (TypeError, ValueError):
        raise ValueError("must be a number") from None
    if not math.isfinite(number):
        raise ValueError("must be a finite number")
    if option.type is int and number != int(number):
        raise ValueError("must be a whole number")
    # A large whole number must not lose digits on its way through a float.
    return int(str(given)) if option.type is int and str(given).lstrip("-").isdigit() else option.type(number)


def as_dict(config: Any) -> dict[str, Any]:
    """The config as `run.json` holds it."""
    return dataclasses.asdict(config)
