"""Charts say what they were given: areas in proportion, nothing outside, texts escaped."""

import re
import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from windlass.console import charts


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=40))
def test_a_treemap_covers_its_area_in_proportion(counts):
    counts = sorted(counts, reverse=True)
    svg = ET.fromstring(str(charts.treemap([(f"t.{n:02}", count, "/x") for n, count in enumerate(counts)], height=300)))
    areas = [(float(r.get("width")) + 2) * (float(r.get("height")) + 2) for r in svg.iter("rect")]
    total = sum(counts)
    for count, area in zip(counts, areas, strict=True):
        if count / total > 0.02:
            assert abs(area / (720 * 300) - count / total) < 0.02
    for rect in svg.iter("rect"):
        assert float(rect.get("x")) + float(rect.get("width")) <= 721
        assert float(rect.get("y")) + float(rect.get("height")) <= 301


def test_a_treemap_names_each_service_once_and_its_types_inside():
    items = [(f"{service}.thing-{n}", 40 - n, f"/{service}/{n}") for service in ("ec2", "iam") for n in range(5)]
    svg = ET.fromstring(str(charts.treemap(items)))
    heads = [text.text.strip() for text in svg.iter("text") if text.get("class") == "head"]
    assert sorted(heads) == ["ec2", "iam"]
    assert {a.get("href") for a in svg.iter("a")} == {link for _, _, link in items}
    assert "thing-0" in [text.text for text in svg.iter("text")]


def test_texts_are_escaped_and_empty_charts_are_valid():
    ET.fromstring(str(charts.treemap([('<b "x">&', 5, '/?a="&b=<')])))
    ET.fromstring(str(charts.treemap([])))
    ET.fromstring(str(charts.days([])))


def test_bars_are_as_tall_as_their_numbers():
    rows = [{"day": f"2026-11-{n:02}", "created": n, "updated": 0, "deleted": 0} for n in range(1, 11)]
    svg = str(charts.days(rows))
    heights = [float(h) for h in re.findall(r'class="created"[^>]*height="([\d.]+)"', svg)]
    assert [round(h / heights[0]) for h in heights] == list(range(1, 11))


def _edge(kind, source, target, known=True):
    return {
        "kind": kind,
        "source": source,
        "source_key": f"k-{source}",
        "source_type": "t.s",
        "target": target,
        "target_key": f"k-{target}",
        "target_type": "t.t",
        "known": known,
    }


def test_relations_point_the_right_way_and_lead_to_what_is_known():
    edges = [_edge("in", "me", f"n<{n}>") for n in range(3)] + [
        _edge("uses", "other", "me"),
        _edge("in", "me", "gone", known=False),
    ]
    svg = ET.fromstring(str(charts.relations(edges, "k-me", "me")))
    x = {a.get("href"): float(a.find("circle").get("cx")) for a in svg.iter("a")}
    assert len(x) == 4  # what is not known leads nowhere
    assert x.pop("/inventory/resource?ref=k-other") < 340
    assert all(at > 340 for at in x.values())
    assert len(list(svg.iter("circle"))) == 5


def test_many_relations_say_how_many_are_not_drawn():
    svg = str(charts.relations([_edge("in", "me", f"n{n}") for n in range(40)], "k-me", "me"))
    assert "28 more" in svg


def test_days_lead_to_their_changes():
    rows = [
        {"day": "2026-11-20", "created": 1, "updated": 0, "deleted": 0, "link": "/changes?since=2026-11-20&until=x"}
    ]
    svg = ET.fromstring(str(charts.days(rows)))
    assert [a.get("href") for a in svg.iter("a")] == ["/changes?since=2026-11-20&until=x"]
    assert "1 created" in svg.find("a/title").text
