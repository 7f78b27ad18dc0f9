"""The owners that the store keeps: now and then, after changes of resources, stacks and rules, on both databases."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from tests.inventory.test_revisions import SCOPE, T0, begin, inventory_of, scan, seen
from windlass.core.errors import UsageError
from windlass.inventory import writer
from windlass.inventory.change_feed import process_feed
from windlass.inventory.filters import parse_query
from windlass.inventory.model import Observation, Query, Scope
from windlass.inventory.owner_directory import OwnerDirectory
from windlass.inventory.tables import resource_owner, revision, revision_feed
from windlass.owners.config import OwnersConfig
from windlass.owners.owners_file import parse_owners
from windlass.owners.rules import STACK_TAG, OwnerRules

NOW = datetime(2026, 12, 1, tzinfo=UTC)
STACKS = Scope(SCOPE.account_id, SCOPE.region, "cloudformation.stack")


def tagged(name, **tags):
    return seen(name, {"Tags": tags})


def owned(store, *conditions, at="", rules=None):
    inventory = inventory_of(store)
    inventory.owners = OwnerDirectory(store, rules or OwnerRules, now=lambda: NOW)
    page = inventory.list(parse_query((), conditions, now=NOW, sort="name", at=at))
    return {resource.name: resource.owner for resource in page.rows}


@pytest.fixture
def estate(store):
    writer.write_result(store, begin(store), scan([tagged("a", team="web"), tagged("b", team="data"), tagged("c")], T0))
    return store


def test_owners_filter_listings_and_stand_in_their_rows(estate):
    assert owned(estate, "owner:web") == {"a": "web"}
    assert owned(estate, "owner:*") == {"a": "web", "b": "data"}
    assert owned(estate, "-owner:*") == {"c": ""}
    assert owned(estate) == {"a": "web", "b": "data", "c": ""}
    inventory = inventory_of(estate)
    assert [one.name for one in inventory.search("owner:data")] == ["b"]
    assert inventory.show("b").owner == "data"
    assert {facet.value: facet.count for facet in inventory.facets(Query())["owner"]} == {"web": 1, "data": 1, "-": 1}
    narrowed = inventory.facets(Query(tags={"team": "web"}))["owner"]
    assert [(facet.value, facet.count) for facet in narrowed] == [("web", 1)]


def test_an_owner_that_nobody_is_is_a_mistake(estate):
    inventory = inventory_of(estate)
    with pytest.raises(UsageError, match="webb") as caught:
        inventory.check(Query(owner="webb"))
    assert "web" in caught.value.hint


def test_who_owned_it_then_is_asked_with_the_time(estate):
    owned(estate, "owner:*")
    later = T0 + timedelta(days=2)
    writer.write_result(estate, begin(estate), scan([tagged("a", team="data"), tagged("b", team="data")], later))
    before, after = f"{T0 + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}", f"{later + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"
    assert owned(estate, "owner:data") == {"a": "data", "b": "data"}
    assert owned(estate, "owner:web", at=before) == {"a": "web"}
    assert owned(estate, "owner:data", at=after) == {"a": "data", "b": "data"}
    assert owned(estate, "-owner:*", at=before) == {"c": ""}
    assert owned(estate, "-owner:*") == {}, "a deleted resource is nobody's and is not listed"


def test_before_owners_were_recorded_nobody_is_not_an_answer(estate):
    process_feed(estate, [])  # as in a store of a version without owners
    assert owned(estate, "owner:web") == {"a": "web"}
    with pytest.raises(UsageError, match="owners are known since 2026-12-01"):
        owned(estate, "-owner:*", at="2026-11-15")


def test_changes_and_differences_are_narrowed_to_an_owner(estate):
    inventory = inventory_of(estate)
    changes, _ = inventory.changes(query=Query(owner="web"))
    assert [change.resource.name for change in changes] == ["a"]
    assert [each.resource.name for each in inventory.diff(T0 - timedelta(days=1), NOW, Query(ownerless=True))] == ["c"]


def test_other_rules_decide_again_for_everything_from_then_on(estate):
    assert owned(estate, "owner:web") == {"a": "web"}
    rules = OwnerRules(OwnersConfig(order=["file"]), parse_owners("sqs.queue/[ac] lab", "OWNERS"))
    assert owned(estate, "owner:lab", rules=lambda: rules) == {"a": "lab", "c": "lab"}
    assert owned(estate, "owner:web", at="2026-11-15", rules=lambda: rules) == {"a": "web"}
    assert owned(estate, "owner:lab", at="2026-11-15", rules=lambda: rules) == {}


def test_what_is_in_a_stack_has_the_owner_of_the_stack_when_its_tags_change(store):
    def stack(**tags):
        return Observation(
            type="cloudformation.stack",
            account_id=SCOPE.account_id,
            region=SCOPE.region,
            resource_id="shop",
            name="shop",
            tags=tags,
            document={"StackName": "shop", "Tags": tags},
        )

    writer.write_result(store, begin(store), scan([tagged("q", **{STACK_TAG: "shop"})], T0))
    writer.write_result(store, begin(store), scan([stack(owner="web")], T0, scope=STACKS))
    assert owned(store, "type=sqs.queue", "owner:*") == {"q": "web"}
    explanation = inventory_of(store).owners.explain("q")
    assert explanation.ownership.why == "tag owner=web of the stack shop"
    writer.write_result(store, begin(store), scan([stack(owner="sre")], T0 + timedelta(days=1), scope=STACKS))
    assert owned(store, "owner:sre", "type=sqs.queue") == {"q": "sre"}


def test_the_owners_are_counted_with_what_nobody_owns_last(estate):
    counts = inventory_of(estate).owners.counts()
    assert [(count.owner, count.resources, count.sources) for count in counts] == [
        ("data", 1, {"tag": 1}),
        ("web", 1, {"tag": 1}),
        ("", 1, {}),
    ]


def test_a_revision_is_on_the_feed_until_all_that_follows_from_it_is_written(estate):
    entries = []

    def fail(connection, batch):
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        process_feed(estate, [lambda _, batch: entries.extend(batch), fail])
    with estate.read() as connection:
        assert len(connection.execute(select(revision_feed)).all()) == 3
        assert connection.execute(select(resource_owner)).all() == []
        ids = list(connection.execute(select(revision.c.revision_id)).scalars())
    assert process_feed(estate, [lambda _, batch: entries.extend(batch)]) == 3
    assert [entry.revision_id for entry in entries] == [*ids, *ids]
    assert all(entry.is_baseline for entry in entries)
    assert process_feed(estate, [fail]) == 0


def test_only_the_first_listing_of_a_scope_is_its_baseline(estate):
    process_feed(estate, [])
    writer.write_result(estate, begin(estate), scan([tagged("new")], T0 + timedelta(days=1)))
    entries = []
    process_feed(estate, [lambda _, batch: entries.extend(batch)])
    assert len(entries) == 4
    assert not any(entry.is_baseline for entry in entries)
