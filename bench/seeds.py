"""What some seeds say together: a mean with its 95 % interval, by Student's t."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of the mean; of a single value, everything."""
    from scipy.stats import t

    if len(values) < 2:
        return -math.inf, math.inf
    mean, half = statistics.fmean(values), t.ppf(0.975, len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    return float(mean - half), float(mean + half)
