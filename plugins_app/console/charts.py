"""Small pictures drawn by the server: no script, no request, and they print."""

from collections.abc import Sequence
from typing import Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from plugins_app.console.tags import duration, tone
from plugins_app.lifecycle import RunStatus
from plugins_app.services.statistics import Hour, Recent

BAR: Final = 4
HEIGHT: Final = 24
CHART_HEIGHT: Final = 140
COLUMN: Final = 24
STACK: Final = ("good", "warn", "calm", "busy", "bad")


def sparkline(recent: Recent | None) -> SafeString:
    """The newest runs: height by duration, colour by outcome, told in words for who cannot see it."""
    if recent is None or not recent.runs:
        return format_html('<span class="bh-quiet">{}</span>', "no runs yet")
    longest = max((wall or 0) for _status, wall, *_ in recent.runs) or 1
    bars = (
        (x * (BAR + 1), HEIGHT - high, BAR, high, tone(status), f"{status}, {duration(wall)}")
        for x, (status, wall, *_) in enumerate(recent.runs)
        for high in [max(3, round(HEIGHT * (wall or 0) / longest))]
    )
    drawn = format_html_join(
        "",
        '<rect x="{}" y="{}" width="{}" height="{}" class="bh-fill-{}"><title>{}</title></rect>',
        bars,
    )
    good = sum(status == RunStatus.SUCCEEDED for status, *_ in recent.runs)
    words = f"The last {len(recent.runs)} runs: {good} succeeded"
    return format_html(
        '<svg class="bh-spark" width="{}" height="{}" role="img" aria-label="{}">{}</svg>',
        len(recent.runs) * (BAR + 1),
        HEIGHT,
        words,
        drawn,
    )


def hours_chart(hours: Sequence[Hour]) -> SafeString:
    """Runs per hour, stacked by outcome."""
    most = max((sum(hour.counts.values()) for hour in hours), default=0) or 1
    total = sum(sum(hour.counts.values()) for hour in hours)
    columns = format_html_join(
        "", "{}", ((_column(n, hour, most),) for n, hour in enumerate(hours))
    )
    return format_html(
        '<svg class="bh-chart" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" '
        'aria-label="{}">{}</svg>',
        len(hours) * COLUMN,
        CHART_HEIGHT,
        f"{total} runs in the last {len(hours)} hours, at most {most} in one hour",
        columns,
    )


def _column(number: int, hour: Hour, most: int) -> SafeString:
    heights = dict.fromkeys(STACK, 0)
    for status, count in hour.counts.items():
        heights[tone(status)] += count
    counted = ", ".join(f"{count} {status}" for status, count in sorted(hour.counts.items()))
    bars, y = [], float(CHART_HEIGHT)
    for name, count in heights.items():
        high = round(CHART_HEIGHT * 0.95 * count / most, 2)
        if high:
            y -= high
            bars.append((number * COLUMN + 2, round(y, 2), COLUMN - 4, high, name))
    drawn = format_html_join(
        "", '<rect x="{}" y="{}" width="{}" height="{}" class="bh-fill-{}"/>', bars
    )
    return format_html(
        "<g><title>{}</title>{}</g>", f"{hour.at:%H:%M} UTC: {counted or 'no runs'}", drawn
    )
