"""Aggregation windows over time as SVG: one row per key; light while events wait, dark while the action runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from markupsafe import Markup, escape

from windlass.core.clock import parse_time

__all__ = ["timeline"]

_LANE, _BAR, _BOTTOM = 30, 14, 20


def timeline(lanes: Sequence[dict[str, Any]], *, start: str, end: str, width: int = 1080, left: int = 180) -> Markup:
    """Draw the lanes. Each has `name` and `windows` (`first_at`, `started_at`, `ended_at` or None, `outcome`, `events`,
    `reason`).

    Times are texts in the format of core.clock.
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
        for window in lane["windows"]:
            parts.append(_window(window, x, top, until))
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704  names, outcomes and reasons went through escape()


def _window(window: dict[str, Any], x: Any, top: float, end: datetime) -> str:
    first, started = parse_time(window["first_at"]), parse_time(window["started_at"])
    ended = parse_time(window["ended_at"]) if window["ended_at"] else end
    outcome, reason = escape(window["outcome"]), escape(window["reason"])
    waited_s = (started - first).total_seconds()
    duration = f", ran {(ended - started).total_seconds():.2f} s" if window["ended_at"] else ""
    suffix = f": {reason}" if reason else ""
    counts = f"{window['events']:,} events, first {first:%H:%M:%S}, covered after {waited_s:.1f} s{duration}"
    title = f"<title>{counts}, {outcome}{suffix}</title>"
    act_x = x(started)
    bar = max(x(ended) - act_x, 4.0)
    wait = max(act_x - x(first), 0.0)
    return (
        f'<g class="window {outcome}"><rect class="wait" x="{x(first):.1f}" y="{top + 4:.1f}" width="{wait:.1f}" height="{_BAR - 8}"/>'
        f'<rect class="act" x="{act_x:.1f}" y="{top:.1f}" width="{bar:.1f}" height="{_BAR}" rx="2"/>{title}</g>'
    )
