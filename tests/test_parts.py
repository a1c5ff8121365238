"""Every part named in the settings imports, explains itself, and is found in the docs."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

from annotation.parts import names, part
from training import schema

ROOT = Path(__file__).resolve().parent.parent
SHELVES = ("KINDS", "IMPORTS", "FORMATS", "RECIPES", "ENGINES")
PARTS = [(shelf, name) for shelf in SHELVES for name in getattr(settings, shelf)]
DOCS = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md")))


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
    assert schema.parse(recipe.Config, {}) or schema.options(recipe.Config)[0].default is not None


@pytest.mark.parametrize("name", names("RECIPES"))
def test_a_recipe_shows_the_command_that_runs_it(name):
    assert f"manage.py train {name}" in part("RECIPES", name).__doc__


@pytest.mark.heavy
@pytest.mark.parametrize("name", names("METRICS"))
def test_a_metric_imports_and_says_what_it_is(name):
    assert (part("METRICS", name).__doc__ or "").strip()


def test_an_unknown_part_is_refused_with_the_names_that_exist():
    with pytest.raises(KeyError, match="rank"):
        part("KINDS", "rnak")
