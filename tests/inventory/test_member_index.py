"""The index answers as the documents do: any query, at any time, on both databases; and the migration builds the same index."""

from datetime import timedelta
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, text

from tests.examples import examples
from tests.inventory.test_revisions import SCOPE, T0, begin, inventory_of, scan, seen
from windlass.inventory import member_index, pages, writer
from windlass.inventory.facet_groups import group_ids
from windlass.inventory.filters import matches
from windlass.inventory.member_values import LONG_TEXT, MAX_TEXT, member_values, pointer_hash
from windlass.inventory.model import Edge, Query, Scope
from windlass.inventory.tables import facet_group, member_value, relation, resource, revision, revision_feed
from windlass.store.config import StoreConfig
from windlass.store.database import open_store
from windlass.store.schema import _run, _scripts, upgrade

OTHER = Scope("222222222222", "us-east-1", "sns.topic")
values = st.sampled_from([True, False, None, 0, 3, 7.5, "on", "On", "off", "12", "x" * 300, "", {}, [], {"B": "on"}])
documents = st.fixed_dictionaries(
    {},
    optional={
        "A": values,
        "Deep": st.dictionaries(st.sampled_from(["B", "C", "a/b"]), values, max_size=3),
        "Items": st.lists(st.fixed_dictionaries({"B": values}), max_size=2),
        "Tags": st.dictionaries(st.sampled_from(["team", "env"]), st.sampled_from(["web", "data"])),
    },
)
estates = st.lists(st.dictionaries(st.sampled_from("abcd"), documents), min_size=1, max_size=4)
conditions = st.tuples(
    st.sampled_from(["A", "Deep", "Deep.B", "Deep.a/b", "Items", "Items.0.B", "Items.1", "Tags.team", "name"]),
    st.sampled_from(["=", "!=", "~", "exists", "missing", "<", ">"]),
    st.sampled_from(["on", "true", "3", "7", "x" * 300, "xx", "a"]),
).filter(lambda each: each[1] not in "<>" or each[2] in "37")
queries = st.builds(
    Query,
    where=st.lists(conditions, max_size=2).map(tuple),
    tags=st.dictionaries(st.sampled_from(["team", "env"]), st.sampled_from(["web", "data", "*"]), max_size=1),
    untagged=st.sampled_from(["", "", "env"]),
    types=st.sampled_from([(), (SCOPE.type,), ("sns.*",)]),
    sort=st.sampled_from(["key", "name", "type", "changed", "region", "account"]),
    limit=st.sampled_from([1, 2, 100]),
)


def write_days(store, days, *, edges=()):
    run = begin(store)
    for day, estate in enumerate(days):
        for scope in (SCOPE, OTHER):
            items = [
                seen(
                    f"{name}-{scope.type}",
                    {key: value for key, value in document.items() if value is not None},
                    scope=scope,
                    edges=edges,
                )
                for name, document in estate.items()
            ]
            writer.write_result(store, run, scan(items, T0 + timedelta(days=day), scope=scope))


def empty(store):
    with store.write() as connection:
        for table in (resource, revision, revision_feed, member_value, relation):
            connection.execute(delete(table))
        connection.execute(text("DELETE FROM resource_words"))


def listed(inventory, query):
    names, cursor = [], ""
    while True:
        page = inventory.list(Query(**{name: getattr(query, name) for name in query.__slots__} | {"cursor": cursor}))
        names += [each.name for each in page.rows]
        cursor = page.cursor
        if not cursor:
            assert page.total == len(names)
            return names


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(days=estates, query=queries, day=st.integers(-1, 4), large=st.booleans())
def test_every_query_selects_what_the_documents_say(store, days, query, day, large):
    """`large`: as in a store where no condition selects few rows."""
    empty(store)
    with (
        mock.patch.object(member_index, "_SMALL", -1 if large else 20_000),
        mock.patch.object(pages, "_FEW", 0 if large else 10_000),
    ):
        check_query_at(store, days, query, day)


def check_query_at(store, days, query, day):
    write_days(store, days)
    inventory = inventory_of(store)
    at = None if day < 0 else T0 + timedelta(days=day, hours=1)
    estate = days[-1 if day < 0 else min(day, len(days) - 1)]
    everything = inventory.list(Query(limit=100, at=at)).rows
    assert {each.name for each in everything} == {f"{name}-{s.type}" for name in estate for s in (SCOPE, OTHER)}
    expected = set()
    for each in inventory.walk(Query(at=at)):
        of_type = not query.types or any(each.type.startswith(pattern.rstrip("*")) for pattern in query.types)
        if of_type and matches(query, each):
            expected.add(each.name)
    timed = Query(**{name: getattr(query, name) for name in query.__slots__} | {"at": at})
    names = listed(inventory, timed)
    assert len(names) == len(set(names))
    assert set(names) == expected
    facets = inventory.facets(timed, tags=("team",))
    assert sum(facet.count for facet in facets["type"] if _chosen(facet.value, query.types)) == len(expected)
    if "team" not in query.tags:
        tagged = [each for each in inventory.walk(timed) if "team" in each.tags]
        assert sum(facet.count for facet in facets["tag:team"]) == len(tagged)


def _chosen(value, patterns):
    return not patterns or any(value.startswith(pattern.rstrip("*")) for pattern in patterns)


def index_of(store):
    """The rows of the index and of the relations; groups by what they stand for."""
    group = (facet_group.c.type, facet_group.c.account_id, facet_group.c.region)
    member = [column for column in member_value.c if column.name != "group_id"]
    edge = [column for column in relation.c if column.name != "relation_id"]
    with store.read() as connection:
        members = connection.execute(
            select(*member, *group).join(facet_group, facet_group.c.id == member_value.c.group_id)
        ).all()
        mentions = connection.execute(select(*edge)).all()
    return sorted(map(tuple, members), key=repr), sorted(map(tuple, mentions), key=repr)


def test_the_migration_builds_the_index_that_the_writer_keeps(store, tmp_path, request):
    """The rows of a store with a history are copied into one of the schema before, and migrated."""
    arn = "arn:aws:kms:eu-west-1:111111111111:key/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
    write_days(
        store,
        [
            {"a": {"A": "on", "Deep": {"B": True}, "Tags": {"team": "web"}}, "b": {"Key": arn, "Items": [1]}},
            {"a": {"A": "off", "Deep": {"B": True}, "Tags": {"team": "data"}}, "b": {"Key": "vpc-0a1b2c3d"}},
            {"b": {"Key": "none", "Long": "x" * (MAX_TEXT + 1)}},
            {"a": {"A": "on"}, "b": {"Key": arn}},
        ],
        edges=[Edge("uses", "queue-1")],
    )
    url = f"sqlite:///{tmp_path}/before.db"
    if store.dialect == "postgresql":
        url = _second_database(request)
    with open_store(StoreConfig(url=url), migrated=False) as before:
        with before.write() as connection:
            _run(connection, _scripts(), "0016")
            for table in (resource, revision, relation):
                _copy(store, connection, table)
        upgrade(before)
        assert index_of(before) == index_of(store)
        assert listed(inventory_of(before), Query(words="vpc 0a1b2c3d")) == []
        assert set(listed(inventory_of(before), Query(words="kms key"))) == {"b-sqs.queue", "b-sns.topic"}
        write_days(before, [{}, {}, {}, {}, {"a": {"A": "new"}}])  # the writer ends the rows that the migration made
        assert listed(inventory_of(before), Query(where=(("A", "=", "new"),))) == ["a-sqs.queue", "a-sns.topic"]


def _copy(store, connection, table):
    with store.read() as source:
        rows = source.execute(select(table)).mappings().all()
    for row in rows:
        values = {name: value for name, value in row.items() if name != "group_id"}
        if values.get("kind") != "mentions":
            names = ", ".join(values)
            marks = ", ".join(f":{name}" for name in values)
            connection.execute(text(f"INSERT INTO {table.name} ({names}) VALUES ({marks})"), values)
    if connection.dialect.name == "postgresql":
        key = next(iter(table.primary_key)).name
        connection.execute(
            text(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', '{key}'), (SELECT max({key}) FROM {table.name}))"
            )
        )


def _second_database(request):
    import uuid

    import psycopg

    server = request.getfixturevalue("postgres_url")
    name = f"t_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template1")
    return server.rsplit("/", 1)[0] + f"/{name}"


def test_an_unchanged_scan_writes_nothing_into_the_index(store):
    days = [{"a": {"A": 1, "Items": [1, 2]}, "b": {"Deep": {"B": "on"}}}]
    write_days(store, days)
    first = index_of(store)
    write_days(store, [*days, *days])
    assert index_of(store) == first


def test_a_resource_that_gets_its_region_moves_to_another_group(store):
    run = begin(store)
    scope = Scope("111111111111", "aws-global", "s3.bucket")
    item = seen("logs", {"Versioning": "on"}, scope=scope)
    writer.write_result(store, run, scan([item], T0, scope=scope))
    from dataclasses import replace

    moved = replace(item, region="eu-west-1", document={"Versioning": "off"})
    writer.write_result(store, run, scan([moved], T0 + timedelta(1), scope=scope))
    inventory = inventory_of(store)
    assert [facet.value for facet in inventory.facets(Query())["region"]] == ["eu-west-1"]
    assert listed(inventory, Query(regions=("eu-west-1",))) == ["logs"]
    with store.write() as connection:
        assert len(group_ids(connection, [("s3.bucket", "111111111111", "eu-west-1")])) == 1


def test_facets_name_every_type_and_follow_the_time(store):
    run = begin(store)
    for number in range(60):
        scope = Scope("111111111111", "eu-west-1", f"kind.t{number:02}")
        writer.write_result(store, run, scan([seen("x", {}, scope=scope)], T0 + timedelta(days=number), scope=scope))
    inventory = inventory_of(store)
    assert len(inventory.facets(Query())["type"]) == 60
    assert len(inventory.facets(Query(at=T0 + timedelta(days=9, hours=1)))["type"]) == 10


def test_large_members_have_one_row():
    rows = member_values(
        "n", {}, {"Map": {str(n): n for n in range(300)}, "Text": "x" * (MAX_TEXT + 1), "List": [{"a": 1}]}
    )
    assert (pointer_hash(("Text",)), LONG_TEXT) in rows
    assert len(rows) == 5


@pytest.mark.parametrize("path", ["Map.7", "Map.299"])
def test_a_condition_inside_a_large_map_reads_the_document(store, path):
    write_days(store, [{"a": {"Map": {str(n): n for n in range(300)}}}, {"a": {"Map": {"7": 1}}}])
    value = path.partition(".")[2]
    at = T0 + timedelta(hours=1)
    assert len(listed(inventory_of(store), Query(where=((path, "=", value),), at=at))) == 2
    assert listed(inventory_of(store), Query(where=((path, "=", value),))) == []


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(hours=st.lists(st.dictionaries(st.sampled_from("ab"), documents), min_size=2, max_size=6))
def test_after_pruning_the_index_says_what_the_remaining_revisions_do(sqlite_store, hours):
    store = sqlite_store
    empty(store)
    run = begin(store)
    for hour, estate in enumerate(hours):
        items = [
            seen(name, {key: value for key, value in document.items() if value is not None})
            for name, document in estate.items()
        ]
        writer.write_result(store, run, scan(items, T0 + timedelta(hours=5 * hour)))
    inventory = inventory_of(store)
    inventory.prune(T0 + timedelta(days=9))
    for hour in range(0, 5 * len(hours), 5):
        at = T0 + timedelta(hours=hour, minutes=1)
        present = {each.name: each for each in inventory.walk(Query(at=at))}
        for name, each in present.items():
            assert inventory.document_at(f"#{each.id}", at) == each.document
            for path, value in (("A", "on"), ("Deep.B", "true"), ("Tags.team", "web")):
                matching = listed(inventory, Query(where=((path, "=", value),), at=at))
                assert (name in matching) == matches(Query(where=((path, "=", value),)), each)
        for name in {*"ab"} - present.keys():
            known = [row for row in inventory.list(Query(include_deleted=True)).rows if row.name == name]
            assert all(inventory.document_at(f"#{row.id}", at) is None for row in known)
