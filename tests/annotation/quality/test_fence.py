"""The measures are mathematics: they can be used, and tested, without a web framework."""

from __future__ import annotations

from tests.test_fences import loaders

MEASURES = ["agreement", "bias", "davidson_luce", "dawid_skene", "disputes", "gold", "orderings", "preferences", "ranking"]


def test_a_measure_loads_neither_django_nor_scipy():
    assert (
        loaders([f"annotation.quality.{measure}" for measure in MEASURES], "django", "scipy", "pandas", "torch", warm="numpy") == []
    )
