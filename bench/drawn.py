"""A chart of the site as a picture that stands alone: its stylesheet goes with it, and follows the reader's light or dark."""

from __future__ import annotations

import re
import textwrap

from bench.servers import ROOT

LETTERS, LINE = 46, 20  # of a line of the title, and the pixels that it is high
OWN = ".chart { background: var(--bg); } .chart .chart-title { font-size: 14px; font-weight: 600; }"


def alone(chart: str) -> str:
    """The SVG of `training/charts.py` under its title, with the colours of `crisol.css` and its own looks of `run.css` inside."""
    tokens = (ROOT / "static" / "crisol.css").read_text(encoding="utf-8")
    tokens = tokens[tokens.index(":root") : tokens.index("*, *::before")]
    looks = "\n".join(re.findall(r"^\.chart[ -].*$", (ROOT / "static" / "run.css").read_text(encoding="utf-8"), re.M))
    return titled(chart).replace("<title>", f"<style>{tokens}{looks}\n{OWN}</style><title>", 1) + "\n"


def titled(chart: str) -> str:
    """The chart with its title written above it."""
    [title] = re.findall(r"<title>(.*?)</title><desc>", chart)
    lines = textwrap.wrap(title, LETTERS)
    high = LINE * (len(lines) + 1)
    drawn = "".join(f'<text class="chart-title" x="12" y="{LINE * (at + 1) - high}">{line}</text>' for at, line in enumerate(lines))
    chart = re.sub(r'viewBox="0 0 (\d+) (\d+)"', lambda box: f'viewBox="0 {-high} {box[1]} {int(box[2]) + high}"', chart, count=1)
    return chart.removesuffix("</svg>") + drawn + "</svg>"
