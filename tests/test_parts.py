"""Every part named in the settings imports, explains itself, and is found in the docs."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import load_command_class

from annotation.parts import names, part
from training import schema

ROOT = Path(__file__).resolve().parent.parent
SHELVES = ("KINDS", "POLICIES", "IMPORTS", "FORMATS", "RECIPES", "ENGINES")
PARTS = [(shelf, name) for shelf in SHELVES for name in getattr(settings, shelf)]
DOCS = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").rglob("*.md")))


@pytest.mark.parametrize(("shelf", "name"), PARTS)
def test_a_part_says_what_it_is(shelf, name):
    assert (part(shelf, name).__doc__ or "").strip()


@pytest.mark.parametrize(("shelf", "name"), [*PARTS, *(("METRICS", name) for name in settings.METRICS)])
def test_a_part_is_named_in_the_docs(shelf, name):
    assert f"`{name}`" in DOCS


@pytest.mark.parametrize("name", names("RECIPES"))
def test_a_recipe_describes_its_form(name):
    recipe = part("RECIPES", name)
    assert recipe.TITLE
    assert recipe.OUTCOME in settings.OUTCOMES
    assert all(option.help.strip() for option in schema.options(recipe.Config))


def refused(config: type) -> set[str]:
    """The options of a recipe that its defaults leave wrong."""
    try:
        schema.parse(config, {})
    except schema.ConfigError as error:
        return set(error.errors)
    return set()


@pytest.mark.parametrize("name", names("RECIPES"))
def test_a_recipe_needs_no_option_but_those_that_it_leaves_blank(name):
    config = part("RECIPES", name).Config
    assert refused(config) <= {option.name for option in schema.options(config) if option.default == ""}


@pytest.mark.parametrize("name", names("RECIPES"))
def test_the_command_that_a_recipe_shows_runs_it(name):
    recipe = part("RECIPES", name)
    shown = next(line.split() for line in recipe.__doc__.splitlines() if f"manage.py train {name}" in line)
    assert shown[:3] == ["python", "manage.py", "train"]
    given = load_command_class("training", "train").create_parser("manage.py", "train").parse_args(shown[3:])
    assert {one.name for one in recipe.INPUTS if one.required} <= dict(given.input).keys() <= {one.name for one in recipe.INPUTS}
    assert schema.parse(recipe.Config, dict(given.set))


@pytest.mark.heavy
@pytest.mark.parametrize("name", names("METRICS"))
def test_a_metric_imports_and_says_what_it_is(name):
    assert (part("METRICS", name).__doc__ or "").strip()


def test_an_unknown_part_is_refused_with_the_names_that_exist():
    with pytest.raises(KeyError, match="rank"):
        part("KINDS", "rnak")
