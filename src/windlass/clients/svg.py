"""Requests by day as SVG, for the console and the HTML report: no script, printable, every number in a tooltip."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup, escape

__all__ = ["by_day", "series"]

_LEFT, _TOP, _BOTTOM = 46, 8, 22


def series(totals: Sequence[tuple[str, str, int]]) -> tuple[list[str], list[tuple[str, dict[str, int]]]]:
    """Return the names in (day, name, requests) rows, most requests first, and each day's requests by name."""
    sums: dict[str, int] = {}
    days: dict[str, dict[str, int]] = {}
    for day, value, number in totals:
        name = value or "unknown"
        sums[name] = sums.get(name, 0) + number
        days.setdefault(day, {})[name] = days.get(day, {}).get(name, 0) + number
    return sorted(sums, key=lambda name: -sums[name]), sorted(days.items())


def by_day(
    totals: Sequence[tuple[str, str, int]],
    classes: dict[str, str],
    label: str,
    *,
    width: int = 720,
    height: int = 190,
) -> Markup:
    """Return stacked bars by day. `classes` maps names to style classes (default: `other`), which set the colour."""
    names, days = series(totals)
    top = _nice(max((sum(parts.values()) for _, parts in days), default=0))
    deep = height - _TOP - _BOTTOM
    step = (width - _LEFT) / max(len(days), 1)
    parts = [f'<svg class="chart uses" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">']
    for share in (0.0, 0.5, 1.0):
        y = _TOP + deep * (1 - share)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{width}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(
            f'<text class="axis" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_short(top * share)}</text>'
        )
    every = max(1, math.ceil(len(days) / (width / 90)))
    for at, (day, numbers) in enumerate(days):
        x, y = _LEFT + at * step, float(_TOP + deep)
        wide = min(step - min(4.0, step * 0.25), 60.0)
        tooltip = ", ".join(f"{numbers[name]:,} {name}" for name in names if name in numbers)
        parts.append(f"<g><title>{escape(day)}: {escape(tooltip)}</title>")
        for name in names:
            if numbers.get(name):
                tall = max(deep * numbers[name] / top, 1.5)  # one request among millions must be visible
                y -= tall
                kind = classes.get(name, "other")
                parts.append(
                    f'<rect class="{kind}" x="{x + (step - wide) / 2:.1f}" y="{y:.2f}" width="{wide:.1f}" height="{tall:.2f}" rx="1"/>'
                )
        parts.append("</g>")
        if (len(days) - 1 - at) % every == 0:
            parts.append(
                f'<text class="axis" x="{x + step / 2:.1f}" y="{height - 5}" text-anchor="middle">{escape(day[5:])}</text>'
            )
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704  every text in it went through escape()


def _nice(top: float) -> float:
    if top <= 0:
        return 1
    size = 10.0 ** math.floor(math.log10(top))
    return next(size * step for step in (1, 2, 5, 10) if size * step >= top)


def _short(number: float) -> str:
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:g}{unit}"
    return f"{number:g}"
