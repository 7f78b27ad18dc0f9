"""Charts say what they were given: areas in proportion, nothing outside, texts escaped."""

import re
import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from windlass.console import charts


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=40))
def test_a_treemap_covers_its_area_in_proportion(counts):
    counts = sorted(counts, reverse=True)
    svg = ET.fromstring(str(charts.treemap([(f"t.{n}", count, "/x") for n, count in enumerate(counts)])))
    areas = [(float(r.get("width")) + 2) * (float(r.get("height")) + 2) for r in svg.iter("rect")]
    total = sum(counts)
    for count, area in zip(counts, areas, strict=True):
        if count / total > 0.02:
            assert abs(area / (720 * 300) - count / total) < 0.02
    for rect in svg.iter("rect"):
        assert float(rect.get("x")) + float(rect.get("width")) <= 721
        assert float(rect.get("y")) + float(rect.get("height")) <= 301


def test_texts_are_escaped_and_empty_charts_are_valid():
    ET.fromstring(str(charts.treemap([('<b "x">&', 5, '/?a="&b=<')])))
    ET.fromstring(str(charts.treemap([])))
    ET.fromstring(str(charts.days([])))


def test_bars_are_as_tall_as_their_numbers():
    rows = [{"day": f"2026-11-{n:02}", "created": n, "updated": 0, "deleted": 0} for n in range(1, 11)]
    svg = str(charts.days(rows))
    heights = [float(h) for h in re.findall(r'class="created"[^>]*height="([\d.]+)"', svg)]
    assert [round(h / heights[0]) for h in heights] == list(range(1, 11))


def test_a_graph_has_every_near_node_once():
    nodes = [{"key": f"k{n}", "pk": n, "name": f"n<{n}>", "type": "t"} for n in range(5)]
    edges = [
        {"source_key": "k0", "target_key": f"k{n}", "source": "a", "target": "b", "kind": "in"} for n in range(1, 5)
    ]
    svg = ET.fromstring(str(charts.graph(nodes, edges, "k0")))
    assert len(list(svg.iter("circle"))) == 5
    assert len(list(svg.iter("line"))) == 4
