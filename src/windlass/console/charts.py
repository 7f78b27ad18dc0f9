"""Charts as SVG made on the server: no script, printable, accessible, testable. Colours are classes of the style sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

__all__ = ["days", "graph", "sparkbar", "treemap"]

_KINDS = ("created", "updated", "deleted")


def days(rows: Sequence[dict[str, Any]], *, width: int = 720, height: int = 180) -> Markup:
    """Stacked bars of created, updated and deleted by day; each day says its numbers on hover."""
    top = max((sum(row[kind] for kind in _KINDS) for row in rows), default=0)
    scale = _nice(top)
    step = (width - 40) / max(len(rows), 1)
    parts = [f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="Changes by day">']
    for share in (0.0, 0.5, 1.0):
        y = 10 + (height - 34) * (1 - share)
        parts.append(f'<line class="grid" x1="36" x2="{width}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="axis" x="30" y="{y + 4:.1f}" text-anchor="end">{scale * share:,.0f}</text>')
    for at, row in enumerate(rows):
        x, y = 40 + at * step, float(height - 24)
        said = ", ".join(f"{row[kind]:,} {kind}" for kind in _KINDS)
        parts.append(f"<g><title>{escape(row['day'])}: {said}</title>")
        parts.append(f'<rect class="hit" x="{x:.1f}" y="10" width="{step:.1f}" height="{height - 34}"/>')
        for kind in _KINDS:
            tall = (height - 34) * row[kind] / scale if scale else 0
            y -= tall
            if tall:
                parts.append(
                    f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{max(step - 3, 1):.1f}" height="{tall:.1f}" rx="1.5"/>'
                )
        parts.append("</g>")
        if at % 7 == len(rows) % 7:
            parts.append(f'<text class="axis" x="{x:.1f}" y="{height - 6}">{escape(row["day"][5:])}</text>')
    return Markup("".join([*parts, "</svg>"]))


def _nice(top: float) -> float:
    if top <= 0:
        return 1
    power = 10.0 ** math.floor(math.log10(top))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= top)


@dataclass(frozen=True, slots=True)
class _Box:
    x: float
    y: float
    w: float
    h: float


def treemap(items: Sequence[tuple[str, int, str]], *, width: int = 720, height: int = 300) -> Markup:
    """Rectangles of (label, count, link), largest first, as squarish as can be (Bruls, Huizing, van Wijk 2000)."""
    shown = [item for item in items if item[1] > 0][:40]
    total = sum(item[1] for item in shown)
    parts = [f'<svg class="chart treemap" viewBox="0 0 {width} {height}" role="img" aria-label="Resources by type">']
    if total:
        areas = [item[1] / total * width * height for item in shown]
        groups = sorted({label.partition(".")[0] for label, _, _ in shown})
        for (label, count, link), box in zip(shown, _squarify(areas, _Box(0, 0, width, height)), strict=True):
            hue = groups.index(label.partition(".")[0]) % 8
            parts.append(f'<a href="{escape(link)}"><title>{escape(label)}: {count:,}</title>')
            parts.append(
                f'<rect class="tone{hue}" x="{box.x + 1:.1f}" y="{box.y + 1:.1f}" width="{max(box.w - 2, 0):.1f}" '
                f'height="{max(box.h - 2, 0):.1f}" rx="3"/>'
            )
            if box.w > 6.3 * len(label) + 10 and box.h > 22:
                parts.append(f'<text x="{box.x + 8:.1f}" y="{box.y + 18:.1f}">{escape(label)}</text>')
                if box.h > 40:
                    parts.append(f'<text class="count" x="{box.x + 8:.1f}" y="{box.y + 36:.1f}">{count:,}</text>')
            parts.append("</a>")
    return Markup("".join([*parts, "</svg>"]))


def _squarify(areas: list[float], free: _Box) -> list[_Box]:
    boxes: list[_Box] = []
    row: list[float] = []
    for area in areas:
        side = min(free.w, free.h)
        if row and _worst([*row, area], side) > _worst(row, side):
            placed, free = _lay(row, free)
            boxes += placed
            row = []
        row.append(area)
    return boxes + _lay(row, free)[0]


def _worst(row: list[float], side: float) -> float:
    total = sum(row)
    if not total or not side:
        return math.inf
    return max(side**2 * max(row) / total**2, total**2 / (side**2 * min(row)))


def _lay(row: list[float], free: _Box) -> tuple[list[_Box], _Box]:
    total, boxes = sum(row), []
    if free.w >= free.h:
        wide, y = total / free.h if free.h else 0, free.y
        for area in row:
            tall = area / wide if wide else 0
            boxes.append(_Box(free.x, y, wide, tall))
            y += tall
        return boxes, _Box(free.x + wide, free.y, free.w - wide, free.h)
    tall, x = total / free.w if free.w else 0, free.x
    for area in row:
        wide = area / tall if tall else 0
        boxes.append(_Box(x, free.y, wide, tall))
        x += wide
    return boxes, _Box(free.x, free.y + tall, free.w, free.h - tall)


def sparkbar(share: float) -> Markup:
    """A thin bar of a share between 0 and 1."""
    wide = max(0.0, min(1.0, share)) * 100
    return Markup(
        f'<svg class="spark" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="track" width="100" height="6" rx="3"/><rect class="fill" width="{wide:.2f}" height="6" rx="3"/></svg>'
    )


def graph(
    nodes: Sequence[dict[str, Any]], edges: Sequence[dict[str, Any]], root: str, *, width: int = 460, height: int = 340
) -> Markup:
    """The relations around a resource: it in the middle, neighbours on a ring, theirs on the next."""
    ring = _rings(nodes, edges, root)
    spots = _spots(ring, width, height)
    known = {node["key"]: node for node in nodes}
    parts = [f'<svg class="chart relations" viewBox="0 0 {width} {height}" role="img" aria-label="Relations">']
    for edge in edges:
        a, b = spots.get(edge["source_key"]), spots.get(edge["target_key"])
        if a and b:
            parts.append(
                f'<line x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{b[0]:.1f}" y2="{b[1]:.1f}"><title>{escape(edge["source"])} '
                f"{escape(edge['kind'])} {escape(edge['target'])}</title></line>"
            )
    for key, (x, y) in spots.items():
        node = known[key]
        small = ring[key] > 1
        label = str(node["name"])
        label = label if len(label) <= 22 else label[:20] + "…"
        anchor = "middle" if key == root or abs(x - width / 2) < 60 else ("start" if x > width / 2 else "end")
        dx = 0 if anchor == "middle" else (11 if anchor == "start" else -11)
        dy = 24 if anchor == "middle" else 4
        parts.append(
            f'<a href="/inventory/resource?ref=%23{node["pk"]}"><title>{escape(node["type"])} {escape(node["name"])}</title>'
        )
        role, radius = ("root", 9) if key == root else ("far", 4) if small else ("near", 6)
        parts.append(f'<circle class="{role}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}"/>')
        if not small or len(spots) < 26:
            parts.append(f'<text x="{x + dx:.1f}" y="{y + dy:.1f}" text-anchor="{anchor}">{escape(label)}</text>')
        parts.append("</a>")
    return Markup("".join([*parts, "</svg>"]))


def _rings(nodes: Sequence[dict[str, Any]], edges: Sequence[dict[str, Any]], root: str) -> dict[str, int]:
    neighbours: dict[str, set[str]] = {}
    for edge in edges:
        neighbours.setdefault(edge["source_key"], set()).add(edge["target_key"])
        neighbours.setdefault(edge["target_key"], set()).add(edge["source_key"])
    keys = {node["key"] for node in nodes}
    ring, frontier, depth = {root: 0}, [root], 0
    while frontier:
        depth += 1
        following = sorted(
            {near for key in frontier for near in neighbours.get(key, ()) if near in keys and near not in ring}
        )
        ring.update(dict.fromkeys(following, depth))
        frontier = following
    return ring


def _spots(ring: dict[str, int], width: int, height: int) -> dict[str, tuple[float, float]]:
    deepest = max(ring.values(), default=0) or 1
    spots = {}
    for depth in range(deepest + 1):
        members = [key for key, at in ring.items() if at == depth]
        for number, key in enumerate(members):
            angle = 2 * math.pi * (number + 0.5 * (depth % 2)) / max(len(members), 1) - math.pi / 2
            reach = depth / (deepest + 0.35)
            spots[key] = (
                width / 2 + math.cos(angle) * reach * (width / 2 - 60),
                height / 2 + math.sin(angle) * reach * (height / 2 - 16),
            )
    return spots
