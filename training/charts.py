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

from training.drawing import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    WIDTH,
    Axis,
    Point,
    bottom_axis,
    colour,
    empty,
    horizontal_grid,
    legend,
    padded,
    px,
    span,
    svg,
    tick_text,
)

Estimate = tuple[float, float, float | None, float | None]  # x, y, and the interval of y from low to high

MOST_POINTS = 300
DODGE = 7  # pixels between estimates at the same x


def line_chart(series: dict[str, list[Point]], *, title: str, x_label: str, y_label: str = "") -> SafeString:
    """Curves over one x axis. Points that are not finite are left out; longer series are thinned, their extremes kept."""
    finite = {name: sorted(_finite(points)) for name, points in series.items()}
    curves = {name: points for name, points in finite.items() if points}
    if not curves:
        return empty(title)
    names, below = legend([(name, tick_text(points[-1][1])) for name, points in curves.items()])
    top = below + (14 if y_label else 0)
    everything = list(itertools.chain.from_iterable(curves.values()))
    x = Axis(*span(point[0] for point in everything), LEFT, WIDTH - RIGHT)
    y = Axis(*padded(point[1] for point in everything), HEIGHT - BOTTOM, top)
    drawn = (_curve(name, points, number, x, y) for number, (name, points) in enumerate(curves.items()))
    lines = format_html_join("", "{}", ((curve,) for curve in drawn))
    body = format_html("{}{}{}{}", horizontal_grid(y, y_label, top), bottom_axis(x, x_label, whole=True), lines, names)
    return svg(title, _described(curves), HEIGHT, body)


def interval_chart(
    rows: Sequence[tuple[str, float, float | None, float | None]], *, title: str, x_label: str = "", reference: float | None = None
) -> SafeString:
    """One line a row `(label, value, low, high)`: a dot with its interval, and a dashed line at `reference`."""
    shown = [row for row in rows if math.isfinite(row[1])]
    if not shown:
        return empty(title)
    ends = [end for row in shown for end in row[1:] if end is not None and math.isfinite(end)]
    x = Axis(*padded(ends if reference is None else [*ends, reference]), 12, WIDTH - RIGHT)
    height = len(shown) * 44 + BOTTOM + 8
    grid = format_html_join(
        "", '<line class="chart-grid" x1="{0}" x2="{0}" y1="4" y2="{1}"/>', ((px(x(tick)), height - BOTTOM) for tick in x.ticks(6))
    )
    mark = ""
    if reference is not None:
        mark = format_html('<line class="chart-reference" x1="{0}" x2="{0}" y1="4" y2="{1}"/>', px(x(reference)), height - BOTTOM)
    dots = format_html_join("", "{}", ((_interval(row, number, x),) for number, row in enumerate(shown)))
    axis = bottom_axis(x, x_label, whole=False, height=height)
    return svg(title, "; ".join(_interval_text(row) for row in shown), height, format_html("{}{}{}{}", grid, mark, dots, axis))


def histogram(
    bins: Sequence[tuple[float, float, int]], *, title: str, x_label: str, y_label: str = "", limit: float | None = None
) -> SafeString:
    """A bar for each `(from, to, count)`; those that reach beyond `limit`, a dashed line, are drawn apart."""
    if not any(count for _low, _high, count in bins):
        return empty(title)
    top = 14 + (14 if y_label else 0)
    end = max(bins[-1][1], limit or 0) if limit is None or limit < 2 * bins[-1][1] else bins[-1][1]
    x = Axis(bins[0][0], end, LEFT, WIDTH - RIGHT)
    y = Axis(0, max(count for _low, _high, count in bins) * 1.05, HEIGHT - BOTTOM, top)
    bars = format_html_join("", "{}", ((_bar(one, x, y, limit),) for one in bins if one[2]))
    mark = ""
    if limit is not None and limit <= end:
        mark = format_html('<line class="chart-reference" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>', px(x(limit)), top, px(y.start))
    axes = format_html("{}{}", horizontal_grid(y, y_label, top), bottom_axis(x, x_label, whole=True))
    said = "; ".join(f"{tick_text(low)}–{tick_text(high)}: {count}" for low, high, count in bins if count)
    return svg(title, said, HEIGHT, format_html("{}{}{}", axes, bars, mark))


def _bar(one: tuple[float, float, int], x: Axis, y: Axis, limit: float | None) -> SafeString:
    low, high, count = one
    look = "s1" if limit is None or high <= limit + 1 else "s2"
    return format_html(
        '<rect class="chart-bar {}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>',
        look, px(x(low) + 0.5), px(y(count)), px(max(1.0, x(high) - x(low) - 1)), px(y.start - y(count)),
        f"{tick_text(low)}–{tick_text(high)}: {count}",
    )  # fmt: skip


@dataclass(frozen=True)
class Scatter:
    """Estimates under one name, and a curve fitted to them, which may be empty."""

    name: str
    points: Sequence[Estimate]
    curve: Sequence[Point] = ()


@dataclass(frozen=True)
class Band:
    """A stretch of the x axis with a mark; `clear` draws it with more weight."""

    start: float
    end: float
    mark: str
    clear: bool = False


def scatter_chart(
    series: Sequence[Scatter],
    *,
    title: str,
    x_label: str,
    x_span: tuple[float, float],
    y_label: str = "",
    y_span: tuple[float, float] | None = None,
    reference: float | None = None,
    bands: Sequence[Band] = (),
) -> SafeString:
    """Dots with their intervals, fits as lines without dots, a dashed line at y = `reference`, shaded `bands` with a mark each."""
    shown = [one for one in series if one.points]
    if not shown:
        return empty(title)
    names, below = legend([(one.name, tick_text(one.points[-1][1])) for one in shown])
    top = below + (14 if y_label else 0)
    ends = [y for one in shown for point in [*one.points, *one.curve] for y in point[1:] if y is not None]
    x = Axis(*x_span, LEFT, WIDTH - RIGHT)
    y = Axis(*(y_span or padded(ends if reference is None else [*ends, reference])), HEIGHT - BOTTOM, top)
    shaded = format_html_join("", "{}", ((_band(band, x, y),) for band in bands))
    mark = ""
    if reference is not None:
        places = (px(x.start), px(x.end), px(y(reference)))
        mark = format_html('<line class="chart-reference" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>', *places)
    dots = format_html_join("", "{}", ((_scatter(one, number, x, y),) for number, one in enumerate(shown)))
    axes = format_html("{}{}", horizontal_grid(y, y_label, top), bottom_axis(x, x_label, whole=False))
    said = _described({one.name: [point[:2] for point in one.points] for one in shown})
    return svg(title, said, HEIGHT, format_html("{}{}{}{}{}", shaded, axes, mark, dots, names))


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


def _finite(points: Iterable[Point]) -> Iterator[Point]:
    return ((x, y) for x, y in points if math.isfinite(x) and math.isfinite(y))


def _curve(name: str, points: list[Point], number: int, x: Axis, y: Axis) -> SafeString:
    shown = thin(points)
    path = " ".join(f"{'L' if place else 'M'}{px(x(step))} {px(y(value))}" for place, (step, value) in enumerate(shown))
    last = shown[-1]
    return format_html(
        '<path class="chart-line {0}" d="{1}"><title>{2}</title></path>'
        '<circle class="chart-dot {0}" cx="{3}" cy="{4}" r="{5}"><title>{6}</title></circle>',
        colour(number), path, name, px(x(last[0])), px(y(last[1])), 3 if len(shown) > 1 else 4,
        f"{name}: {tick_text(last[1])} ({tick_text(last[0])})",
    )  # fmt: skip


def _scatter(one: Scatter, number: int, x: Axis, y: Axis) -> SafeString:
    path = " ".join(f"{'L' if place else 'M'}{px(x(at))} {px(y(value))}" for place, (at, value) in enumerate(one.curve))
    line = format_html('<path class="chart-line chart-fit {}" d="{}"/>', colour(number), path) if path else ""
    # Estimates at one x stand side by side, or one interval would hide another.
    dots = ((_estimate(point, one.name, colour(number), x(point[0]) + DODGE * number, y),) for point in one.points)
    return format_html("{}{}", line, format_html_join("", "{}", dots))


def _estimate(point: Estimate, name: str, colour: str, left: float, y: Axis) -> SafeString:
    at, value, low, high = point
    said, bar = f"{_interval_text((name, value, low, high))} ({tick_text(at)})", ""
    if low is not None and high is not None:
        bar = format_html(
            '<line class="chart-interval {0}" x1="{1}" x2="{1}" y1="{2}" y2="{3}"/>', colour, px(left), px(y(low)), px(y(high))
        )
    dot = format_html('<circle class="chart-dot {}" cx="{}" cy="{}" r="4"/>', colour, px(left), px(y(value)))
    return format_html("<g><title>{}</title>{}{}</g>", said, bar, dot)


def _band(band: Band, x: Axis, y: Axis) -> SafeString:
    left, right = x(band.start), x(band.end)
    return format_html(
        '<rect class="chart-band{}" x="{}" y="{}" width="{}" height="{}"/>'
        '<text class="chart-tick" x="{}" y="{}" text-anchor="middle">{}</text>',
        " chart-clear" if band.clear else "", px(left), px(y.end), px(right - left), px(y.start - y.end),
        px((left + right) / 2), px(y.end - 5), band.mark,
    )  # fmt: skip


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
            '<line class="chart-interval s1" x1="{}" x2="{}" y1="{}" y2="{}"/>', px(x(low)), px(x(high)), y + 14, y + 14
        )
    short = label if len(label) <= 44 else f"{label[:43]}…"
    text = _interval_text((short, value, low, high)).removeprefix(f"{short}: ")
    return format_html(
        '<g><title>{}</title><text class="chart-name" x="12" y="{}">{} <tspan class="chart-value">{}</tspan></text>'
        '{}<circle class="chart-dot s1" cx="{}" cy="{}" r="5"/></g>',
        _interval_text(row), y, short, text, bar, px(x(value)), y + 14,
    )  # fmt: skip
