"""Django's `makemessages`, which also finds what recipes and preflight say: they import no Django, so they mark nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.core.management.commands import makemessages

from annotation.parts import names, part
from training import schema
from training.forms import sentence_of
from training.preflight.words import WORDS

FOUND = Path("recipe_words.py")  # written for xgettext to read, and removed


class Command(makemessages.Command):
    """`manage.py makemessages -l es`, run where `manage.py` is."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        # A catalogue without line numbers changes only when words do.
        parser.set_defaults(no_location=True, no_obsolete=True, ignore_patterns=[".venv", "var", "build", "tests"])

    def handle(self, *args: Any, **options: Any) -> None:
        lines = [f"gettext_noop({json.dumps(words, ensure_ascii=False)})\n" for words in [*recipe_words(), *preflight_words()]]
        FOUND.write_text("".join(lines), encoding="utf-8")
        try:
            super().handle(*args, **options)
        finally:
            FOUND.unlink()


def recipe_words() -> Iterator[str]:
    """What pages show of each recipe: title, first sentence, what its inputs and settings mean and their units."""
    for recipe in [part("RECIPES", name) for name in names("RECIPES")]:
        yield from (recipe.TITLE, sentence_of(recipe))
        yield from (wanted.help for wanted in recipe.INPUTS)
        for option in schema.options(recipe.Config):
            yield option.help
            if option.unit:
                yield option.unit


def preflight_words() -> Iterator[str]:
    """What findings mean."""
    for words in WORDS.values():
        yield from (words.what, words.why, words.todo)
