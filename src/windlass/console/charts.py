"""Charts as SVG rendered on the server, without scripts. Colours are classes of the style sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape

from windlass.clients.svg import by_day
from windlass.console.memcached_charts import hit_rates, node_ring
from windlass.console.relation_map import relation_map
from windlass.console.relations import relations
from windlass.console.throughput import throughput
from windlass.console.timeline import timeline
from windlass.console.treemap import treemap

__all__ = [
    "bar",
    "by_day",
    "days",
    "hit_rates",
    "node_ring",
    "relation_map",
    "relations",
    "sparkbar",
    "sparkline",
    "throughput",
    "timeline",
    "treemap",
]

_KINDS = ("created", "updated", "deleted")
_LEFT, _TOP, _BOTTOM = 40, 8, 22
OUTLIER_FACTOR = 6  # a day this many times larger than all others is cut, so that the others stay readable


def days(rows: Sequence[dict[str, Any]], *, width: int = 720, height: int = 190) -> Markup:
    """Draw stacked bars of created, updated and deleted resources by day. `rows` have day, the three counts, and a link."""
    scale = _nice(_usual_top([sum(row[kind] for kind in _KINDS) for row in rows]))
    deep = height - _TOP - _BOTTOM
    step = (width - _LEFT) / max(len(rows), 1)
    parts = [f'<svg class="chart days" viewBox="0 0 {width} {height}" role="img" aria-label="Changes by day">']
    for share in (0.0, 0.5, 1.0):
        y = _TOP + deep * (1 - share)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{width}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(
            f'<text class="axis" x="{_LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{_short(scale * share)}</text>'
        )
    every = max(1, math.ceil(len(rows) / (width / 100)))
    for at, row in enumerate(rows):
        x = _LEFT + at * step
        parts.append(_day(row, x, step, deep, scale))
        if (len(rows) - 1 - at) % every == 0:
            middle = x + step / 2
            anchor = "end" if middle + 16 > width else "middle"
            parts.append(
                f'<text class="axis" x="{min(middle, width):.1f}" y="{height - 5}" text-anchor="{anchor}">'
                f"{escape(row['day'][5:])}</text>"
            )
    return Markup("".join([*parts, "</svg>"]))


def _day(row: dict[str, Any], x: float, step: float, deep: float, scale: float) -> str:
    counts = ", ".join(f"{row[kind]:,} {kind}" for kind in _KINDS)
    parts = [
        f"<title>{escape(row['day'])}: {counts}</title>",
        f'<rect class="hit" x="{x:.1f}" y="{_TOP}" width="{step:.1f}" height="{deep}"/>',
    ]
    y = float(_TOP + deep)
    gap = min(4.0, step * 0.25)
    total = sum(row[kind] for kind in _KINDS)
    for kind in _KINDS:
        if row[kind]:
            tall = deep * row[kind] / max(scale, total)
            y -= tall
            parts.append(
                f'<rect class="{kind}" x="{x + gap / 2:.1f}" y="{y:.2f}" width="{step - gap:.1f}" height="{tall:.2f}" rx="1"/>'
            )
    if total > scale:  # a zigzag marks the cut bar, with its total beside it
        left = x > 80
        parts.append(
            f'<path class="cut" d="M{x - 1:.1f} {_TOP + 22}l{step / 3:.1f} -6 {step / 3:.1f} 6 {step / 2:.1f} -6"/>'
            f'<text class="over" x="{x - 4 if left else x + step + 4:.1f}" y="{_TOP + 9}" '
            f'text-anchor="{"end" if left else "start"}">{total:,}</text>'
        )
    body = "".join(parts)
    return f'<a href="{escape(row["link"])}">{body}</a>' if row.get("link") else f"<g>{body}</g>"


def _usual_top(totals: Sequence[float]) -> float:
    """The top of the scale: the largest total, or that of the other days when one day (a first collection) is an outlier."""
    *others, top = sorted([0.0, 0.0, *totals])
    return 1.2 * others[-1] if top > OUTLIER_FACTOR * others[-1] > 0 else top


def _nice(top: float) -> float:
    """Round up to 1, 2, 4, 6, 8 or 10 times a power of ten, so that half of it is a round number too."""
    if top <= 2:
        return 2
    power = 10.0 ** math.floor(math.log10(top))
    return next(step * power for step in (1, 2, 4, 6, 8, 10) if step * power >= top)


def _short(value: float) -> str:
    if value >= 1e6:
        return f"{value / 1e6:g} M"
    return f"{value / 1000:g} k" if value >= 10_000 else f"{value:,.0f}"


def sparkline(values: Sequence[float], *, width: int = 120, height: int = 28) -> Markup:
    """Draw a small area chart of values in order of time, the last one marked."""
    top = max([*values, 1])
    step = width / max(len(values) - 1, 1)
    spots = [(at * step, height - 3 - (height - 6) * value / top) for at, value in enumerate(values)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
    last = f'<circle cx="{spots[-1][0]:.1f}" cy="{spots[-1][1]:.1f}" r="2.5"/>' if spots else ""
    return Markup(
        f'<svg class="sparkline" viewBox="-3 0 {width + 6} {height}" aria-hidden="true">'
        f'<polygon points="0,{height} {line} {width},{height}"/><polyline points="{line}"/>{last}</svg>'
    )


def sparkbar(share: float) -> Markup:
    """Draw a thin bar. `share` is between 0 and 1."""
    wide = max(0.0, min(1.0, share)) * 100
    return Markup(
        f'<svg class="spark" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="track" width="100" height="6"/><rect class="fill" width="{wide:.2f}" height="6"/></svg>'
    )


def bar(parts: Sequence[tuple[str, float]]) -> Markup:
    """Draw one bar of several parts. `parts` are (CSS class, value)."""
    total = sum(value for _, value in parts) or 1
    at, rects = 0.0, []
    for name, value in parts:
        wide = 100 * value / total
        rects.append(
            f'<rect class="{escape(name)}" x="{at:.2f}" width="{wide:.2f}" height="6"><title>{escape(name)}</title></rect>'
        )
        at += wide
    return Markup(
        f'<svg class="spark shares" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">{"".join(rects)}</svg>'
    )
