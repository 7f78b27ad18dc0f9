"""Pushes of other collectors: idempotent in any order, deleting only at the end of a run, and redacted."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.checks.config import ChecksConfig
from windlass.checks.service import Checks
from windlass.core.errors import UsageError
from windlass.inventory.catalog import BY_NAME
from windlass.inventory.config import InventoryConfig
from windlass.inventory.model import ChangeKind, Query
from windlass.inventory.pushes.item_check import MAX_DEPTH, MAX_DOCUMENT_BYTES
from windlass.inventory.pushes.model import MAX_ITEMS, ItemOutcome, Push, PushedItem, PushScope
from windlass.inventory.pushes.service import Pushes
from windlass.inventory.service import Inventory

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
SCOPE = PushScope(source="netbox", type="custom.printer", account_id="111111111111", region="berlin")
CREATED, UPDATED, UNCHANGED, STALE, REFUSED = ItemOutcome


def item(name, **document):
    return PushedItem(id=name, document=document)


def push(*items, hour=0, complete=False, scope=SCOPE):
    return Push(scope=scope, observed_at=START + timedelta(hours=hour), items=items, complete=complete)


class World:
    def __init__(self, store):
        self.inventory = Inventory(store, lambda: pytest.fail("a push calls nothing"), InventoryConfig())
        self.pushes = Pushes(
            store,
            collected=lambda: BY_NAME,
            redact_paths=("custom.printer:Shelf",),
            now=lambda: START + timedelta(days=1),
        )

    def send(self, *items, **options):
        return self.pushes.record(push(*items, **options))

    def outcomes(self, *items, **options):
        return [result.outcome for result in self.send(*items, **options).items]

    def documents(self, type_="custom.printer"):
        rows = self.inventory.walk(Query(types=(type_,)))
        return {row.resource_id: row.document for row in rows}


@pytest.fixture
def world(store):
    return World(store)


def test_two_runs_create_update_and_delete(world):
    assert world.outcomes(item("p1", Toner=90), item("p2", Toner=50)) == [CREATED, CREATED]
    assert world.send(item("p3", Toner=10), complete=True).completed
    second = world.send(item("p1", Toner=80), item("p2", Toner=50), hour=1, complete=True)
    assert [result.outcome for result in second.items] == [UPDATED, UNCHANGED]
    assert (second.deleted, second.completed) == (1, True)
    assert world.documents() == {"p1": {"Toner": 80}, "p2": {"Toner": 50}}
    history = world.inventory.history("p1")
    assert [(revision.change, revision.valid_from.hour, revision.run_id) for revision in history] == [
        (ChangeKind.UPDATED, 13, "push:netbox"),
        (ChangeKind.CREATED, 12, "push:netbox"),
    ]
    assert world.inventory.show("p3", at=START + timedelta(minutes=1)).document == {"Toner": 10}
    assert [(status.scope.region, status.resources) for status in world.inventory.scopes()] == [("netbox:berlin", 2)]


def test_an_interrupted_run_deletes_nothing(world):
    world.send(item("p1"), item("p2"), complete=True)
    world.send(item("p1", Toner=1), hour=1)  # the run ends here
    assert set(world.documents()) == {"p1", "p2"}
    world.send(item("p3"), hour=2)
    assert world.send(item("p1", Toner=1), hour=2, complete=True).deleted == 1
    assert set(world.documents()) == {"p1", "p3"}


def test_a_push_that_comes_twice_changes_nothing(world):
    world.send(item("p1", Toner=1), item("p2", Toner=2), complete=True)
    again = world.send(item("p1", Toner=1), item("p2", Toner=2), complete=True)
    assert [result.outcome for result in again.items] == [UNCHANGED, UNCHANGED]
    assert len(world.inventory.history("p1")) == 1


def test_an_older_push_undoes_nothing(world):
    world.send(item("p1", Toner=2), hour=2)
    assert world.outcomes(item("p1", Toner=1), item("p2", Toner=1), hour=1) == [STALE, CREATED]
    world.send(hour=3, complete=True)
    late = world.send(item("p2", Toner=9), hour=2, complete=True)
    assert ([result.outcome for result in late.items], late.completed) == ([STALE], False)
    assert world.documents() == {}


TYPES = (f"custom.kind{number}" for number in itertools.count())
RUNS = st.lists(
    st.tuples(
        st.lists(st.dictionaries(st.sampled_from("abcd"), st.integers(0, 2), max_size=3), max_size=3), st.booleans()
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=25, deadline=None)
@given(runs=RUNS, data=st.data())
def test_the_order_and_the_number_of_deliveries_do_not_matter(world_of_sqlite, runs, data):
    """Each run sends distinct resources, in batches, and ends or not."""
    kind = next(TYPES)
    scope = PushScope(source="netbox", type=kind)
    pushes, expected = [], {}
    for hour, (batches, is_complete) in enumerate(runs):
        contents = {}
        for batch in batches:
            fresh = {name: value for name, value in batch.items() if name not in contents}
            contents |= fresh
            items = [item(name, Toner=value) for name, value in fresh.items()]
            pushes.append(push(*items, hour=hour, scope=scope))
        if is_complete:
            pushes.append(push(hour=hour, scope=scope, complete=True))
            expected = {}
        expected |= {name: {"Toner": value} for name, value in contents.items()}
    if not pushes:
        return
    delivered = data.draw(st.permutations(pushes)) + data.draw(st.lists(st.sampled_from(pushes), max_size=3))
    for delivery in delivered:
        world_of_sqlite.pushes.record(delivery)
    assert world_of_sqlite.documents(kind) == expected


@pytest.fixture(scope="module")
def world_of_sqlite(tmp_path_factory):
    from windlass.store.config import StoreConfig
    from windlass.store.database import open_store

    file = tmp_path_factory.mktemp("pushes") / "windlass.db"
    with open_store(StoreConfig(url=f"sqlite:///{file}")) as opened:
        yield World(opened)


def test_sources_and_scopes_never_change_each_others_resources(world):
    world.send(item("p1"), complete=True)
    cmdb = PushScope(source="cmdb", type=SCOPE.type, account_id=SCOPE.account_id, region=SCOPE.region)
    result = world.send(item("p1", Toner=1), item("p9"), scope=cmdb, hour=1, complete=True)
    assert [entry.outcome for entry in result.items] == [REFUSED, CREATED]
    assert "another source" in result.items[0].detail
    elsewhere = PushScope(source="netbox", type=SCOPE.type)
    assert world.send(scope=elsewhere, hour=2, complete=True).deleted == 0
    assert world.documents() == {"p1": {}, "p9": {}}


def test_a_type_that_windlass_collects_is_refused(world):
    with pytest.raises(UsageError, match="collects the type ec2.instance itself"):
        world.send(item("i-1"), scope=PushScope(source="netbox", type="ec2.instance"))
    with pytest.raises(ValueError, match="does not match"):
        PushScope(source="netbox", type="printer")


def test_malformed_pushes_are_refused_before_anything_is_written(world):
    with pytest.raises(UsageError, match="occurs twice"):
        world.send(item("p1"), item("p1"))
    with pytest.raises(UsageError, match="at most 1,000 resources"):
        world.send(*(item(str(number)) for number in range(MAX_ITEMS + 1)))
    with pytest.raises(UsageError, match="in the future"):
        world.send(item("p1"), hour=48)
    assert world.documents() == {}


def nested(depth):
    value = {}
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"Text": "a\x00b"}, "NUL"),
        ({"Text": "\ud800"}, "Unicode"),
        ({"a\x00": 1}, "NUL"),
        ({"Load": float("nan")}, "NaN"),
        ({"Text": "x" * MAX_DOCUMENT_BYTES}, "bytes"),
        (nested(MAX_DEPTH), "nested deeper"),
        ({"Tags": [{"Key": "team"}]}, "beside the document"),
    ],
    ids=["nul", "surrogate", "nul in a name", "nan", "size", "depth", "tags"],
)
def test_a_refused_resource_keeps_its_last_state(world, document, reason):
    world.send(item("p1", Toner=1), complete=True)
    refused = PushedItem(id="p1", document=document)
    result = world.send(refused, item("p2"), hour=1, complete=True)
    assert [entry.outcome for entry in result.items] == [REFUSED, CREATED]
    assert reason in result.items[0].detail
    assert world.documents() == {"p1": {"Toner": 1}, "p2": {}}


def test_secrets_are_redacted_everywhere(world, store):
    key = "xoxb-" + "2468013579-abcdefghijkl"
    secret = PushedItem(
        id="p1",
        name=f"printer {key}",
        tags={"note": f"login {key}"},
        document={"AdminPassword": "hunter2-of-the-printer", "Shelf": "ward seven", "Note": f"use {key}"},
    )
    world.send(secret)
    with store.read() as connection:
        stored = [
            str(connection.exec_driver_sql(f"SELECT * FROM {table}").all())
            for table in ("resource", "revision", "member_value", "resource_words")
        ]
    for text in (key, "hunter2", "ward seven"):
        assert not any(text.lower() in row.lower() for row in stored), text
    document = world.documents()["p1"]
    assert document["Shelf"].startswith("redacted:declared:")
    assert document["AdminPassword"].startswith("redacted:name:")
    assert world.outcomes(secret, hour=1) == [UNCHANGED]


def test_pushed_resources_are_in_searches_tags_and_relations(world):
    printer_arn = "arn:aws:iot:eu-west-1:111111111111:thing/p1"
    tray = PushedItem(id="tray-1", document={"PrinterArn": printer_arn})
    world.send(PushedItem(id=printer_arn, name="Lobby", tags={"team": "facilities"}, document={"Model": "LX-90"}), tray)
    assert [row.name for row in world.inventory.search("lx-90")] == ["Lobby"]
    assert [row.name for row in world.inventory.list(Query(tags={"team": "facilities"})).rows] == ["Lobby"]
    relations = world.inventory.relations("tray-1")
    assert [(relation.kind, relation.target.name) for relation in relations] == [("mentions", "Lobby")]


def test_pushed_resources_are_in_sql(sqlite_store):
    world = World(sqlite_store)
    world.send(item("p1"), item("p2"))
    table = world.inventory.sql("SELECT count(*) FROM resources WHERE type = 'custom.printer'")
    assert [tuple(row) for row in table.rows] == [(2,)]


CHECK = """
[[check]]
id = "toner-low"
type = "custom.printer"
severity = "low"
title = "The printer has little toner"
why = "It stops."
remedy = "Order toner."
passes = "Toner > `20`"
"""


def test_users_checks_judge_pushed_resources(sqlite_store, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "printers.toml").write_text(CHECK)
    world = World(sqlite_store)
    checks = Checks(sqlite_store, ChecksConfig(folder="own"), tmp_path, now=lambda: START + timedelta(days=1))
    checks.run()  # before the first push
    world.send(item("p1", Toner=90), item("p2", Toner=10), complete=True)
    checks.run()
    failing = [finding for finding in checks.findings() if finding.check.id == "toner-low"]
    assert [finding.since for finding in failing] == [START]
    world.send(item("p1", Toner=90), item("p2", Toner=90), hour=1, complete=True)
    checks.run()
    assert [finding for finding in checks.findings() if finding.check.id == "toner-low"] == []
