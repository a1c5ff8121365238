"""What charts are drawn with: axes, grids, legends and the SVG around them. Texts are escaped, looks are classes of `run.css`."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

Point = tuple[float, float]

WIDTH, HEIGHT = 420, 236
LEFT, RIGHT, BOTTOM = 48, 12, 36
LEGEND_TOP, LEGEND_LINE = 14, 18
COLOURS = 6
LETTER = 6.6  # mean width of a letter at the chart's 12 px, to lay legends out without a browser


@dataclass(frozen=True)
class Axis:
    """Maps values to pixels: `low..high` onto `start..end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, count: int) -> list[float]:
        """Round values within the axis, about `count` of them."""
        step = _round_step((self.high - self.low) / count)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]


def tick_text(value: float) -> str:
    """A number as people read it on an axis: 1500000 → 1.5M, 0.00002 → 2e-05."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if letter == 'k' else size):.4g}{letter}"
    return f"{value:.4g}" if abs(value) > 1e-12 else "0"


def _round_step(step: float) -> float:
    """1, 2 or 5 times a power of ten, near `step`."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * nice for nice in (1, 2, 5, 10) if power * nice >= step * 0.7)


def span(values: Iterable[float]) -> tuple[float, float]:
    """Lowest and highest, kept apart so that one value, or equal ones, still make an axis."""
    found = list(values)
    low, high = min(found), max(found)
    room = abs(low) * 0.1 or 0.5
    return (low, high) if high - low > abs(high) * 1e-9 else (low - room, high + room)


def padded(values: Iterable[float]) -> tuple[float, float]:
    low, high = span(values)
    room = (high - low) * 0.06
    # A quantity that is never negative keeps zero as its floor.
    return (max(0.0, low - room) if low >= 0 else low - room), high + room


def px(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


def svg(title: str, description: str, height: float, body: SafeString) -> SafeString:
    return format_html(
        '<svg class="chart" role="img" viewBox="0 0 {} {}" xmlns="http://www.w3.org/2000/svg"><title>{}</title><desc>{}</desc>{}</svg>',
        WIDTH, height, title, description, body,
    )  # fmt: skip


def empty(title: str) -> SafeString:
    text = format_html('<text class="chart-note" x="{}" y="44" text-anchor="middle">{}</text>', WIDTH // 2, _("No numbers yet"))
    return svg(title, _("No numbers yet"), 80, text)


def horizontal_grid(y: Axis, label: str, top: float) -> SafeString:
    lines = format_html_join(
        "",
        '<line class="chart-grid" x1="{}" x2="{}" y1="{}" y2="{}"/>'
        '<text class="chart-tick" x="{}" y="{}" text-anchor="end">{}</text>',
        ((LEFT, WIDTH - RIGHT, px(y(tick)), px(y(tick)), LEFT - 6, px(y(tick) + 4), tick_text(tick)) for tick in y.ticks(5)),
    )
    unit = format_html('<text class="chart-label" x="4" y="{}">{}</text>', px(top - 8), label) if label else ""
    return format_html("{}{}", lines, unit)


def bottom_axis(x: Axis, label: str, *, whole: bool, height: float = HEIGHT) -> SafeString:
    """The x axis; `whole` leaves out ticks between whole numbers, since steps are counted."""
    ticks = [tick for tick in x.ticks(6) if not whole or tick == round(tick)]
    marks = format_html_join(
        "",
        '<text class="chart-tick" x="{}" y="{}" text-anchor="{}">{}</text>',
        ((px(x(tick)), height - BOTTOM + 17, _anchor(x, tick), tick_text(tick)) for tick in ticks),
    )
    name = format_html('<text class="chart-label" x="{}" y="{}" text-anchor="end">{}</text>', WIDTH - RIGHT, height - 4, label)
    line = format_html(
        '<line class="chart-axis" x1="{}" x2="{}" y1="{}" y2="{}"/>', px(x.start), px(x.end), height - BOTTOM, height - BOTTOM
    )
    return format_html("{}{}{}", line, marks, name if label else "")


def _anchor(x: Axis, tick: float) -> str:
    """The outermost numbers stay inside the picture."""
    if x.end - x(tick) < 12:
        return "end"
    return "start" if x(tick) - x.start < 8 and x.start < LEFT else "middle"


def colour(number: int) -> str:
    return f"s{number % COLOURS + 1}" + (" chart-again" if number >= COLOURS else "")


def legend(entries: list[tuple[str, str]]) -> tuple[SafeString, float]:
    """Names with their last values, wrapped over lines; and where the drawing may begin below them."""
    left, line, marks = 0.0, 0, []
    for number, (name, value) in enumerate(entries):
        short = name if len(name) <= 32 else f"{name[:31]}…"
        width = 22 + (len(short) + len(value) + 1) * LETTER + 14
        if left and left + width > WIDTH:
            left, line = 0.0, line + 1
        y = LEGEND_TOP + line * LEGEND_LINE
        marks.append((colour(number), px(left + 2), px(left + 16), y - 4, px(left + 22), y, short, value))
        left += width
    drawn = format_html_join(
        "",
        '<line class="chart-line {0}" x1="{1}" x2="{2}" y1="{3}" y2="{3}"/>'
        '<text class="chart-name" x="{4}" y="{5}">{6} <tspan class="chart-value">{7}</tspan></text>',
        marks,
    )
    return drawn, LEGEND_TOP + line * LEGEND_LINE + 16.0
