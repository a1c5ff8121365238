"""Rows as a recipe reads them, each shown to whoever looks on before the long ones are left out. No Django, no torch.

Training and preflight (`training/preflight/`) read through the same functions: what preflight sees is what training would learn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from annotation import frozen
from training.rundir import RunDir

Row = dict[str, Any]
Made = TypeVar("Made")
Items = Callable[[Row], Iterable[tuple[Row, Made]]]


class Onlooker:
    """Sees each row that a recipe reads. This one looks away, as in training, where a row that cannot be read ends the run."""

    def saw(self, source: Row, row: Row, made: Any) -> None:
        """`source`: the judgement, prompt or document; `row`: what was made of it; `made`: its tokens, as the recipe has them."""

    def stumbled(self, source: Row, error: Exception) -> None:
        """A row could not be read."""
        raise ValueError(f"{named(source)}: {error}") from error


NOBODY = Onlooker()


def named(source: Row) -> str:
    """What a person looks a row up by."""
    return next((f"{word} {source[f'{word}_id']}" for word in ("judgement", "prompt") if f"{word}_id" in source), "a row")


def each(run: RunDir, split: str, items: Items[Made], onlooker: Onlooker = NOBODY) -> Iterator[tuple[Row, Made]]:
    """What `items` makes of each judgement of a split of the input `dataset`: a format's row, and that row as tokens.

    Raises ValueError with the judgement's number where one cannot be read, unless the onlooker lets it pass.
    """
    return _shown(frozen.read_rows(run.required("dataset"), split), items, onlooker)


def each_prompt(run: RunDir, split: str | None, items: Items[Made], onlooker: Onlooker = NOBODY) -> Iterator[tuple[Row, Made]]:
    """The same of each prompt of the input `prompts`; of all splits if none is named."""
    return _shown(frozen.read_prompts(run.required("prompts"), split), items, onlooker)


def _shown(sources: Iterable[Row], items: Items[Made], onlooker: Onlooker) -> Iterator[tuple[Row, Made]]:
    for source in sources:
        try:
            made = list(items(source))
        except Exception as error:  # a template may raise anything
            onlooker.stumbled(source, error)
            continue
        for row, tokens in made:
            onlooker.saw(source, row, tokens)
            yield row, tokens
