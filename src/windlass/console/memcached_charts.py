"""Charts of a Memcached cluster: its hash ring, one segment per node, and its hit rate over time. SVG, no script."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape

__all__ = ["hit_rates", "node_ring"]

SIZE_PX = 400
RING_OUTER, RING_INNER = 190.0, 152.0
BAR_OUTER, BAR_INNER = 146.0, 108.0
GAP_TURNS = 0.006
LABELLED_NODES = 44  # with more nodes, labels would overlap


def node_ring(nodes: Sequence[dict[str, Any]], *, title: str, subtitle: str) -> Markup:
    """Draw the hash ring. Inner bars are hit rates.

    `nodes` have node_id, zone, status, share of the keys (0 to 1) and hit_rate (0 to 1, or None without gets).
    """
    zones = {zone: number for number, zone in enumerate(sorted({node["zone"] for node in nodes}))}
    total = sum(_arc_share(node) for node in nodes) or 1.0
    at, parts = 0.0, []
    for node in nodes:
        end = at + _arc_share(node) / total
        parts.append(_segment(node, zones[node["zone"]], at, end, labelled=len(nodes) <= LABELLED_NODES))
        at = end
    half = SIZE_PX / 2
    return Markup(  # noqa: S704  every text in it went through escape()
        f'<svg class="chart nodering" viewBox="0 0 {SIZE_PX} {SIZE_PX}" role="img" aria-label="{len(nodes)} nodes, {escape(title)}">'
        f"{''.join(parts)}"
        f'<text class="middle" x="{half}" y="{half + 4}" text-anchor="middle">{escape(title)}</text>'
        f'<text class="axis" x="{half}" y="{half + 26}" text-anchor="middle">{escape(subtitle)}</text></svg>'
    )


def _arc_share(node: dict[str, Any]) -> float:
    """The share of the keys. A node without keys (being created or deleted) gets a sliver, so that it is visible."""
    return float(node["share"] or 0.004)


def _segment(node: dict[str, Any], zone: int, start: float, end: float, *, labelled: bool) -> str:
    rate = node["hit_rate"]
    hits = "no gets" if rate is None else f"{100 * rate:.1f} % hits"
    share = f"{100 * node['share']:.1f} % of keys" if node["share"] else "no keys"
    body = [
        f"<title>{escape(node['node_id'])} in {escape(node['zone'])}: {escape(node['status'])}, {share}, {hits}</title>",
        f'<path class="arc zone{zone % 6} {escape(node["status"])}" d="{_arc(start, end, RING_INNER, RING_OUTER)}"/>',
        f'<path class="well" d="{_arc(start, end, BAR_INNER, BAR_OUTER)}"/>',
    ]
    if rate:
        body.append(
            f'<path class="rate" d="{_arc(start, end, BAR_INNER, BAR_INNER + (BAR_OUTER - BAR_INNER) * rate)}"/>'
        )
    if labelled and end - start > 0.012:
        x, y = _point((start + end) / 2, (RING_INNER + RING_OUTER) / 2)
        turn = 360 * (start + end) / 2
        turn += 180 if 90 < turn < 270 else 0
        body.append(
            f'<text class="id" x="{x:.1f}" y="{y + 3:.1f}" text-anchor="middle" transform="rotate({turn:.1f} {x:.1f} {y:.1f})">'
            f"{escape(node['node_id'])}</text>"
        )
    return f"<g>{''.join(body)}</g>"


def _arc(start: float, end: float, inner: float, outer: float) -> str:
    """The path of a ring segment. `start` and `end` are turns, 0 to 1, clockwise from the top."""
    gap = min(GAP_TURNS, (end - start) / 4) / 2
    start, end = start + gap, min(end - gap, start + gap + 0.9999)
    large = int(end - start > 0.5)
    (x1, y1), (x2, y2), (x3, y3), (x4, y4) = (
        _point(start, outer),
        _point(end, outer),
        _point(end, inner),
        _point(start, inner),
    )
    return (
        f"M{x1:.2f} {y1:.2f}A{outer:.1f} {outer:.1f} 0 {large} 1 {x2:.2f} {y2:.2f}"
        f"L{x3:.2f} {y3:.2f}A{inner:.1f} {inner:.1f} 0 {large} 0 {x4:.2f} {y4:.2f}Z"
    )


def _point(turn: float, radius: float) -> tuple[float, float]:
    angle = 2 * math.pi * turn
    return SIZE_PX / 2 + radius * math.sin(angle), SIZE_PX / 2 - radius * math.cos(angle)


def hit_rates(samples: Sequence[dict[str, Any]], *, width: int = 620, height: int = 180) -> Markup:
    """Draw hit rates as a line, and the number of nodes as steps behind it.

    `samples` are in order of time and have hit_rate (0 to 1, or None) and nodes.
    """
    left, right, top, bottom = 40, 34, 8, 14
    wide, deep = width - left - right, height - top - bottom
    step = wide / max(len(samples) - 1, 1)
    max_nodes = max([*(sample["nodes"] for sample in samples), 1])
    parts = [f'<svg class="chart hitrates" viewBox="0 0 {width} {height}" role="img" aria-label="Hit rate over time">']
    for share in (0.0, 0.5, 1.0):
        y = top + deep * (1 - share)
        parts.append(f'<line class="grid" x1="{left}" x2="{width - right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="axis" x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{100 * share:.0f} %</text>')
    parts.append(f'<text class="axis" x="{width - right + 6}" y="{top + 4}">{max_nodes}</text>')
    parts.append(f'<text class="axis" x="{width - right + 6}" y="{top + deep + 4}">0</text>')
    steps = [(left + at * step, top + deep * (1 - sample["nodes"] / max_nodes)) for at, sample in enumerate(samples)]
    if steps:
        area = " ".join(f"H{x:.1f}V{y:.1f}" for x, y in steps)
        parts.append(f'<path class="count" d="M{left} {top + deep}{area}V{top + deep}Z"/>')
    line = [
        (left + at * step, top + deep * (1 - sample["hit_rate"]))
        for at, sample in enumerate(samples)
        if sample["hit_rate"] is not None
    ]
    if line:
        parts.append(f'<polyline class="rate" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in line)}"/>')
        parts.append(f'<circle class="rate" cx="{line[-1][0]:.1f}" cy="{line[-1][1]:.1f}" r="3"/>')
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704  numbers and our own words
