"""The map of related resources: every node is drawn or counted, nothing overlaps, every drawn node is a link."""

import itertools
import random
import re
import xml.etree.ElementTree as ET

import pytest

from windlass.console.relation_map import COLUMN_NODES, relation_map


def node(key, kind="s3.bucket", name=""):
    return {"key": key, "type": kind, "name": name or key, "resource_id": key}


def edge(source, target, kind="uses"):
    return {"source_key": source, "target_key": target, "kind": kind}


def boxes(svg):
    """{key: (x, y, width, height)} of the drawn nodes."""
    return {
        link.get("href").partition("ref=")[2]: tuple(
            float(link.find("rect").get(of)) for of in ("x", "y", "width", "height")
        )
        for link in ET.fromstring(str(svg)).iter("a")
    }


def left_out(svg):
    texts = [text.text for text in ET.fromstring(str(svg)).iter("text") if (text.text or "").startswith("and ")]
    return sum(
        int(number.replace(",", ""))
        for text in texts
        for number in re.findall(r"([\d,]+) (?:[a-z0-9]+\.|others)", text)
    )


@pytest.mark.parametrize("size", [1, 10, 60, 300])
@pytest.mark.parametrize("seed", range(5))
def test_every_node_is_drawn_or_counted_and_no_two_boxes_overlap(size, seed):
    rng = random.Random(seed)
    keys = ["root", *(f"n{n}" for n in range(size))]
    nodes = [node(key, rng.choice(["s3.bucket", "iam.role", "sqs.queue", "kms.key", "ec2.vpc"])) for key in keys]
    edges = []
    for at, key in enumerate(keys[1:], 1):
        other = "root" if at < 6 else rng.choice(keys[:at])
        edges.append(edge(key, other) if rng.random() < 0.5 else edge(other, key))
    edges += [edge(rng.choice(keys), rng.choice(keys)) for _ in range(size // 3)]
    svg = relation_map(nodes, edges, "root")
    drawn = boxes(svg)
    assert len(drawn) + left_out(svg) == len(keys)
    assert "root" in drawn
    for (x, y, wide, tall), (x2, y2, *_) in itertools.combinations(drawn.values(), 2):
        assert abs(x - x2) >= wide or abs(y - y2) >= tall
    top = float(ET.fromstring(str(svg)).get("height"))
    assert all(y >= 0 and y + tall <= top for _, y, _, tall in drawn.values())


def test_referrers_are_left_and_what_is_referred_to_is_right_at_every_distance():
    nodes = [node(key) for key in ("root", "from", "before", "to", "after")]
    svg = relation_map(
        nodes, [edge("before", "from"), edge("from", "root"), edge("root", "to"), edge("to", "after")], "root"
    )
    x = {key: box[0] for key, box in boxes(svg).items()}
    assert sorted(x, key=x.get) == ["before", "from", "root", "to", "after"]


def test_neighbours_stand_in_the_order_of_what_they_belong_to():
    """a-c belong to z, d-f to y: sorted by name, all nine edges would cross."""
    nodes = [node(key) for key in ("root", "y", "z", *"abcdef")]
    edges = [
        edge("root", "y"),
        edge("root", "z"),
        *(edge("z", key) for key in "abc"),
        *(edge("y", key) for key in "def"),
    ]
    y = {key: box[1] for key, box in boxes(relation_map(nodes, edges, "root")).items()}
    assert (y["y"] < y["z"]) == (max(y[key] for key in "def") < min(y[key] for key in "abc"))


def test_a_full_column_counts_the_nodes_that_it_leaves_out():
    nodes = [node("root"), *(node(f"n{n:03}") for n in range(COLUMN_NODES + 40)), node("z", "iam.role")]
    svg = relation_map(nodes, [edge("root", entry["key"]) for entry in nodes[1:]], "root")
    assert ">and 40 s3.bucket, 1 iam.role<" in str(svg)


def test_names_are_escaped_and_edges_to_unknown_resources_are_left_out():
    svg = relation_map(
        [node("root", name="<script>"), node("b&c")], [edge("root", "b&c", "<kind>"), edge("root", "gone")], "root"
    )
    assert "<script>" not in str(svg)
    assert len(list(ET.fromstring(str(svg)).iter("a"))) == 2
