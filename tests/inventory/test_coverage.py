"""Coverage from scopes: the worst state shows, unscanned is no blank, and counts add up whatever the scopes are."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.inventory.test_revisions import SCOPE, T0, begin, inventory_of, scan, seen
from windlass.inventory import writer
from windlass.inventory.coverage import UNSCANNED, coverage
from windlass.inventory.model import Scope, ScopeState, ScopeStatus

NOW = datetime(2026, 11, 20, tzinfo=UTC)
SCOPES = [
    Scope(account, region, type_)
    for account in ("1" * 12, "2" * 12)
    for region in ("eu-west-1", "us-east-1")
    for type_ in ("sqs.queue", "ec2.vpc", "ec2.subnet")
]


def status(scope, state, *, hours=1, good=None, unknown=0):
    return ScopeStatus(
        scope=scope,
        state=state,
        error_code="",
        error=f"why {state}",
        resources=3,
        calls=1,
        duration_s=1.0,
        scanned_at=NOW,
        last_good_at=good,
        run_id="run",
        state_since=NOW - timedelta(hours=hours),
        details_unknown=unknown,
    )


@given(st.dictionaries(st.sampled_from(SCOPES), st.sampled_from(list(ScopeState))))
def test_nothing_is_lost_and_trouble_is_never_hidden(states):
    statuses = [status(scope, state, good=NOW if state.complete else None) for scope, state in states.items()]
    rows = coverage(statuses, SCOPES)
    assert sum(row.scopes for row in rows) == len(SCOPES)
    assert sum(row.resources for row in rows) == 3 * len(states)
    for row in rows:
        members = [
            str(states.get(scope, UNSCANNED))
            for scope in SCOPES
            if (scope.account_id, scope.region, scope.type.partition(".")[0])
            == (row.account_id, row.region, row.service)
        ]
        assert row.scopes == len(members)
        assert row.state in members
        troubled = [member for member in members if member not in ("ok", "partial", "unsupported")]
        assert row.unread == len(troubled)
        assert not troubled or row.state in troubled, "a scope that was not read shows"
        assert not troubled or row.last_good_at is None
        assert row.state != "ok" or set(members) <= {"ok", "unsupported"}


def test_the_oldest_good_time_and_the_beginning_of_the_worst_state_are_shown():
    rows = coverage(
        [
            status(SCOPES[1], ScopeState.OK, good=NOW),
            status(SCOPES[2], ScopeState.DENIED, hours=5, good=NOW - timedelta(days=2), unknown=4),
        ],
        [],
    )
    assert [(row.state, row.last_good_at, row.state_since, row.details_unknown, row.error) for row in rows] == [
        ("denied", NOW - timedelta(days=2), NOW - timedelta(hours=5), 4, "why denied")
    ]


def test_a_scope_remembers_since_when_and_how_many_items_are_unknown(store):
    run, inventory = begin(store), inventory_of(store)
    moments = [T0 + timedelta(hours=n) for n in range(6)]
    partial = [seen("a", {"x": 1}), seen("b", {}, unknown={"Policy"}), seen("c", {}, unknown={"*"})]
    writer.write_result(store, run, scan([seen("a", {"x": 1})], moments[0]))
    writer.write_result(store, run, scan([seen("a", {"x": 1})], moments[1]))
    [scope] = inventory.scopes()
    assert (scope.state_since, scope.last_good_at, scope.details_unknown) == (moments[0], moments[1], 0)
    writer.write_result(store, run, scan(partial, moments[2], ScopeState.PARTIAL))
    [scope] = inventory.scopes()
    assert (scope.state_since, scope.last_good_at, scope.details_unknown) == (moments[2], moments[2], 2)
    writer.write_result(store, run, scan([], moments[3], ScopeState.DENIED))
    writer.write_result(store, run, scan([], moments[4], ScopeState.DENIED))
    [scope] = inventory.scopes()
    assert (scope.state_since, scope.last_good_at, scope.details_unknown) == (moments[3], moments[2], 2)
    assert [entry.scope for entry in inventory.scopes()] == [SCOPE]
