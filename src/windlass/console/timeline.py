"""Windows over time: a lane per key; light from the first event to the action, dark while it ran. SVG, no script."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from markupsafe import Markup, escape

from windlass.core.clock import parse_time

__all__ = ["timeline"]

_LANE, _BAR, _BOTTOM = 30, 14, 20


def timeline(lanes: Sequence[dict[str, Any]], *, start: str, end: str, width: int = 1080, left: int = 180) -> Markup:
    """`lanes`: `name`, and `windows` with `first_at`, `started_at`, `ended_at` (or None), `outcome`, `events`, `reason`.

    Times are text, as core.clock writes them.
    """
    begin, until = parse_time(start), parse_time(end)
    height = len(lanes) * _LANE + _BOTTOM
    span_s = max((until - begin).total_seconds(), 1.0)
    wide = width - left - 4

    def x(moment: datetime) -> float:
        return left + wide * min(max((moment - begin).total_seconds() / span_s, 0.0), 1.0)

    parts = [f'<svg class="chart windows" viewBox="0 0 {width} {height}" role="img" aria-label="Windows over time">']
    ticks = max(2, width // 150)
    for at in range(ticks + 1):
        moment = begin + timedelta(seconds=span_s * at / ticks)
        anchor = "start" if at == 0 else "end" if at == ticks else "middle"
        spot = x(moment)
        parts.append(f'<line class="grid" x1="{spot:.1f}" x2="{spot:.1f}" y1="0" y2="{height - _BOTTOM}"/>')
        parts.append(
            f'<text class="axis" x="{spot:.1f}" y="{height - 5}" text-anchor="{anchor}">{moment:%H:%M:%S}</text>'
        )
    for at, lane in enumerate(lanes):
        top = at * _LANE + (_LANE - _BAR) / 2
        name = str(lane["name"])
        short = name if len(name) * 7 < left - 8 else "…" + name[-(left // 7 - 3) :]
        parts.append(
            f'<text class="axis" x="{left - 8}" y="{top + _BAR - 3:.1f}" text-anchor="end">{escape(short)}</text>'
        )
        for one in lane["windows"]:
            parts.append(_window(one, x, top, until))
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704  what is not ours is escaped above


def _window(one: dict[str, Any], x: Any, top: float, end: datetime) -> str:
    first, started = parse_time(one["first_at"]), parse_time(one["started_at"])
    ended = parse_time(one["ended_at"]) if one["ended_at"] else end
    outcome, reason = escape(one["outcome"]), escape(one["reason"])
    waited_s = (started - first).total_seconds()
    took = f", ran {(ended - started).total_seconds():.2f} s" if one["ended_at"] else ""
    said = f": {reason}" if reason else ""
    title = f"<title>{one['events']:,} events, first {first:%H:%M:%S}, covered after {waited_s:.1f} s{took}, {outcome}{said}</title>"
    act_x = x(started)
    bar = max(x(ended) - act_x, 4.0)
    wait = max(act_x - x(first), 0.0)
    return (
        f'<g class="window {outcome}"><rect class="wait" x="{x(first):.1f}" y="{top + 4:.1f}" width="{wait:.1f}" height="{_BAR - 8}"/>'
        f'<rect class="act" x="{act_x:.1f}" y="{top:.1f}" width="{bar:.1f}" height="{_BAR}" rx="2"/>{title}</g>'
    )
