"""Resources by type as a treemap: services, with their types inside. Squarified layout (Bruls, Huizing, van Wijk 2000)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

__all__ = ["treemap"]

Item = tuple[str, int, str]
_TONES = 8
MAX_ITEMS = 90
_HEAD = 17.0
LETTER_PX = 6.5  # width of a letter at the font size of charts


@dataclass(frozen=True, slots=True)
class _Box:
    x: float
    y: float
    w: float
    h: float


def treemap(items: Sequence[Item], *, width: int = 720, height: int = 320) -> Markup:
    """Draw items (label, count, link), the largest first. Types of one service, such as `ec2.vpc`, share a rectangle."""
    shown = sorted((item for item in items if item[1] > 0), key=lambda item: (-item[1], item[0]))[:MAX_ITEMS]
    groups = _groups(shown)
    parts = [f'<svg class="chart treemap" viewBox="0 0 {width} {height}" role="img" aria-label="Resources by type">']
    sums = [sum(item[1] for item in group) for group in groups.values()]
    boxes = _squarify(sums, _Box(0, 0, width, height))
    for number, ((name, group), total, box) in enumerate(zip(groups.items(), sums, boxes, strict=True)):
        parts.append(f'<g class="tone{number % _TONES}">')
        headed = len(groups) > 1 and len(group) > 1 and box.h > 3 * _HEAD and box.w > LETTER_PX * len(name) + 12
        inner = _Box(box.x, box.y + _HEAD, box.w, box.h - _HEAD) if headed else box
        if headed:
            parts.append(
                f'<text class="head" x="{box.x + 5:.1f}" y="{box.y + 12.5:.1f}">{escape(name)} '
                f'<tspan class="count">{total:,}</tspan></text>'
            )
        for item, place in zip(group, _squarify([item[1] for item in group], inner), strict=True):
            parts += _leaf(item, place, short=headed)
        parts.append("</g>")
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704  every text in it went through escape()


def _groups(items: Sequence[Item]) -> dict[str, list[Item]]:
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(item[0].partition(".")[0], []).append(item)
    return dict(sorted(groups.items(), key=lambda entry: -sum(item[1] for item in entry[1])))


def _leaf(item: Item, box: _Box, *, short: bool) -> list[str]:
    label, count, link = item
    parts = [f'<a href="{escape(link)}"><title>{escape(label)}: {count:,}</title>']
    parts.append(
        f'<rect x="{box.x + 1:.2f}" y="{box.y + 1:.2f}" width="{max(box.w - 2, 0):.2f}" '
        f'height="{max(box.h - 2, 0):.2f}" rx="3"/>'
    )
    room = int((box.w - 10) / LETTER_PX)
    text = label.partition(".")[2] if short else label
    if len(text) > room:
        text = text[: room - 1] + "…" if room > 4 else ""
    if text and box.h > 19:
        parts.append(f'<text x="{box.x + 6:.1f}" y="{box.y + 14.5:.1f}">{escape(text)}</text>')
        if box.h > 36:
            parts.append(f'<text class="count" x="{box.x + 6:.1f}" y="{box.y + 29:.1f}">{count:,}</text>')
    return [*parts, "</a>"]


def _squarify(counts: Sequence[float], free: _Box) -> list[_Box]:
    """Return a box per count, in proportion and as square as possible. `counts` are sorted, the largest first."""
    total = sum(counts)
    areas = [count / total * free.w * free.h for count in counts] if total else []
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
