"""A cluster as a ring: a segment per node, as long as its share of the keys; and the hit rate over time. SVG, no script."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape

__all__ = ["hit_rates", "node_ring"]

_SIZE = 400
_OUT, _IN = 190.0, 152.0
_BAR_OUT, _BAR_IN = 146.0, 108.0
_GAP = 0.006
_LABELLED = 44


def node_ring(nodes: Sequence[dict[str, Any]], *, middle: str, below: str) -> Markup:
    """`nodes`: node_id, zone, status, share (0 to 1), hit_rate (0 to 1 or None), endpoint. Inner bars are hit rates."""
    zones = {zone: number for number, zone in enumerate(sorted({node["zone"] for node in nodes}))}
    total = sum(_part(node) for node in nodes) or 1.0
    at, parts = 0.0, []
    for node in nodes:
        end = at + _part(node) / total
        parts.append(_segment(node, zones[node["zone"]], at, end, labelled=len(nodes) <= _LABELLED))
        at = end
    half = _SIZE / 2
    return Markup(  # noqa: S704  every text in it went through escape()
        f'<svg class="chart nodering" viewBox="0 0 {_SIZE} {_SIZE}" role="img" aria-label="{len(nodes)} nodes, {escape(middle)}">'
        f"{''.join(parts)}"
        f'<text class="middle" x="{half}" y="{half + 4}" text-anchor="middle">{escape(middle)}</text>'
        f'<text class="axis" x="{half}" y="{half + 26}" text-anchor="middle">{escape(below)}</text></svg>'
    )


def _part(node: dict[str, Any]) -> float:
    """A node that has no share (it comes or goes) still gets a sliver, so that it is seen."""
    return float(node["share"] or 0.004)


def _segment(node: dict[str, Any], zone: int, start: float, end: float, *, labelled: bool) -> str:
    rate = node["hit_rate"]
    said = "no gets" if rate is None else f"{100 * rate:.1f} % hits"
    share = f"{100 * node['share']:.1f} % of keys" if node["share"] else "no keys"
    body = [
        f"<title>{escape(node['node_id'])} in {escape(node['zone'])}: {escape(node['status'])}, {share}, {said}</title>",
        f'<path class="arc zone{zone % 6} {escape(node["status"])}" d="{_arc(start, end, _IN, _OUT)}"/>',
        f'<path class="well" d="{_arc(start, end, _BAR_IN, _BAR_OUT)}"/>',
    ]
    if rate:
        body.append(f'<path class="rate" d="{_arc(start, end, _BAR_IN, _BAR_IN + (_BAR_OUT - _BAR_IN) * rate)}"/>')
    if labelled and end - start > 0.012:
        x, y = _spot((start + end) / 2, (_IN + _OUT) / 2)
        turn = 360 * (start + end) / 2
        turn += 180 if 90 < turn < 270 else 0
        body.append(
            f'<text class="id" x="{x:.1f}" y="{y + 3:.1f}" text-anchor="middle" transform="rotate({turn:.1f} {x:.1f} {y:.1f})">'
            f"{escape(node['node_id'])}</text>"
        )
    return f"<g>{''.join(body)}</g>"


def _arc(start: float, end: float, inner: float, outer: float) -> str:
    """A ring segment from one turn to another (0 to 1, from the top, clockwise)."""
    gap = min(_GAP, (end - start) / 4) / 2
    start, end = start + gap, min(end - gap, start + gap + 0.9999)
    large = int(end - start > 0.5)
    (x1, y1), (x2, y2), (x3, y3), (x4, y4) = (
        _spot(start, outer),
        _spot(end, outer),
        _spot(end, inner),
        _spot(start, inner),
    )
    return (
        f"M{x1:.2f} {y1:.2f}A{outer:.1f} {outer:.1f} 0 {large} 1 {x2:.2f} {y2:.2f}"
        f"L{x3:.2f} {y3:.2f}A{inner:.1f} {inner:.1f} 0 {large} 0 {x4:.2f} {y4:.2f}Z"
    )


def _spot(turn: float, radius: float) -> tuple[float, float]:
    angle = 2 * math.pi * turn
    return _SIZE / 2 + radius * math.sin(angle), _SIZE / 2 - radius * math.cos(angle)


def hit_rates(samples: Sequence[dict[str, Any]], *, width: int = 620, height: int = 180) -> Markup:
    """`samples`: hit_rate (0 to 1 or None), nodes, in time order. A line of hit rates; steps of the number of nodes behind."""
    left, right, top, bottom = 40, 34, 8, 14
    wide, deep = width - left - right, height - top - bottom
    step = wide / max(len(samples) - 1, 1)
    most = max([*(one["nodes"] for one in samples), 1])
    parts = [f'<svg class="chart hitrates" viewBox="0 0 {width} {height}" role="img" aria-label="Hit rate over time">']
    for share in (0.0, 0.5, 1.0):
        y = top + deep * (1 - share)
        parts.append(f'<line class="grid" x1="{left}" x2="{width - right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="axis" x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{100 * share:.0f} %</text>')
    parts.append(f'<text class="axis" x="{width - right + 6}" y="{top + 4}">{most}</text>')
    parts.append(f'<text class="axis" x="{width - right + 6}" y="{top + deep + 4}">0</text>')
    steps = [(left + at * step, top + deep * (1 - one["nodes"] / most)) for at, one in enumerate(samples)]
    if steps:
        area = " ".join(f"H{x:.1f}V{y:.1f}" for x, y in steps)
        parts.append(f'<path class="count" d="M{left} {top + deep}{area}V{top + deep}Z"/>')
    line = [
        (left + at * step, top + deep * (1 - one["hit_rate"]))
        for at, one in enumerate(samples)
        if one["hit_rate"] is not None
    ]
    if line:
        parts.append(f'<polyline class="rate" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in line)}"/>')
        parts.append(f'<circle class="rate" cx="{line[-1][0]:.1f}" cy="{line[-1][1]:.1f}" r="3"/>')
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704  numbers and our own words
