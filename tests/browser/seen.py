"""Windows in which pages are looked at, and what the last judgement says, by the letters that the rater saw."""

from __future__ import annotations

from collections import defaultdict
from string import ascii_uppercase

from annotation.models import Judgement

PHONE = {"width": 390, "height": 844, "has_touch": True, "is_mobile": True}
# Where axe looks: wide and narrow, light and dark.
LOOKS = [
    {"width": 1440, "color_scheme": "light"},
    {"width": 1440, "color_scheme": "dark"},
    {**PHONE, "color_scheme": "light"},
    {**PHONE, "color_scheme": "dark"},
]
LONG = """A **long** answer with code, a table and a formula: $O(n \\log n)$.

```python
def settle(frontier: list[tuple[float, str]], distance: dict[str, float]) -> None: ...  # wider than any column of a phone
```

| Variant | Time | When to use it |
|---|---|---|
| Heap | $O((V+E)\\log V)$ | nearly always, and this cell is wide |

> طويل
"""


def grades(aspect: str = "overall") -> dict[str, float]:
    """Letter → value in the newest judgement."""
    return by_aspect()[aspect]


def by_aspect() -> dict[str, dict[str, float]]:
    """Aspect → letter → value in the newest judgement."""
    judgement = Judgement.objects.latest("pk")
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for grade in judgement.grades.order_by("sample_id"):
        found[grade.aspect][ascii_uppercase[judgement.order.index(grade.sample_id)]] = grade.value
    return dict(found)
