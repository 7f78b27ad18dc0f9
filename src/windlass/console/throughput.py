"""Throughput over time as SVG: an area of what was done, a line of what failed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

__all__ = ["throughput"]

_LEFT, _TOP, _BOTTOM = 40, 8, 20


def throughput(
    points: Sequence[dict[str, Any]], *, width: int = 1080, height: int = 200, per: str = "second"
) -> Markup:
    """Draw the throughput. `points` are in order of time: `at` (label), `done` and `failed` per second (or `per`)."""
    top = _nice(max([point["done"] + point["failed"] for point in points] or [0]))
    deep, wide = height - _TOP - _BOTTOM, width - _LEFT
    step = wide / max(len(points) - 1, 1)

    def y(value: float) -> float:
        return _TOP + deep * (1 - min(value, top) / top)

    parts = [f'<svg class="chart flow" viewBox="0 0 {width} {height}" role="img" aria-label="Throughput per {per}">']
    for share in (0.0, 0.5, 1.0):
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{width}" y1="{y(top * share):.1f}" y2="{y(top * share):.1f}"/>'
        )
        parts.append(
            f'<text class="axis" x="{_LEFT - 7}" y="{y(top * share) + 4:.1f}" text-anchor="end">{top * share:g}</text>'
        )
    spots = [(_LEFT + at * step, y(point["done"])) for at, point in enumerate(points)]
    if spots:
        line = " ".join(f"{x:.1f},{at:.1f}" for x, at in spots)
        parts.append(f'<polygon class="done" points="{_LEFT},{_TOP + deep} {line} {spots[-1][0]:.1f},{_TOP + deep}"/>')
        parts.append(f'<polyline class="done" points="{line}"/>')
    if any(point["failed"] for point in points):
        line = " ".join(f"{_LEFT + at * step:.1f},{y(point['failed']):.1f}" for at, point in enumerate(points))
        parts.append(f'<polyline class="failed" points="{line}"/>')
    for at in range(0, len(points), max(1, len(points) // max(2, width // 120))):
        parts.append(f'<text class="axis" x="{_LEFT + at * step:.1f}" y="{height - 4}">{points[at]["at"]}</text>')
    for at, point in enumerate(points):
        parts.append(
            f'<rect class="hit" x="{_LEFT + (at - 0.5) * step:.1f}" y="{_TOP}" width="{step:.1f}" height="{deep}">'
            f"<title>{point['at']}: {point['done']:g} done, {point['failed']:g} failed per {per}</title></rect>"
        )
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704  only numbers and times


def _nice(top: float) -> float:
    step = 1.0
    while step * 10 < top:
        step *= 10
    return next(step * factor for factor in (1, 2, 4, 6, 8, 10, 20) if step * factor >= top)
