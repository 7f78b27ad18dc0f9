"""Search finds: the resource that a text names comes first, then what it is part of; addresses, types and tags in the box."""

from datetime import timedelta

import pytest

from tests.inventory.test_revisions import SCOPE, T0, begin, inventory_of, scan, seen
from windlass.core.errors import UsageError
from windlass.inventory import writer
from windlass.inventory.filters import parse_query
from windlass.inventory.model import Query, Scope
from windlass.inventory.search_terms import parse_terms

VPCS = Scope("222222222222", "eu-west-1", "ec2.vpc")
INSTANCES = Scope("111111111111", "eu-west-1", "ec2.instance")


@pytest.fixture
def inventory(store):
    run = begin(store)
    queues = [
        seen("zz-orders-archive", {"Description": "a copy of orders", "Tags": {"team": "web"}}),
        seen("orders", {"Tags": {"team": "web"}}),
        seen("orders-dead", {"Tags": {"team": "web"}}),
        seen("aa-reader", {"Reads": "orders", "Tags": {"team": "data science"}}),
        seen("bb-tagged", {"Tags": {"uses": "orders"}}),
    ]
    writer.write_result(store, run, scan(queues, T0))
    instances = [
        seen(
            f"i-0{number}c3fa9d7e1b0a5f{number}",
            {"Ip": f"10.1.{number}.9", "Tags": {"Name": f"web-{number}"}},
            scope=INSTANCES,
            addresses=(f"10.1.{number}.9",),
        )
        for number in range(4)
    ]
    writer.write_result(store, run, scan(instances, T0, scope=INSTANCES))
    writer.write_result(store, run, scan([seen("vpc-main", {"CidrBlock": "10.1.0.0/16"}, scope=VPCS)], T0, scope=VPCS))
    return inventory_of(store)


def names(inventory, words, **more):
    return [each.name for each in inventory.search(words, **more)]


def test_ranks(inventory):
    assert names(inventory, "orders") == ["orders", "orders-dead", "zz-orders-archive", "bb-tagged", "aa-reader"]
    assert names(inventory, "ORDERS")[0] == "orders"
    assert names(inventory, "orders-d")[0] == "orders-dead"


@pytest.mark.parametrize("part", ["3fa9d7e1b", "c3FA9d7", "i-02c3", "instance/i", "111:i-03c3fa9d7e1b0a5f3"])
def test_parts_of_ids_and_arns(inventory, part):
    found = names(inventory, part)
    assert (found and all(name.startswith("i-0") for name in found)) or part == "instance/i"


def test_an_address_and_a_network(inventory):
    assert names(inventory, "10.1.2.9") == ["i-02c3fa9d7e1b0a5f2"]
    assert len(names(inventory, "10.1.0.0/23")) == 2
    assert names(inventory, "10.1.0.0/16")[-1] == "vpc-main"  # after the holders: its document has the text
    assert [holder.address for holder in inventory.ip("10.1.2.0/23")] == ["10.1.2.9", "10.1.3.9"]
    assert names(inventory, "10.9.0.0/16") == []


def test_a_resource_that_is_named_as_its_address_comes_before_other_holders(inventory, store):
    elastic = Scope("111111111111", "eu-west-1", "ec2.elastic-ip")
    item = seen("10.1.2.9", {}, scope=elastic, addresses=("10.1.2.9",))
    writer.write_result(store, begin(store), scan([item], T0, scope=elastic))
    assert names(inventory, "10.1.2.9") == ["10.1.2.9", "i-02c3fa9d7e1b0a5f2"]


def test_filters_inside_the_box(inventory):
    assert names(inventory, "type:sqs orders")[0] == "orders"
    assert len(names(inventory, "type:ec2")) == 5
    assert names(inventory, 'tag:team="data science"') == ["aa-reader"]
    assert names(inventory, "-tag:team orders") == ["bb-tagged"]
    assert names(inventory, "region:eu-west-1 account:222222222222") == ["vpc-main"]
    with pytest.raises(UsageError, match="sq"):
        names(inventory, "type:sq")


def test_pages_of_a_search_cover_it_once(inventory):
    rows, cursor = [], ""
    while True:
        query = parse_query((), (), now=T0, words="orders", sort="relevance", limit=2, cursor=cursor)
        page = inventory.list(query)
        rows += [each.name for each in page.rows]
        cursor = page.cursor
        if not cursor:
            break
        assert page.total == 5
    assert rows == names(inventory, "orders")


def test_a_search_in_the_past_finds_what_was_deleted_since(inventory, store):
    writer.write_result(store, begin(store), scan([], T0 + timedelta(1), scope=SCOPE))
    assert names(inventory, "orders") == []
    assert names(inventory, "orders", at=T0 + timedelta(hours=1))[0] == "orders"
    assert inventory.list(Query(words="orders", at=T0 + timedelta(hours=1))).total == 5


@pytest.mark.parametrize(
    ("typed", "text", "conditions"),
    [
        ("pay web", "pay web", ()),
        ("type:s3 a -tag:b tag:c=d", "a", ("type=s3.*", "-tag:b", "tag:c=d")),
        ("type:s3.bucket", "", ("type=s3.bucket",)),
        ("arn:aws:sqs:eu-west-1:1:a type:", "arn:aws:sqs:eu-west-1:1:a type:", ()),
        ("\"; drop ' OR *", "\"; drop ' OR *", ()),
        ("bob's", "bob's", ()),
        ('"a b"', "a b", ()),
    ],
)
def test_terms(typed, text, conditions):
    terms = parse_terms(typed)
    assert (terms.text, terms.conditions) == (text, conditions)
