"""Relations for free (mentions), and what would break without a resource."""

from datetime import timedelta

import pytest

from tests.inventory.test_revisions import T0, begin, inventory_of, scan, seen
from windlass.inventory import writer
from windlass.inventory.mentions import mentions_of
from windlass.inventory.model import Edge, Query, Scope

ACCOUNT, REGION = "111111111111", "eu-west-1"
KEY = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"


def arn_of(name):
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"


def write(store, items, *, day=0, kind="kind.a"):
    scope = Scope(ACCOUNT, REGION, kind)
    observations = [seen(name, document, edges=edges, scope=scope) for name, document, edges in items]
    writer.write_result(store, begin(store), scan(observations, T0 + timedelta(days=day), scope=scope))


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("see arn:aws:iam::111111111111:role/x, please", {"arn:aws:iam::111111111111:role/x"}),
        (
            "arn:aws:logs:eu-west-1:111111111111:log-group:/a/b:*",
            {"arn:aws:logs:eu-west-1:111111111111:log-group:/a/b"},
        ),
        ("arn:aws:s3:::bucket/*", set()),
        ("arn:aws:iam::111111111111:root", set()),
        ("arn:aws:sqs:*:*:orders", set()),
        ("arn:aws:sqs:${AWS::Region}:x", set()),
        ("vpc-0a1b2c3d and eni-0a1b2c3d4e5f60718.", {"vpc-0a1b2c3d", "eni-0a1b2c3d4e5f60718"}),
        (f"alias of {KEY}", {KEY}),
        ("not-an-id, abc-12345, 2026-11-20, eu-west-1", set()),
    ],
)
def test_mentions(text, targets):
    assert {edge.target for edge in mentions_of({"A": [{"B": text}]})} == targets


def test_a_declared_relation_is_not_mentioned_again():
    document = {"Vpc": "vpc-0a1b2c3d", "Role": "arn:aws:iam::1:role/r", "Own": "sg-0a1b2c3d"}
    declared = [Edge("in-vpc", "vpc-0a1b2c3d")]
    assert {edge.target for edge in mentions_of(document, own=["sg-0a1b2c3d"], declared=declared)} == set()
    key = f"arn:aws:kms:eu-west-1:111111111111:key/{KEY}"
    assert mentions_of({"Key": key}, declared=[Edge("encrypted-by", KEY)]) == set()
    assert mentions_of({"Key": KEY}, declared=[Edge("encrypted-by", key)]) == set()


def test_a_mention_is_a_relation_once_its_target_is_known(store):
    inventory = inventory_of(store)
    write(store, [("reader", {"Text": f"reads {arn_of('orders')}", "Vpc": "vpc-0a1b2c3d"}, ())])
    assert [edge.target_name for edge in inventory.relations("reader")] == [arn_of("orders")]  # the id is unknown
    write(store, [("orders", {}, ())], kind="kind.b")
    write(store, [("vpc-0a1b2c3d", {}, ())], kind="kind.c")
    assert {edge.target.name for edge in inventory.relations("reader")} == {"orders", "vpc-0a1b2c3d"}
    assert [edge.source.name for edge in inventory.relations("vpc-0a1b2c3d")] == ["reader"]
    write(store, [("reader", {"Text": "none", "Vpc": "vpc-0a1b2c3d"}, ())], day=1)
    assert inventory.relations("orders") == ()
    assert len(inventory.relations("orders", at=T0 + timedelta(hours=1))) == 1


def test_another_resource_of_the_same_name_is_no_relation(store):
    write(store, [("user", {}, [Edge("uses-role", "orders", "kind.role")])])
    write(store, [("orders", {}, ())], kind="kind.queue")
    write(store, [("orders", {}, ())], kind="kind.role")
    inventory = inventory_of(store)
    numbers = {row.type: f"#{row.id}" for row in inventory.walk(Query())}
    assert inventory.relations(numbers["kind.queue"]) == ()
    assert len(inventory.relations(numbers["kind.role"])) == 1


def test_dependents_are_all_that_need_it_and_nothing_else(store):
    write(store, [("key", {}, ())], kind="kind.key")
    write(store, [("role", {}, [Edge("encrypted-by", arn_of("key"))])], kind="kind.role")
    write(store, [("function", {}, [Edge("uses-role", arn_of("role"))])], kind="kind.function")
    write(
        store,
        [("rule", {}, [Edge("targets", arn_of("function")), Edge("uses-role", arn_of("role"))])],
        kind="kind.rule",
    )
    write(store, [("copy", {}, [Edge("snapshot-of", arn_of("key"))])], kind="kind.snapshot")
    write(store, [("disk", {}, [Edge("attached-to", arn_of("function"))])], kind="kind.disk")
    write(store, [("doc", {"Text": f"about {arn_of('function')}"}, ())], kind="kind.doc")
    inventory = inventory_of(store)
    result = inventory.dependents("key")
    assert [(each.resource.name, each.distance, each.kind, each.on.name) for each in result.resources] == [
        ("role", 1, "encrypted-by", "key"),
        ("function", 2, "uses-role", "role"),
        ("rule", 2, "uses-role", "role"),
    ]
    assert [each.resource.name for each in inventory.dependents("disk").resources] == ["function", "rule"]
    assert {each.resource.name for each in inventory.dependents("function", mentions=True).resources} == {"rule", "doc"}
    assert inventory.dependents("key", depth=1).resources == result.resources[:1]
    assert inventory.dependents("key", limit=2).truncated
    assert not inventory.dependents("key", limit=3).truncated


def test_a_circle_of_dependence_ends(store):
    write(store, [("a", {}, [Edge("allows-from", arn_of("b"))]), ("b", {}, [Edge("allows-from", arn_of("a"))])])
    assert [each.resource.name for each in inventory_of(store).dependents("a").resources] == ["b"]
