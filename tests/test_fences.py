"""The fences of the house: the web loads no torch, recipes load no Django, and the river runs one way."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("torch", "transformers", "trl", "peft", "accelerate", "deepspeed", "datasets", "evaluate", "ray")


def said(program: str) -> list[str]:
    """The lines that a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def loaders(modules: Iterable[str], *names: str, warm: str = "sys") -> list[str]:
    """Which module loads which of `names`. Each is imported alone, in a fork of one fresh interpreter that holds `warm`."""
    return said(f"""
import importlib, os, sys, {warm}
for module in {list(modules)!r}:
    if not (child := os.fork()):
        try:
            importlib.import_module(module)
            found = [name for name in {names!r} if name in sys.modules]
        except BaseException as error:
            found = [repr(error)]
        for name in found:
            print(module, name, flush=True)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        print(module, "died", flush=True)
""")


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
import sys
print(*[name for name in %r if name in sys.modules])
"""
    assert said(walk % (HEAVY,)) == [""]


def test_a_recipe_and_a_format_load_no_django():
    assert loaders(sorted({*settings.RECIPES.values(), *settings.FORMATS.values()}), "django", warm="numpy") == []


SHARED = ["training.train", "training.audit", "training.rundir", "training.schema", "training.text", "training.engines.shim"]


def test_what_trainers_share_loads_neither_django_nor_torch():
    assert loaders(SHARED, "django", *HEAVY) == []


def test_what_a_module_loads_is_named_and_so_is_one_that_cannot_be_imported():
    assert loaders(["training.rundir", "training.nothing"], "json", "torch") == [
        "training.rundir json",
        """training.nothing ModuleNotFoundError("No module named 'training.nothing'")""",
    ]


@pytest.mark.heavy
def test_a_metric_loads_no_django():
    assert loaders(sorted(settings.METRICS.values()), "django", warm="torch, transformers, evaluate") == []


def test_no_source_file_is_named_utils():
    assert [str(path) for path in ROOT.rglob("*.py") if path.stem in {"utils", "helpers"} and ".venv" not in path.parts] == []
