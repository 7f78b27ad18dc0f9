"""History is exact: whatever scans come in whatever order, every past state is rebuilt as an oracle remembers it."""

import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from tests.examples import examples
from windlass.core.clock import format_time
from windlass.inventory import runs, unread_details, writer
from windlass.inventory.config import InventoryConfig
from windlass.inventory.model import ChangeKind, Edge, Observation, Query, Scope, ScopeResult, ScopeState
from windlass.inventory.service import Inventory
from windlass.inventory.tables import resource, revision
from windlass.store.config import StoreConfig
from windlass.store.database import open_store

T0 = datetime(2026, 11, 1, tzinfo=UTC)
SCOPE = Scope("111111111111", "eu-west-1", "sqs.queue")


def seen(name, document, *, unknown=(), edges=(), addresses=(), measures=None, scope=SCOPE):
    document = dict(document)
    return Observation(
        type=scope.type,
        account_id=scope.account_id,
        region=scope.region,
        resource_id=name,
        arn=f"arn:aws:sqs:{scope.region}:{scope.account_id}:{name}",
        name=name,
        tags=document.get("Tags", {}),
        document=document,
        unknown=frozenset(unknown),
        edges=tuple(edges),
        addresses=tuple(addresses),
        measures=measures or {},
    )


def scan(observations, at, state=ScopeState.OK, scope=SCOPE):
    return ScopeResult(
        scope=scope, state=state, observations=tuple(observations), started_at=at, finished_at=at, calls=3
    )


def begin(store, at=T0):
    return runs.begin_run(store, now=at, scopes_total=1)


def inventory_of(store, now=T0 + timedelta(days=40)):
    return Inventory(store, lambda: None, InventoryConfig(), now=lambda: now)


def count(store, table):
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_an_unchanged_scan_writes_no_revision(store):
    run = begin(store)
    items = [seen(f"q{n}", {"Delay": n, "Tags": {"team": "web"}}) for n in range(50)]
    first = writer.write_result(store, run, scan(items, T0))
    again = writer.write_result(store, run, scan(reversed(items), T0 + timedelta(hours=1)))
    assert (first.created, again) == (50, writer.ChangeCounts(0, 0, 0))
    assert count(store, revision) == 50


@pytest.mark.parametrize("state", [state for state in ScopeState if not state.complete])
def test_an_incomplete_scan_changes_nothing(store, state):
    run = begin(store)
    writer.write_result(store, run, scan([seen("a", {"x": 1}), seen("b", {})], T0))
    applied = writer.write_result(store, run, scan([], T0 + timedelta(hours=1), state))
    assert applied == writer.ChangeCounts(0, 0, 0)
    status = inventory_of(store).scopes()[0]
    assert (status.state, status.last_good_at, status.resources) == (state, T0, 2)
    assert inventory_of(store).list(Query()).total == 2


def test_a_detail_that_can_not_be_read_keeps_its_last_value(store):
    run, inventory = begin(store), inventory_of(store)
    writer.write_result(store, run, scan([seen("a", {"Policy": {"Allow": "all"}, "Delay": 1})], T0))
    applied = writer.write_result(
        store, run, scan([seen("a", {"Delay": 1}, unknown={"Policy"})], T0 + timedelta(1), ScopeState.PARTIAL)
    )
    assert applied.updated == 0
    writer.write_result(
        store, run, scan([seen("a", {"Delay": 2}, unknown={"*"})], T0 + timedelta(2), ScopeState.PARTIAL)
    )
    assert inventory.show("a").document == {"Policy": {"Allow": "all"}, "Delay": 2}
    assert [dict(op) for op in inventory.history("a")[0].patch] == [{"op": "replace", "path": "/Delay", "value": 2}]


def test_an_unread_detail_takes_neither_tags_nor_relations_away(store):
    run, inventory = begin(store), inventory_of(store)
    dead = "arn:aws:sqs:eu-west-1:111111111111:dead"
    whole = {"Delay": 1, "Tags": {"team": "web"}, "RedrivePolicy": {"deadLetterTargetArn": dead}}
    edge = Edge("dead-letters-to", dead, "sqs.queue")
    writer.write_result(store, run, scan([seen("a", whole, edges=[edge])], T0))
    partly = seen("a", {"Delay": 2}, unknown={"Tags", "RedrivePolicy"})
    writer.write_result(store, run, scan([partly], T0 + timedelta(1), ScopeState.PARTIAL))
    assert inventory.list(Query(tags={"team": "web"})).total == 1
    assert [relation.kind for relation in inventory.relations("a")] == ["dead-letters-to"]


def test_deleted_and_back_again_is_one_resource_with_its_whole_past(store):
    run, inventory = begin(store), inventory_of(store)
    for day, items in enumerate([[seen("a", {"v": 1})], [], [], [seen("a", {"v": 2})]]):
        writer.write_result(store, run, scan(items, T0 + timedelta(day)))
    assert [entry.change for entry in inventory.history("a")] == [
        ChangeKind.CREATED,
        ChangeKind.DELETED,
        ChangeKind.CREATED,
    ]
    assert inventory.document_at("a", T0 + timedelta(hours=1)) == {"v": 1}
    assert inventory.document_at("a", T0 + timedelta(days=2)) is None
    assert inventory.document_at("a", T0 + timedelta(days=4)) == {"v": 2}
    assert count(store, resource) == 1


def test_a_clock_that_was_set_back_does_not_tangle_the_history(store):
    run, inventory = begin(store), inventory_of(store)
    for version, at in enumerate([T0, T0 - timedelta(hours=1), T0 - timedelta(hours=2)]):
        writer.write_result(store, run, scan([seen("a", {"v": version})], at))
    newest = inventory.history("a")
    assert [entry.valid_from for entry in newest] == sorted((entry.valid_from for entry in newest), reverse=True)
    assert inventory.show("a").document == {"v": 2}


def test_measures_move_without_a_revision(store):
    run, inventory = begin(store), inventory_of(store)
    for size in (10, 20, 30):
        writer.write_result(
            store, run, scan([seen("a", {"v": 1}, measures={"size_bytes": size})], T0 + timedelta(minutes=size))
        )
    assert inventory.show("a").measures == {"size_bytes": 30}
    assert count(store, revision) == 1


documents = st.fixed_dictionaries(
    {},
    optional={
        "Delay": st.integers(0, 3),
        "Tags": st.dictionaries(st.sampled_from(["team", "env"]), st.sampled_from("ab"), max_size=2),
        "Policy": st.sampled_from([None, {"S": [1, 2]}, {"S": [2, 1]}]),
        "Subs": st.lists(st.sampled_from("xyz"), max_size=3),
    },
)
scans = st.lists(
    st.tuples(
        st.sampled_from([ScopeState.OK] * 4 + [ScopeState.PARTIAL, ScopeState.DENIED, ScopeState.TIMEOUT]),
        st.dictionaries(
            st.sampled_from(["a", "b", "c"]),
            st.tuples(documents, st.sets(st.sampled_from(["Policy", "Delay", "*"]), max_size=1)),
            max_size=3,
        ),
    ),
    max_size=24,
)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scans)
def test_every_past_state_is_exactly_what_was_seen(tmp_path_factory, steps):
    with open_store(StoreConfig(url=f"sqlite:///{tmp_path_factory.mktemp('h')}/h.db")) as store:
        run, inventory = begin(store), inventory_of(store)
        now: dict = {}
        remembered = []
        for number, (state, items) in enumerate(steps):
            at = T0 + timedelta(hours=number)
            writer.write_result(
                store,
                run,
                scan([seen(name, doc, unknown=unknown) for name, (doc, unknown) in items.items()], at, state),
            )
            if state.complete:
                now = {name: _expected(now.get(name), doc, unknown) for name, (doc, unknown) in items.items()}
            remembered.append((at, copy.deepcopy(now)))
        for at, state_then in remembered:
            page = inventory.list(Query(at=at))
            assert {row.name for row in page.rows} == set(state_then)
            for name, document in state_then.items():
                assert inventory.document_at(name, at) == document, (name, at)
            for row in page.rows:
                assert row.tags == state_then[row.name].get("Tags", {})
        _check_chain(store)


def _expected(old, document, unknown):
    kept = {k: v for k, v in (old or {}).items() if k not in document and ("*" in unknown or k in unknown)}
    return {**document, **kept}


def _check_chain(store):
    with store.read() as connection:
        rows = connection.execute(select(revision).order_by(revision.c.resource_row_id, revision.c.valid_from)).all()
    for one, following in zip(rows, rows[1:], strict=False):
        if one.resource_row_id == following.resource_row_id:
            assert one.valid_to == following.valid_from, "a gap or an overlap in the history"
        else:
            assert one.valid_to is None


def test_many_revisions_are_rebuilt_from_keyframes(store):
    run, inventory = begin(store), inventory_of(store)
    for version in range(60):
        writer.write_result(
            store, run, scan([seen("a", {"v": version, "same": "x" * 50})], T0 + timedelta(minutes=version))
        )
    for version in (0, 1, 15, 16, 17, 33, 59):
        assert inventory.document_at("a", T0 + timedelta(minutes=version, seconds=1))["v"] == version


def test_the_difference_of_two_times_is_net(store):
    run, inventory = begin(store), inventory_of(store)
    estates = [{"a": 1, "b": 1}, {"a": 2, "b": 1, "c": 1}, {"a": 1, "c": 2, "d": 1}]
    for day, estate in enumerate(estates):
        writer.write_result(store, run, scan([seen(name, {"v": v}) for name, v in estate.items()], T0 + timedelta(day)))
    found = {
        entry.resource.name: entry.change for entry in inventory.diff(T0 + timedelta(hours=1), T0 + timedelta(days=3))
    }
    assert found == {"b": ChangeKind.DELETED, "c": ChangeKind.CREATED, "d": ChangeKind.CREATED}
    assert inventory.diff(T0 + timedelta(days=3), T0 + timedelta(days=9)) == ()


def test_pruning_keeps_the_end_of_each_day_and_everything_after(store):
    run, inventory = begin(store), inventory_of(store)
    for hour in range(72):
        writer.write_result(store, run, scan([seen("a", {"v": hour})], T0 + timedelta(hours=hour)))
    before = T0 + timedelta(hours=48)
    expected = {hour: hour for hour in (23, 47, *range(48, 72))}
    assert inventory.prune(before, dry_run=True) == inventory.prune(before) > 40
    for hour, version in expected.items():
        assert inventory.document_at("a", T0 + timedelta(hours=hour, minutes=1))["v"] == version
    assert inventory.show("a").document == {"v": 71}


def test_relations_and_addresses_have_their_time(store):
    run, inventory = begin(store), inventory_of(store)
    role = seen("dead", {"v": 1})
    one = seen("a", {"to": "dead"}, edges=[Edge("dead-letters-to", role.arn, "sqs.queue")], addresses=["10.0.0.7"])
    writer.write_result(store, run, scan([role, one], T0))
    writer.write_result(
        store, run, scan([role, seen("a", {"to": ""}), seen("b", {}, addresses=["10.0.0.7"])], T0 + timedelta(1))
    )
    then = T0 + timedelta(hours=2)
    assert [(e.kind, e.target.name) for e in inventory.relations("a", at=then)] == [("dead-letters-to", "dead")]
    assert inventory.relations("a") == ()
    assert [holder.resource.name for holder in inventory.ip("10.0.0.7", at=then)] == ["a"]
    assert [holder.resource.name for holder in inventory.ip("10.0.0.7", at=T0 + timedelta(days=2))] == ["b"]
    assert [holder.resource.name for holder in inventory.ip("10.0.0.7")] == ["b", "a"]


# --- what could not be read ------------------------------------------------------------------------------------

GROUPS = Scope("111111111111", "eu-west-1", "eks.nodegroup")


def group(name, arn="", unknown=(), **document):
    return Observation(
        type=GROUPS.type,
        account_id=GROUPS.account_id,
        region=GROUPS.region,
        resource_id=name,
        arn=arn,
        name=name,
        document={"nodegroupName": name, **document},
        unknown=frozenset(unknown),
    )


def resources(store):
    with store.read() as connection:
        return {row.resource_id: row for row in connection.execute(select(resource))}


def test_an_item_whose_arn_only_a_detail_tells_is_the_same_before_and_after(store):
    run, arn = begin(store), "arn:aws:eks:eu-west-1:111111111111:nodegroup/c/g/1234"
    hour = timedelta(hours=1)
    first = writer.write_result(store, run, scan([group("c/g", unknown=["*"])], T0, ScopeState.PARTIAL, GROUPS))
    read = writer.write_result(store, run, scan([group("c/g", arn, status="ACTIVE")], T0 + hour, scope=GROUPS))
    assert (first.created, read) == (1, writer.ChangeCounts(0, 1, 0))
    assert (resources(store)["c/g"].key, resources(store)["c/g"].arn) == (arn, arn)
    unread = writer.write_result(
        store, run, scan([group("c/g", unknown=["*"])], T0 + 2 * hour, ScopeState.PARTIAL, GROUPS)
    )
    again = writer.write_result(store, run, scan([group("c/g", arn, status="ACTIVE")], T0 + 3 * hour, scope=GROUPS))
    assert (unread, again) == (writer.ChangeCounts(0, 0, 0), writer.ChangeCounts(0, 0, 0))
    assert resources(store)["c/g"].key == arn


def test_a_bucket_that_can_not_be_located_stays_where_it_was(store):
    run, scope = begin(store), Scope("111111111111", "aws-global", "s3.bucket")
    one = Observation(
        type="s3.bucket",
        account_id=scope.account_id,
        region="eu-west-1",
        resource_id="b",
        arn="arn:aws:s3:::b",
        document={"Name": "b", "Region": "eu-west-1"},
    )
    lost = replace(one, region="aws-global", document={"Name": "b", "New": 1}, unknown=frozenset({"Region"}))
    writer.write_result(store, run, scan([one], T0, scope=scope))
    writer.write_result(store, run, scan([lost], T0 + timedelta(hours=1), ScopeState.PARTIAL, scope))
    assert (resources(store)["b"].region, '"Region":"eu-west-1"' in resources(store)["b"].document) == (
        "eu-west-1",
        True,
    )


def test_each_unread_detail_has_the_time_when_it_was_last_read(store):
    run = begin(store)
    times = [T0 + timedelta(hours=n) for n in range(4)]
    read, new = seen("old", {"Delay": 1}), seen("new", {"Delay": 1}, unknown=["Tags"])
    writer.write_result(store, run, scan([read], times[0]))
    assert unread_details.detail_read_times(store, SCOPE) == {}
    partial = seen("old", {"Delay": 1}, unknown=["Tags"])
    writer.write_result(store, run, scan([partial, new], times[1], ScopeState.PARTIAL))
    worse = seen("old", {}, unknown=["Tags", "*"])
    writer.write_result(store, run, scan([worse, new], times[2], ScopeState.PARTIAL))
    ages = unread_details.detail_read_times(store, SCOPE)
    last = format_time(times[2])
    assert ages["old"] == ages[read.key] == {"": last, "Tags": format_time(times[0]), "*": format_time(times[1])}
    assert ages["new"] == {"": last, "Tags": ""}
    writer.write_result(store, run, scan([read], times[3]))
    assert unread_details.detail_read_times(store, SCOPE) == {}


def test_a_scope_cut_short_by_a_stop_is_scanned_again_when_the_run_goes_on(store):
    run = begin(store)
    cut = replace(scan([seen("q", {}, unknown=["*"])], T0, ScopeState.PARTIAL), error_code="Interrupted")
    writer.write_result(store, run, cut)
    assert runs.finished_scopes(store, run) == frozenset()
    assert inventory_of(store).run(run).scopes_done == 0
    writer.write_result(store, run, scan([seen("q", {})], T0 + timedelta(hours=1)))
    assert runs.finished_scopes(store, run) == {SCOPE}
    assert (inventory_of(store).run(run).scopes_done, inventory_of(store).run(run).errors) == (1, 0)
