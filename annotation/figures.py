"""Small charts as inline SVG: CSS classes only (`static/project.css`), no script, no inline style, every text escaped.

Each says in words what it shows, for those who do not see it; colours come from the page's tokens and follow the dark theme.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

WIDTH, HEIGHT, FOOT = 480, 110, 18
TRACK, DOT = 160, 16  # the width and height of an interval's line


def bars(counts: Sequence[tuple[datetime, int]], form: str, *, title: str) -> SafeString:
    """One bar a span of time; the first, the highest and the last are named. `form` is a date format."""
    most = max((count for _start, count in counts), default=0)
    step = WIDTH / max(len(counts), 1)
    drawn = format_html_join(
        "",
        '<rect class="bar" x="{}" y="{}" width="{}" height="{}"><title>{}: {}</title></rect>',
        (
            (f"{number * step + 1:.1f}", f"{HEIGHT - tall:.1f}", f"{step - 2:.1f}", f"{tall:.1f}", _when(start, form), count)
            for number, (start, count) in enumerate(counts)
            if (tall := count / most * (HEIGHT - 16) if most else 0)
        ),
    )
    words = _("%(title)s: at most %(most)d, last %(last)d.") % {
        "title": title,
        "most": most,
        "last": counts[-1][1] if counts else 0,
    }
    ends = format_html(
        '<text x="0" y="{0}">{1}</text><text class="end" x="{2}" y="{0}">{3}</text><text x="0" y="11">{4}</text>',
        HEIGHT + FOOT - 3,
        _when(counts[0][0], form) if counts else "",
        WIDTH,
        _when(counts[-1][0], form) if counts else "",
        most,
    )
    line = format_html('<line class="ground" x1="0" x2="{}" y1="{}" y2="{}"/>', WIDTH, HEIGHT, HEIGHT)
    size = f"0 0 {WIDTH} {HEIGHT + FOOT}"
    return format_html('<svg class="bars" viewBox="{}" role="img" aria-label="{}">{}{}{}</svg>', size, words, line, drawn, ends)


def _when(moment: datetime, form: str) -> str:
    return date_format(moment, form)


def interval(
    value: float, low: float, high: float, *, start: float = 0.0, end: float = 1.0, mark: float | None = None
) -> SafeString:
    """A dot with its interval on a track from `start` to `end`, with a line at `mark`. The page writes the numbers too."""

    def x(number: float) -> str:
        return f"{(min(max(number, start), end) - start) / (end - start) * (TRACK - 8) + 4:.1f}"

    line = format_html('<line class="mark" x1="{0}" x2="{0}" y1="0" y2="{1}"/>', x(mark), DOT) if mark is not None else ""
    return format_html(
        '<svg class="interval" viewBox="0 0 {} {}" aria-hidden="true"><line class="ground" x1="4" x2="{}" y1="8" y2="8"/>{}'
        '<line class="range" x1="{}" x2="{}" y1="8" y2="8"/><circle cx="{}" cy="8" r="4"/></svg>',
        TRACK,
        DOT,
        TRACK - 4,
        line,
        x(low),
        x(high),
        x(value),
    )
