"""The direct relations of a resource as SVG: referrers on the left, references on the right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from markupsafe import Markup, escape

__all__ = ["relations"]

Edge = dict[str, Any]
MAX_PER_SIDE = 12
_ROW = 34
_LABEL = 24


def relations(edges: Sequence[Edge], root: str, name: str, *, width: int = 680) -> Markup:
    """Draw relations (rows of `inventory.rows.relation_row`) of the resource with the key `root`, `MAX_PER_SIDE` per side."""
    left = _ends([edge for edge in edges if edge["source_key"] != root], "source")
    right = _ends([edge for edge in edges if edge["source_key"] == root], "target")
    height = max(len(left[:MAX_PER_SIDE]), len(right[:MAX_PER_SIDE]), 2) * _ROW + 30
    middle = height / 2 - 6
    parts = [f'<svg class="chart relations" viewBox="0 0 {width} {height}" role="img" aria-label="Relations">']
    for ends, x, side in ((left, width * 0.27, -1), (right, width * 0.73, 1)):
        shown = ends[:MAX_PER_SIDE]
        for at, end in enumerate(shown):
            y = middle + (at - (len(shown) - 1) / 2) * _ROW
            parts += _arm(end, (x, y), (width / 2, middle), side)
        if len(ends) > len(shown):
            rest = f"and {len(ends) - len(shown)} more, listed below"
            parts.append(f'<text class="axis" x="{x:.0f}" y="{height - 4}" text-anchor="middle">{rest}</text>')
    shown_name = _short(name, 26)
    half = 4.0 * len(shown_name) + 14
    parts.append(
        f'<rect class="root" x="{width / 2 - half:.1f}" y="{middle - 15:.1f}" width="{2 * half:.1f}" height="30" rx="15"/>'
        f'<text class="root" x="{width / 2:.1f}" y="{middle + 4:.1f}" text-anchor="middle">{escape(shown_name)}</text>'
    )
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704  every text in it went through escape()


def _ends(edges: Sequence[Edge], end: str) -> list[Edge]:
    """The resource at the other end of each edge, collected ones first."""
    ends = [
        {
            "kind": edge["kind"],
            "name": edge[end],
            "type": edge[f"{end}_type"],
            "key": edge[f"{end}_key"],
            "known": end == "source" or edge["known"],
        }
        for edge in edges
    ]
    return sorted(ends, key=lambda row: (not row["known"], row["kind"], row["name"]))


def _arm(end: Edge, at: tuple[float, float], root: tuple[float, float], side: int) -> list[str]:
    """A node with its label on the outer side, and a curve to the centre with the kind of the relation."""
    (x, y), (rx, ry) = at, root
    bend = (x + rx) / 2
    curve = f"M{x:.1f} {y:.1f}C{bend:.1f} {y:.1f} {bend:.1f} {ry:.1f} {rx:.1f} {ry:.1f}"
    parts = [f'<path class="{"arm" if end["known"] else "arm loose"}" d="{curve}"/>']
    parts.append(
        f'<text class="kind" x="{x - side * 9:.1f}" y="{y - 5:.1f}" text-anchor="{"end" if side > 0 else "start"}">'
        f"{escape(end['kind'])}</text>"
    )
    node = (
        f"<title>{escape(end['type'])} {escape(end['name'])}</title>"
        f'<circle class="{"near" if end["known"] else "loose"}" cx="{x:.1f}" cy="{y:.1f}" r="5"/>'
        f'<text x="{x + side * 11:.1f}" y="{y + 1:.1f}" text-anchor="{"start" if side > 0 else "end"}">'
        f"{escape(_short(str(end['name']), _LABEL))}</text>"
        f'<text class="axis" x="{x + side * 11:.1f}" y="{y + 13:.1f}" text-anchor="{"start" if side > 0 else "end"}">'
        f"{escape(end['type'])}</text>"
    )
    if end["known"]:
        node = f'<a href="/inventory/resource?ref={quote(str(end["key"]), safe="")}">{node}</a>'
    return [*parts, node if end["known"] else f"<g>{node}</g>"]


def _short(text: str, most: int) -> str:
    """Shorten a label. The end of an ARN identifies the resource, so its beginning is cut."""
    if len(text) <= most:
        return text
    return "…" + text[-(most - 1) :] if text.startswith("arn:") else text[: most - 1] + "…"
