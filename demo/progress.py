"""One bar for the whole river: each stage has a weight (about its seconds), and moves the bar as its own work goes on."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from tqdm import tqdm

Report = Callable[[float], None]


class Progress:
    """A bar from 0 to `total` seconds' worth of stages; finished stages stay above it, one line each, with their time."""

    def __init__(self, total: float):
        shown = "{percentage:3.0f}% |{bar:30}| {elapsed} · {desc}"
        self.bar = tqdm(total=round(total), bar_format=shown, dynamic_ncols=True, mininterval=0.5)
        self.done = 0.0

    @contextlib.contextmanager
    def stage(self, title: str, weight: float) -> Iterator[Report]:
        """Names the stage on the bar and yields a function that takes the share of it that is done, 0 to 1."""
        began = time.monotonic()
        self.bar.set_description_str(title)

        def report(share: float) -> None:
            self.bar.update(round(self.done + weight * min(max(share, 0.0), 1.0)) - self.bar.n)

        yield report
        report(1)
        self.done += weight
        self.bar.write(f"  ✓ {title} ({time.monotonic() - began:.0f} s)")

    def close(self) -> None:
        self.bar.close()
