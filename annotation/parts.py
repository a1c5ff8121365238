"""How a part named in `config/settings.py` is found: one dict of dotted paths for each shelf, imported when first asked for."""

from functools import cache
from importlib import import_module
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string


@cache
def part(shelf: str, name: str) -> Any:
    """The module or object that `settings.<shelf>[name]` names. KeyError names what exists when `name` does not."""
    paths: dict[str, str] = getattr(settings, shelf)
    if name not in paths:
        raise KeyError(f"no {name!r} in {shelf}; there are: {', '.join(sorted(paths))}")
    try:
        return import_module(paths[name])
    except ModuleNotFoundError as error:
        if error.name != paths[name]:
            raise
        return import_string(paths[name])


def names(shelf: str) -> list[str]:
    """The names on a shelf, in the order in which the settings list them."""
    return list(getattr(settings, shelf))
