"""Real data that stands beside a checkout and not in it: tests that need it are skipped without."""

from __future__ import annotations

from pathlib import Path

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
