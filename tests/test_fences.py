"""The fences of the house: the web loads no torch, recipes load no Django, and the river runs one way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("torch", "transformers", "trl", "peft", "accelerate", "deepspeed", "datasets", "evaluate", "ray")


def loaded(code: str, names: tuple[str, ...]) -> list[str]:
    """Which of `names` a fresh interpreter holds after running `code`."""
    probe = f"{code}\nimport sys\nprint(*[name for name in {names!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_web_process_loads_no_torch():
    walk = """
import os; os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
from config.wsgi import application
from django.conf import settings
from django.urls import get_resolver
from django.contrib import admin
admin.autodiscover()
get_resolver().url_patterns
from annotation.parts import part
for shelf in ("KINDS", "IMPORTS", "FORMATS", "RECIPES", "OUTCOMES", "LISTENERS", "ENGINES"):
    for name in getattr(settings, shelf):
        part(shelf, name)
"""
    assert loaded(walk, HEAVY) == []


@pytest.mark.parametrize("module", sorted({*settings.RECIPES.values(), *settings.FORMATS.values()}))
def test_a_recipe_and_a_format_load_no_django(module):
    assert loaded(f"import {module}", ("django",)) == []


SHARED = ["training.train", "training.audit", "training.rundir", "training.schema", "training.text", "training.engines.shim"]


@pytest.mark.parametrize("module", SHARED)
def test_what_trainers_share_loads_neither_django_nor_torch(module):
    assert loaded(f"import {module}", ("django", *HEAVY)) == []


@pytest.mark.heavy
@pytest.mark.parametrize("module", sorted(settings.METRICS.values()))
def test_a_metric_loads_no_django(module):
    assert loaded(f"import {module}", ("django",)) == []


def test_no_source_file_is_named_utils():
    assert [str(path) for path in ROOT.rglob("*.py") if path.stem in {"utils", "helpers"} and ".venv" not in path.parts] == []
