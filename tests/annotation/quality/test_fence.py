"""The measures are mathematics: they can be used, and tested, without a web framework."""

from __future__ import annotations

import pytest

from tests.test_fences import loaded

MEASURES = ["agreement", "bias", "davidson_luce", "dawid_skene", "disputes", "gold", "orderings", "preferences", "ranking"]


@pytest.mark.parametrize("measure", MEASURES)
def test_a_measure_loads_neither_django_nor_scipy(measure):
    assert loaded(f"import annotation.quality.{measure}", ("django", "scipy", "pandas", "torch")) == []
