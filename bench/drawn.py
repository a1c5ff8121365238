"""A chart of the site as a picture that stands alone: its stylesheet goes with it, and follows the reader's light or dark."""

from __future__ import annotations

import re

from bench.servers import ROOT


def alone(chart: str) -> str:
    """The SVG of `training/charts.py` with the colours of `crisol.css` and its own looks of `run.css` inside."""
    tokens = (ROOT / "static" / "crisol.css").read_text(encoding="utf-8")
    tokens = tokens[tokens.index(":root") : tokens.index("*, *::before")]
    looks = "\n".join(re.findall(r"^\.chart[ -].*$", (ROOT / "static" / "run.css").read_text(encoding="utf-8"), re.M))
    return chart.replace("<title>", f"<style>{tokens}{looks}</style><title>", 1) + "\n"
