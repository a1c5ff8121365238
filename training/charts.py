"""Charts drawn on the server as inline SVG: CSS classes only (`static/run.css`), no script, no inline style, every text escaped.

A chart takes its colours from the page's tokens, so it follows the dark theme; with the stylesheet inlined it stands
alone in a file.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

Point = tuple[float, float]

WIDTH, HEIGHT = 420, 236
LEFT, RIGHT, BOTTOM = 48, 12, 36
LEGEND_TOP, LEGEND_LINE = 14, 18
MOST_POINTS = 300
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


def line_chart(series: dict[str, list[Point]], *, title: str, x_label: str, y_label: str = "") -> SafeString:
    """Curves over one x axis. Points that are not finite are left out; longer series are thinned, their extremes kept."""
    finite = {name: sorted(_finite(points)) for name, points in series.items()}
    curves = {name: points for name, points in finite.items() if points}
    if not curves:
        return _empty(title)
    legend, below = _legend([(name, tick_text(points[-1][1])) for name, points in curves.items()])
    top = below + (14 if y_label else 0)
    everything = list(itertools.chain.from_iterable(curves.values()))
    x = Axis(*_span(point[0] for point in everything), LEFT, WIDTH - RIGHT)
    y = Axis(*_padded(point[1] for point in everything), HEIGHT - BOTTOM, top)
    drawn = (_curve(name, points, number, x, y) for number, (name, points) in enumerate(curves.items()))
    lines = format_html_join("", "{}", ((curve,) for curve in drawn))
    body = format_html("{}{}{}{}", _horizontal_grid(y, y_label, top), _bottom_axis(x, x_label, whole=True), lines, legend)
    return _svg(title, _described(curves), HEIGHT, body)


def interval_chart(
    rows: Sequence[tuple[str, float, float | None, float | None]], *, title: str, reference: float | None = None
) -> SafeString:
    """One line a row `(label, value, low, high)`: a dot with its interval, and a dashed line at `reference`."""
    shown = [row for row in rows if math.isfinite(row[1])]
    if not shown:
        return _empty(title)
    ends = [end for row in shown for end in row[1:] if end is not None and math.isfinite(end)]
    x = Axis(*_padded(ends if reference is None else [*ends, reference]), 12, WIDTH - RIGHT)
    height = len(shown) * 44 + BOTTOM + 8
    grid = format_html_join(
        "", '<line class="chart-grid" x1="{0}" x2="{0}" y1="4" y2="{1}"/>', ((_px(x(tick)), height - BOTTOM) for tick in x.ticks(6))
    )
    mark = ""
    if reference is not None:
        mark = format_html('<line class="chart-reference" x1="{0}" x2="{0}" y1="4" y2="{1}"/>', _px(x(reference)), height - BOTTOM)
    dots = format_html_join("", "{}", ((_interval(row, number, x),) for number, row in enumerate(shown)))
    axis = _bottom_axis(x, "", whole=False, height=height)
    return _svg(title, "; ".join(_interval_text(row) for row in shown), height, format_html("{}{}{}{}", grid, mark, dots, axis))


def thin(points: list[Point], most: int = MOST_POINTS) -> list[Point]:
    """At most `most` points: of every bucket along x its lowest and its highest, and the first and the last of all."""
    if len(points) <= most:
        return points
    inner = points[1:-1]
    buckets = (most - 2) // 2
    kept = [points[0]]
    for number in range(buckets):
        bucket = inner[number * len(inner) // buckets : (number + 1) * len(inner) // buckets]
        kept += sorted({min(bucket, key=lambda point: point[1]), max(bucket, key=lambda point: point[1])})
    return [*kept, points[-1]]


def tick_text(value: float) -> str:
    """A number as people read it on an axis: 1500000 → 1.5M, 0.00002 → 2e-05."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if letter == 'k' else size):.4g}{letter}"
    return f"{value:.4g}" if abs(value) > 1e-12 else "0"


def _finite(points: Iterable[Point]) -> Iterator[Point]:
    return ((x, y) for x, y in points if math.isfinite(x) and math.isfinite(y))


def _round_step(step: float) -> float:
    """1, 2 or 5 times a power of ten, near `step`."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * nice for nice in (1, 2, 5, 10) if power * nice >= step * 0.7)


def _span(values: Iterable[float]) -> tuple[float, float]:
    """Lowest and highest, kept apart so that one value, or equal ones, still make an axis."""
    found = list(values)
    low, high = min(found), max(found)
    room = abs(low) * 0.1 or 0.5
    return (low, high) if high - low > abs(high) * 1e-9 else (low - room, high + room)


def _padded(values: Iterable[float]) -> tuple[float, float]:
    low, high = _span(values)
    room = (high - low) * 0.06
    # A quantity that is never negative keeps zero as its floor.
    return (max(0.0, low - room) if low >= 0 else low - room), high + room


def _px(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


def _svg(title: str, description: str, height: float, body: SafeString) -> SafeString:
    return format_html(
        '<svg class="chart" role="img" viewBox="0 0 {} {}" xmlns="http://www.w3.org/2000/svg"><title>{}</title><desc>{}</desc>{}</svg>',
        WIDTH, height, title, description, body,
    )  # fmt: skip


def _empty(title: str) -> SafeString:
    text = format_html('<text class="chart-note" x="{}" y="44" text-anchor="middle">{}</text>', WIDTH // 2, _("No numbers yet"))
    return _svg(title, _("No numbers yet"), 80, text)


def _horizontal_grid(y: Axis, label: str, top: float) -> SafeString:
    lines = format_html_join(
        "",
        '<line class="chart-grid" x1="{}" x2="{}" y1="{}" y2="{}"/>'
        '<text class="chart-tick" x="{}" y="{}" text-anchor="end">{}</text>',
        ((LEFT, WIDTH - RIGHT, _px(y(tick)), _px(y(tick)), LEFT - 6, _px(y(tick) + 4), tick_text(tick)) for tick in y.ticks(5)),
    )
    unit = format_html('<text class="chart-label" x="4" y="{}">{}</text>', _px(top - 8), label) if label else ""
    return format_html("{}{}", lines, unit)


def _bottom_axis(x: Axis, label: str, *, whole: bool, height: float = HEIGHT) -> SafeString:
    """The x axis; `whole` leaves out ticks between whole numbers, since steps are counted."""
    ticks = [tick for tick in x.ticks(6) if not whole or tick == round(tick)]
    marks = format_html_join(
        "",
        '<text class="chart-tick" x="{}" y="{}" text-anchor="{}">{}</text>',
        ((_px(x(tick)), height - BOTTOM + 17, _anchor(x, tick), tick_text(tick)) for tick in ticks),
    )
    name = format_html('<text class="chart-label" x="{}" y="{}" text-anchor="end">{}</text>', WIDTH - RIGHT, height - 4, label)
    line = format_html(
        '<line class="chart-axis" x1="{}" x2="{}" y1="{}" y2="{}"/>', _px(x.start), _px(x.end), height - BOTTOM, height - BOTTOM
    )
    return format_html("{}{}{}", line, marks, name if label else "")


def _anchor(x: Axis, tick: float) -> str:
    """The outermost numbers stay inside the picture."""
    if x.end - x(tick) < 12:
        return "end"
    return "start" if x(tick) - x.start < 8 and x.start < LEFT else "middle"


def _curve(name: str, points: list[Point], number: int, x: Axis, y: Axis) -> SafeString:
    shown = thin(points)
    path = " ".join(f"{'L' if place else 'M'}{_px(x(step))} {_px(y(value))}" for place, (step, value) in enumerate(shown))
    last = shown[-1]
    return format_html(
        '<path class="chart-line {0}" d="{1}"><title>{2}</title></path>'
        '<circle class="chart-dot {0}" cx="{3}" cy="{4}" r="{5}"><title>{6}</title></circle>',
        _colour(number), path, name, _px(x(last[0])), _px(y(last[1])), 3 if len(shown) > 1 else 4,
        f"{name}: {tick_text(last[1])} ({tick_text(last[0])})",
    )  # fmt: skip


def _colour(number: int) -> str:
    return f"s{number % COLOURS + 1}" + (" chart-again" if number >= COLOURS else "")


def _legend(entries: list[tuple[str, str]]) -> tuple[SafeString, float]:
    """Names with their last values, wrapped over lines; and where the drawing may begin below them."""
    left, line, marks = 0.0, 0, []
    for number, (name, value) in enumerate(entries):
        short = name if len(name) <= 32 else f"{name[:31]}…"
        width = 22 + (len(short) + len(value) + 1) * LETTER + 14
        if left and left + width > WIDTH:
            left, line = 0.0, line + 1
        y = LEGEND_TOP + line * LEGEND_LINE
        marks.append((_colour(number), _px(left + 2), _px(left + 16), y - 4, _px(left + 22), y, short, value))
        left += width
    drawn = format_html_join(
        "",
        '<line class="chart-line {0}" x1="{1}" x2="{2}" y1="{3}" y2="{3}"/>'
        '<text class="chart-name" x="{4}" y="{5}">{6} <tspan class="chart-value">{7}</tspan></text>',
        marks,
    )
    return drawn, LEGEND_TOP + line * LEGEND_LINE + 16.0


def _described(curves: dict[str, list[Point]]) -> str:
    return "; ".join(
        _("%(name)s: %(count)d points, from %(first)s to %(last)s, lowest %(low)s, highest %(high)s")
        % {
            "name": name,
            "count": len(points),
            "first": tick_text(points[0][1]),
            "last": tick_text(points[-1][1]),
            "low": tick_text(min(value for _x, value in points)),
            "high": tick_text(max(value for _x, value in points)),
        }
        for name, points in curves.items()
    )


def _interval_text(row: tuple[str, float, float | None, float | None]) -> str:
    label, value, low, high = row
    return f"{label}: {tick_text(value)}" + (
        f" ({tick_text(low)} – {tick_text(high)})" if low is not None and high is not None else ""
    )


def _interval(row: tuple[str, float, float | None, float | None], number: int, x: Axis) -> SafeString:
    label, value, low, high = row
    y = 20 + number * 44
    bar = ""
    if low is not None and high is not None:
        bar = format_html(
            '<line class="chart-interval s1" x1="{}" x2="{}" y1="{}" y2="{}"/>', _px(x(low)), _px(x(high)), y + 14, y + 14
        )
    short = label if len(label) <= 44 else f"{label[:43]}…"
    text = _interval_text((short, value, low, high)).removeprefix(f"{short}: ")
    return format_html(
        '<g><title>{}</title><text class="chart-name" x="12" y="{}">{} <tspan class="chart-value">{}</tspan></text>'
        '{}<circle class="chart-dot s1" cx="{}" cy="{}" r="5"/></g>',
        _interval_text(row), y, short, text, bar, _px(x(value)), y + 14,
    )  # fmt: skip
