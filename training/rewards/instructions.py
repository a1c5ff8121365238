"""Share of a prompt's instructions that its answer follows, each checked by a rule (IFEval; Zhou et al. 2023).

`metadata["instruction_id_list"]` names the instructions and `metadata["kwargs"]` holds the arguments of each, as in IFEval's own
file. The rules are those of the paper's code in its strict form, with these differences: keywords are text, not patterns; sentences
are parted by a rule instead of a trained model; languages are told by py3langid. Answers in Spanish are checked by the same rules,
which know its quotes, its posdata (P.D.) and its fixed answers. An empty answer follows nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from training.rewards.instruction_checks import CHECKS

if TYPE_CHECKING:
    from training.rewards import Answer

TITLE = "Instructions followed"


def check(metadata: dict[str, Any]) -> None:
    """ValueError where instructions are missing, unknown or lack an argument."""
    named, kwargs = metadata.get("instruction_id_list"), metadata.get("kwargs")
    if not isinstance(named, list) or not named:
        raise ValueError("metadata.instruction_id_list must name at least one instruction")
    if not isinstance(kwargs, list) or len(kwargs) != len(named) or not all(isinstance(one, dict) for one in kwargs):
        raise ValueError("metadata.kwargs must be a list with the arguments of each instruction: one object for each")
    for name, given in zip(named, kwargs, strict=True):
        if name not in CHECKS:
            raise ValueError(f"no instruction {name!r}; there are: {', '.join(CHECKS)}")
        try:
            CHECKS[name]("A first try.", **arguments(given))
        except (TypeError, ValueError, AttributeError, KeyError) as error:
            raise ValueError(f"instruction {name} with {arguments(given)}: {error}") from None


def reward(answer: Answer) -> float:
    """Share of the instructions that hold."""
    named, kwargs = answer.metadata["instruction_id_list"], answer.metadata["kwargs"]
    return sum(follows(answer.text, name, given) for name, given in zip(named, kwargs, strict=True)) / len(named)


def follows(text: str, name: str, given: dict[str, Any]) -> bool:
    """Whether a text follows one instruction."""
    return bool(text.strip()) and bool(CHECKS[name](text, **arguments(given)))


def arguments(given: dict[str, Any]) -> dict[str, Any]:
    """Arguments without the empty ones: some copies of IFEval spell every argument of every instruction, most of them null."""
    return {name: value for name, value in given.items() if value is not None}
