"""Asking: filters, facets, pages, search, export; the same answers on both databases and in time travel."""

import csv
import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.inventory.test_revisions import SCOPE, T0, begin, inventory_of, scan, seen
from windlass.core.errors import NotFound, UsageError
from windlass.inventory import writer
from windlass.inventory.filters import parse_query
from windlass.inventory.model import Query, Scope

NOW = datetime(2026, 12, 1, tzinfo=UTC)
BUCKETS = Scope("222222222222", "aws-global", "s3.bucket")


@pytest.fixture
def inventory(store):
    run = begin(store)
    queues = [
        seen(
            f"pay-web_{n:02}",
            {"Delay": n, "Fifo": n % 2 == 0, "Tags": {"team": "web" if n % 3 else "data", "env": "prod"}},
        )
        for n in range(30)
    ]
    buckets = [
        seen(
            f"logs-{n}",
            {"Versioning": {"Status": "Enabled" if n else "Suspended"}, "Rules": [{"Days": n}]},
            scope=BUCKETS,
        )
        for n in range(4)
    ]
    writer.write_result(store, run, scan(queues, T0))
    writer.write_result(store, run, scan(buckets, T0 + timedelta(minutes=1), scope=BUCKETS))
    return inventory_of(store)


def names(inventory, *conditions, types=(), **more):
    return [row.name for row in inventory.list(parse_query(types, conditions, now=NOW, sort="name", **more)).rows]


@pytest.mark.parametrize(
    ("conditions", "many"),
    [
        (["tag:team=data"], 10),
        (["tag:team"], 30),
        (["-tag:team"], 4),
        (["tag:team=web", "tag:env=prod"], 20),
        (["type=s3.*"], 4),
        (["account=222222222222"], 4),
        (["region=eu-west-1"], 30),
        (["Versioning.Status=Enabled"], 3),
        (["Versioning.Status!=Enabled"], 31),
        (["Versioning?"], 4),
        (["-Versioning"], 30),
        (["Delay>27"], 2),
        (["Delay<2"], 2),
        (["Fifo=true"], 15),
        (["Rules.0.Days=3"], 1),
        (["name~WEB_1"], 10),
        (["name~_"], 30),
    ],
)
def test_conditions_mean_the_same_now_and_then(inventory, conditions, many):
    assert len(names(inventory, *conditions)) == many
    assert len(names(inventory, *conditions, at="2026-11-15")) == many


@pytest.mark.parametrize("text", ["nonsense", "Delay>many", "a'b=1", '"x"=1', "=1"])
def test_what_is_no_condition_is_said(inventory, text):
    with pytest.raises(UsageError):
        names(inventory, text)


@pytest.mark.parametrize("sort", ["key", "name", "type", "changed", "region", "account"])
def test_pages_cover_everything_once(inventory, sort):
    found, cursor = [], ""
    while True:
        page = inventory.list(Query(sort=sort, limit=7, cursor=cursor))
        assert page.total == 34
        found += [row.key for row in page.rows]
        cursor = page.cursor
        if not cursor:
            break
    assert len(found) == len(set(found)) == 34


def test_a_broken_cursor_is_a_usage_error(inventory):
    with pytest.raises(UsageError, match="cursor"):
        inventory.list(Query(cursor="%%%"))


def test_facets_leave_their_own_condition_out(inventory):
    facets = inventory.facets(Query(tags={"team": "data"}, types=("sqs.queue",)))
    assert {entry.value: entry.count for entry in facets["tag:team"]} == {"web": 20, "data": 10}
    assert {entry.value: entry.count for entry in facets["type"]} == {"sqs.queue": 10}


@pytest.mark.parametrize(
    ("words", "many"),
    [
        ("pay", 30),
        ("pay web 01", 1),
        ("PAY-WEB_01", 1),
        ("suspend", 1),
        ("data", 10),
        ("nothing like it", 0),
        ("\"; drop ' OR *", 0),
        ("(", 34),
    ],
)
def test_search_finds_beginnings_of_words_and_survives_any_input(inventory, words, many):
    assert len(inventory.search(words, limit=100)) == many


@pytest.mark.parametrize("sort", ["key", "name", "type", "changed", "region", "account"])
def test_pages_of_the_past_cover_everything_once_and_take_words(inventory, sort):
    found, cursor, at = [], "", T0 + timedelta(days=3)
    while True:
        page = inventory.list(Query(sort=sort, limit=7, cursor=cursor, at=at))
        found += [row.key for row in page.rows]
        cursor = page.cursor
        if not cursor:
            break
    assert len(found) == len(set(found)) == page.total == 34
    assert inventory.list(Query(words="pay web 01", at=at)).total == 1


def test_references_by_arn_id_name_and_number(inventory):
    one = inventory.show("logs-1")
    assert inventory.show(one.arn) == inventory.show(f"#{one.id}") == one
    with pytest.raises(NotFound, match="no resource 'logs-99'") as caught:
        inventory.show("logs-99")
    assert "logs-" in caught.value.hint


def test_an_ambiguous_name_lists_its_candidates(inventory, store):
    other = Scope("333333333333", "eu-west-1", "sqs.queue")
    writer.write_result(store, begin(store), scan([seen("pay-web_01", {}, scope=other)], T0, scope=other))
    with pytest.raises(UsageError, match="names 2 resources") as caught:
        inventory.show("pay-web_01")
    assert "333333333333" in caught.value.message


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_exports_hold_every_document(inventory, tmp_path, kind):
    path = tmp_path / f"all.{kind}"
    assert inventory.export(Query(types=("s3.bucket",)), path) == 4
    if kind == "jsonl":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        documents = [row["document"] for row in rows]
    elif kind == "csv":
        with path.open() as lines:
            documents = [json.loads(row["document"]) for row in csv.DictReader(lines)]
    else:
        import pyarrow.parquet as pq

        documents = [json.loads(row["document"]) for row in pq.read_table(path).to_pylist()]
    assert sorted(document["Versioning"]["Status"] for document in documents) == ["Enabled"] * 3 + ["Suspended"]


def test_an_export_that_can_not_be_written_leaves_no_half_file(inventory, tmp_path):
    with pytest.raises(UsageError, match="no known suffix"):
        inventory.export(Query(), tmp_path / "all.xlsx")
    with pytest.raises(UsageError, match="can't be written"):
        inventory.export(Query(), tmp_path / "nowhere" / "all.csv")
    assert list(tmp_path.glob(".*partial")) == []


def test_the_feed_pages_through_all_changes(inventory):
    found, cursor = [], ""
    while True:
        page, cursor = inventory.changes(query=Query(types=(SCOPE.type,)), limit=8, cursor=cursor)
        found += [entry.revision_id for entry in page]
        if not cursor:
            break
    assert len(found) == len(set(found)) == 30


def test_stats_count_what_there_is(inventory):
    stats = inventory.stats()
    assert (stats.resources, stats.revisions, stats.types) == (34, 34, 2)
    assert [(entry.value, entry.count) for entry in stats.by_account] == [("111111111111", 30), ("222222222222", 4)]
    assert len(stats.changes_by_day) == 30
