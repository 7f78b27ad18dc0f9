"""The map of related resources as SVG: one column per distance from the resource. Every node is a link."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from markupsafe import Markup, escape

__all__ = ["relation_map"]

Row = Mapping[str, Any]

COLUMN_PX = 310
BOX_PX = 210
ROW_PX = 32
LABEL_CHARACTERS = 30
COLUMN_NODES = (
    24  # more nodes in one column are unreadable; the others are counted by type and listed in the table below
)
LABELLED_EDGES = 16  # with more, labels overlap; then only the tooltip has the kind
SWEEPS = 4  # passes of the barycenter heuristic; more do not remove crossings that four leave
_TONES = 8


@dataclass(frozen=True)
class _Spot:
    """The centre of a drawn node."""

    x: float
    y: float


def relation_map(nodes: Sequence[Row], edges: Sequence[Row], root: str) -> Markup:
    """Draw the graph around `root` (a key of `nodes`): referrers to the left, what is referred to on the right.

    `nodes` are rows of `inventory.rows.resource_row`, `edges` of `inventory.rows.relation_row`. Edges to resources that
    are not among the nodes are left out. A column of more than `COLUMN_NODES` says how many of each type it leaves out.
    """
    by_key = {node["key"]: node for node in nodes}
    known = [edge for edge in edges if edge["source_key"] in by_key and edge["target_key"] in by_key]
    columns = _columns(known, root)
    order = _order(columns, known)
    shown = {level: keys[:COLUMN_NODES] for level, keys in order.items()}
    height = (max(len(keys) + (len(order[level]) > len(keys)) for level, keys in shown.items()) + 1) * ROW_PX + 12
    spots = {
        key: _Spot(
            (level - min(order) + 0.5) * COLUMN_PX,
            height / 2 + (at - (len(keys) - 1) / 2) * ROW_PX,
        )
        for level, keys in shown.items()
        for at, key in enumerate(keys)
    }
    width = len(order) * COLUMN_PX
    tones = {name: at % _TONES for at, name in enumerate(sorted({_service(node) for node in nodes}))}
    parts = [
        f'<svg class="chart relations map" viewBox="0 0 {width} {height:.0f}" width="{width}" height="{height:.0f}" '
        f'role="group" aria-label="Map of {len(by_key)} related resources">',
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z"/></marker></defs>',
        *_edges(known, spots),
        *(_node(by_key[key], spot, tones, is_root=key == root) for key, spot in spots.items()),
    ]
    for level, keys in order.items():
        if left_out := keys[COLUMN_NODES:]:
            x = (level - min(order) + 0.5) * COLUMN_PX
            text = f"and {_by_type(by_key[key] for key in left_out)}"
            parts.append(
                f'<text class="axis" x="{x:.0f}" y="{height - 4:.0f}" text-anchor="middle">{escape(text)}</text>'
            )
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704  every text in it went through escape()


def _columns(edges: Sequence[Row], root: str) -> dict[int, list[str]]:
    """{signed distance from the root: keys}, breadth first; a node stays on the side on which it was reached."""
    level = {root: 0}
    frontier = [root]
    while frontier:
        reached: list[str] = []
        for key in frontier:
            for edge in edges:
                for near, far, sign in (
                    (edge["source_key"], edge["target_key"], 1),
                    (edge["target_key"], edge["source_key"], -1),
                ):
                    if near == key and far not in level:
                        side = sign if key == root else (1 if level[key] > 0 else -1)
                        level[far] = level[key] + side
                        reached.append(far)
        frontier = reached
    columns: dict[int, list[str]] = {}
    for key, distance in level.items():
        columns.setdefault(distance, []).append(key)
    return dict(sorted(columns.items()))


def _order(columns: Mapping[int, Sequence[str]], edges: Sequence[Row]) -> dict[int, list[str]]:
    """Each column's keys, sorted by the mean position of their neighbours, so that few edges cross (Sugiyama)."""
    neighbours: dict[str, list[str]] = {}
    for edge in edges:
        neighbours.setdefault(edge["source_key"], []).append(edge["target_key"])
        neighbours.setdefault(edge["target_key"], []).append(edge["source_key"])
    order = {level: sorted(keys) for level, keys in columns.items()}
    for _ in range(SWEEPS):
        for level in sorted(order, key=abs):
            position = {
                key: at - (len(keys) - 1) / 2
                for other in (level - 1, level + 1)
                for keys in (order.get(other, []),)
                for at, key in enumerate(keys)
            }

            def barycenter(key: str, position: Mapping[str, float] = position) -> tuple[float, str]:
                near = [position[other] for other in neighbours.get(key, ()) if other in position]
                return (sum(near) / len(near) if near else 0.0, key)

            order[level].sort(key=barycenter)
    return order


def _edges(edges: Sequence[Row], spots: Mapping[str, _Spot]) -> list[str]:
    """A curve with an arrow for each edge between drawn nodes; its kind is a tooltip, and a label where there is room."""
    drawn = [edge for edge in edges if edge["source_key"] in spots and edge["target_key"] in spots]
    bend = (COLUMN_PX - BOX_PX) / 2
    parts = []
    for edge in drawn:
        start, end = spots[edge["source_key"]], spots[edge["target_key"]]
        if start == end:
            continue
        x1, x2 = _ports(start, end)
        out, into = (bend, -bend) if x2 > x1 else (-bend, bend)
        if start.x == end.x:  # both in one column: the edge runs outside of it
            out = into = bend
        kind = escape(edge["kind"])
        curve = f"M{x1:.1f} {start.y:.1f}C{x1 + out:.1f} {start.y:.1f} {x2 + into:.1f} {end.y:.1f} {x2:.1f} {end.y:.1f}"
        parts.append(f'<path class="arm" marker-end="url(#arrow)" d="{curve}"><title>{kind}</title></path>')
        if len(drawn) <= LABELLED_EDGES:
            x = (x1 + x2 + out + into) / 2 if start.x == end.x else (x1 + x2) / 2
            y = (start.y + end.y) / 2 - 3
            parts.append(f'<text class="kind" x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{kind}</text>')
    return parts


def _ports(start: _Spot, end: _Spot) -> tuple[float, float]:
    """Where an edge leaves and enters: the sides of the two boxes that face each other."""
    half = BOX_PX / 2
    if start.x == end.x:
        return start.x + half, end.x + half
    side = 1 if end.x > start.x else -1
    return start.x + side * half, end.x - side * half


def _node(node: Row, spot: _Spot, tones: Mapping[str, int], *, is_root: bool) -> str:
    """A box with the name and the type, linked to the resource's own page."""
    half = BOX_PX / 2
    name = _short(str(node["name"] or node["resource_id"]))
    body = (
        f"<title>{escape(node['type'])} {escape(node['name'] or node['resource_id'])}</title>"
        f'<rect class="{"root" if is_root else "box"}" x="{spot.x - half:.1f}" y="{spot.y - 13:.1f}" width="{2 * half:.1f}" '
        'height="26" rx="5"/>'
        f'<rect class="tone{tones[_service(node)]}" x="{spot.x - half:.1f}" y="{spot.y - 13:.1f}" width="4" height="26" rx="2"/>'
        f'<text class="{"root" if is_root else "name"}" x="{spot.x - half + 11:.1f}" y="{spot.y - 1:.1f}">{escape(name)}</text>'
        f'<text class="axis" x="{spot.x - half + 11:.1f}" y="{spot.y + 9.5:.1f}">{escape(node["type"])}</text>'
    )
    return f'<a href="/inventory/resource?ref={quote(str(node["key"]), safe="")}">{body}</a>'


def _service(node: Row) -> str:
    return str(node["type"]).split(".", 1)[0]


def _by_type(nodes: Iterable[Row]) -> str:
    """`276 s3.bucket, 3 iam.role`: the most frequent types first, at most three of them."""
    counts: dict[str, int] = {}
    for node in nodes:
        counts[str(node["type"])] = counts.get(str(node["type"]), 0) + 1
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    texts = [f"{count:,} {name}" for name, count in ranked[:3]]
    if rest := sum(count for _, count in ranked[3:]):
        texts.append(f"{rest:,} others")
    return ", ".join(texts)


def _short(text: str) -> str:
    """Shorten a label. The end of an ARN identifies the resource, so its beginning is cut."""
    if len(text) <= LABEL_CHARACTERS:
        return text
    kept = LABEL_CHARACTERS - 1
    return "…" + text[-kept:] if text.startswith("arn:") else text[:kept] + "…"
