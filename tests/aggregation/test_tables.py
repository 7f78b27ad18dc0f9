"""One conformance suite for every table: memory, SQLite, PostgreSQL and DynamoDB (the embedded one, and a stranger's) behave alike."""

import contextlib
import itertools
import os
import shutil
import time

import pytest

from tests.interop.servers import free_port, running
from windlass.aggregation.effects import (
    AwaitCompletions,
    ClaimEvents,
    CommitCoverage,
    ConditionFailed,
    CountEvents,
    DisarmTimer,
    RecordFailure,
    RenewClaim,
    ReserveResource,
    RotateTimer,
)
from windlass.aggregation.model import KeyState, Mode, Summary, WindowPace
from windlass.aggregation.tables.dynamodb import DynamoTable
from windlass.aggregation.tables.memory import MemoryTable
from windlass.aggregation.tables.sql import SqlTable
from windlass.estate.config import AccountConfig, EstateConfig
from windlass.estate.service import open_estate
from windlass.store.config import StoreConfig
from windlass.store.database import open_store
from windlass_local.server import LocalServer

ACCOUNT = "777788880021"
DYNALITE = os.environ.get("WINDLASS_DYNALITE", "")  # tests see no WINDLASS_ variables
PACE = WindowPace(30)
_NAMES = itertools.count()


@contextlib.contextmanager
def dynamo_at(url):
    """The calls of a DynamoDB that has the table."""
    config = EstateConfig(endpoint_url=url, accounts=[AccountConfig(id=ACCOUNT)], retries=0)
    with open_estate(config, {}) as estate:

        def call(operation, **params):
            return estate.call(ACCOUNT, "eu-west-1", "dynamodb", operation, **params)

        call(
            "CreateTable",
            TableName="aggregation",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )
        for _ in range(200):  # dynalite creates it for half a second, as AWS does
            if call("DescribeTable", TableName="aggregation")["Table"]["TableStatus"] == "ACTIVE":
                break
            time.sleep(0.05)
        yield call


@pytest.fixture(scope="module")
def dynamo():
    with LocalServer() as server, dynamo_at(server.url) as call:
        yield call


@pytest.fixture(scope="module")
def dynalite(tmp_path_factory):
    """DynamoDB as dynalite has it, which nobody here wrote."""
    command = DYNALITE or shutil.which("dynalite")
    if not command:
        pytest.skip("no dynalite on the PATH and no WINDLASS_DYNALITE (npm: dynalite)")
    port = free_port()
    folder = tmp_path_factory.mktemp("dynalite")
    server = running([command, "--host", "127.0.0.1", "--port", str(port)], port, folder)
    with server, dynamo_at(f"http://127.0.0.1:{port}") as call:
        yield call


@pytest.fixture(scope="module")
def postgres(postgres_url):
    with open_store(StoreConfig(url=postgres_url)) as opened:
        yield opened


@pytest.fixture(
    params=[
        "memory",
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.postgres),
        "dynamodb",
        pytest.param("dynalite", marks=pytest.mark.interop),
    ]
)
def table(request):
    match request.param:
        case "memory":
            return MemoryTable()
        case "sqlite":
            return SqlTable(request.getfixturevalue("sqlite_store"))
        case "postgresql":
            return SqlTable(request.getfixturevalue("postgres"))
        case "dynalite":
            return DynamoTable(request.getfixturevalue("dynalite"), "aggregation")
        case _:
            return DynamoTable(request.getfixturevalue("dynamo"), "aggregation")


@pytest.fixture
def rule():
    return f"rule{next(_NAMES)}"


def summary(*keys, kind="created", at="2026-11-21T10:00:00Z", size=10):
    folders = tuple(dict.fromkeys(key.rpartition("/")[0] + "/" * ("/" in key) for key in keys))
    return Summary("b", len(keys), {kind: len(keys)}, size * len(keys), folders, False, at, at, keys[:5])


def count(table, rule, token, *keys, since=100.0, now=101.0, key="k", **more):
    return table.perform(CountEvents(rule, key, token, len(keys), since, now, summary(*keys, **more)))


def claim(table, rule, token, attempt, now, *, pace=PACE, repeat=False, key="k"):
    return table.perform(ClaimEvents(rule, key, token, attempt, now, pace, repeat))


def commit(table, rule, claimed, now, key="k"):
    return table.perform(CommitCoverage(rule, key, claimed, now))


def test_the_first_count_arms_the_timer_and_the_second_only_counts(table, rule):
    first = count(table, rule, "m1", "a/1", "a/2")
    second = count(table, rule, "m2", "b/1", since=105.0, now=106.0, at="2026-11-21T10:00:09Z")
    assert (first.armed, first.dirty, first.armed_at, first.token_at) == ("m1", 2, 100.0, 101.0)
    assert (second.armed, second.dirty, second.armed_at, second.last_at) == ("m1", 3, 100.0, 106.0)
    assert second.summary.events == 3
    assert second.summary.kinds == {"created": 3}
    assert sorted(second.summary.folders) == ["a/", "b/"]
    assert (second.summary.first_at, second.summary.last_at) == ("2026-11-21T10:00:00Z", "2026-11-21T10:00:09Z")
    assert table.read(rule, "k") == second


def test_an_object_at_the_top_has_the_empty_folder(table, rule):
    assert count(table, rule, "m1", "top").summary.folders == ("",)


def test_too_many_folders_are_cut_and_flagged(table, rule):
    for turn in range(3):
        last = count(table, rule, f"m{turn}", *(f"f{turn}-{at:02}/x" for at in range(30)))
    assert last.summary.folders_cut
    assert len(last.summary.folders) == 50
    assert last.summary.events == 90


def test_a_claim_takes_uncovered_events_once(table, rule):
    count(table, rule, "m1", "a/1", "a/2")
    claimed = claim(table, rule, "m1", "t1", 130.0)
    assert (claimed.claimed, claimed.claim, claimed.na, claimed.armed_at) == (2, "t1", 160.0, 130.0)
    assert claimed.held.events == 2
    assert claimed.held.folders == ("a/",)
    assert claimed.summary == Summary()
    refused = claim(table, rule, "m1", "t2", 131.0)
    assert isinstance(refused, ConditionFailed)
    assert (refused.item.claim, refused.item.claimed) == ("t1", 2)


@pytest.mark.parametrize(
    ("token", "now", "why"), [("m2", 200.0, "another's token"), ("m1", 129.9, "before the window's end")]
)
def test_a_claim_fails_when_a_condition_does_not_hold(table, rule, token, now, why):
    count(table, rule, "m1", "a/1")
    refused = claim(table, rule, token, "t1", now)
    assert isinstance(refused, ConditionFailed), why
    assert refused.item.claimed == 0


def test_a_claim_without_an_item_fails(table, rule):
    assert claim(table, rule, "m1", "t1", 200.0) == ConditionFailed(None)


def test_debounce_waits_for_quiet_up_to_the_maximum(table, rule):
    pace = WindowPace(1, Mode.DEBOUNCE, quiet_s=10, max_wait_s=60)
    for at in range(100, 160, 5):
        count(table, rule, "m1", "a/1", since=at, now=at)
    assert isinstance(claim(table, rule, "m1", "t", 158.0, pace=pace), ConditionFailed)
    assert isinstance(claim(table, rule, "m1", "t", 160.0, pace=pace), KeyState)  # 60 s after the first
    commit(table, rule, 12, 161.0)
    count(table, rule, "m2", "a/1", since=170, now=170)
    assert isinstance(claim(table, rule, "m1", "t2", 179.0, pace=pace), ConditionFailed)
    assert isinstance(claim(table, rule, "m1", "t2", 180.0, pace=pace), KeyState)  # 10 s of quiet


def test_a_commit_covers_only_the_claimed_events(table, rule):
    count(table, rule, "m1", "a/1")
    claim(table, rule, "m1", "t1", 130.0)
    count(table, rule, "m2", "z/1", since=131.0, now=131.0)
    after = commit(table, rule, 1, 132.0)
    assert (after.dirty, after.done, after.uncovered, after.acted_at) == (2, 1, 1, 132.0)
    assert after.held == Summary()
    assert after.summary.folders == ("z/",)
    assert commit(table, rule, 1, 133.0) is None
    assert table.perform(DisarmTimer(rule, "k", "m1")) is False  # an event is uncovered


def test_disarm_needs_the_token_and_no_uncovered_event(table, rule):
    count(table, rule, "m1", "a/1")
    claim(table, rule, "m1", "t1", 130.0)
    assert table.perform(DisarmTimer(rule, "k", "m1")) is False
    commit(table, rule, 1, 132.0)
    assert table.perform(DisarmTimer(rule, "k", "other")) is False
    assert table.perform(DisarmTimer(rule, "k", "m1")) is True
    assert table.read(rule, "k").armed == ""
    assert count(table, rule, "m2", "a/2", since=140.0, now=141.0).armed == "m2"
    assert table.read(rule, "k").armed_at == 140.0


def test_an_unsettled_claim_is_claimed_again_with_the_same_events(table, rule):
    count(table, rule, "m1", "a/1")
    claim(table, rule, "m1", "t1", 130.0)
    count(table, rule, "m2", "b/1", since=135.0, now=135.0)
    assert isinstance(claim(table, rule, "m1", "t2", 159.0, repeat=True), ConditionFailed)
    assert isinstance(claim(table, rule, "m1", "t2", 165.0), ConditionFailed)  # no new claim while one is unsettled
    reclaimed = claim(table, rule, "m1", "t2", 165.0, repeat=True)
    assert (reclaimed.claim, reclaimed.claimed, reclaimed.held.folders, reclaimed.summary.folders) == (
        "t2",
        1,
        ("a/",),
        ("b/",),
    )
    assert commit(table, rule, 1, 166.0).done == 1
    assert claim(table, rule, "m1", "t3", 195.0).held.folders == ("b/",)


def test_a_failure_counts_only_for_its_own_attempt(table, rule):
    count(table, rule, "m1", "a/1")
    claim(table, rule, "m1", "t1", 130.0)
    assert table.perform(RecordFailure(rule, "k", "t1", "no such share")) == 1
    assert table.perform(RecordFailure(rule, "k", "t1", "x" * 600)) == 2
    assert table.perform(RecordFailure(rule, "k", "t0", "late")) in (0, 2)
    stored = table.read(rule, "k")
    assert (stored.failures, stored.note) == (2, "x" * 500)
    commit(table, rule, 1, 140.0)
    assert (table.read(rule, "k").failures, table.read(rule, "k").note) == (0, "")


def test_the_last_completion_returns_the_attempt(table, rule):
    first, two = f"{rule}-r1", f"{rule}-r2"
    count(table, rule, "m1", "a/1")
    claim(table, rule, "m1", "t1", 130.0)
    assert not table.knows(first)
    assert table.complete(first) is None
    assert table.perform(AwaitCompletions(rule, "k", "t1", (first, two), 1030.0)) is True
    assert table.knows(first)
    assert table.read(rule, "k").pending == (first, two)
    assert table.complete(first) is None
    assert table.complete(first) is None  # a duplicate
    last = table.complete(two)
    assert (last.rule, last.key, last.attempt) == (rule, "k", "t1")
    assert isinstance(claim(table, rule, "m1", "t2", 500.0, repeat=True), ConditionFailed)  # its deadline is at 1030
    assert isinstance(claim(table, rule, "m1", "t2", 1030.0, repeat=True), KeyState)
    assert table.complete(two) is None  # of an older attempt
    assert table.perform(AwaitCompletions(rule, "k", "t1", ("late",), 1.0)) is False


def test_a_token_is_replaced_only_by_its_owner(table, rule):
    assert table.perform(RotateTimer(rule, "k", "m1", "s1", 500.0)) is None
    count(table, rule, "m1", "a/1")
    assert table.perform(RotateTimer(rule, "k", "m0", "s1", 500.0)) is None
    assert table.perform(RotateTimer(rule, "k", "m1", "s1", 500.0)).armed == "s1"
    assert isinstance(claim(table, rule, "m1", "t1", 600.0), ConditionFailed)
    assert isinstance(claim(table, rule, "s1", "t1", 600.0), KeyState)
    assert table.read(rule, "k").token_at == 500.0


def test_a_paused_key_refuses_claims_and_a_paused_rule_reads_as_paused(table, rule):
    assert table.set_paused(rule, "k", paused=True) is False
    count(table, rule, "m1", "a/1")
    assert table.set_paused(rule, "k", paused=True) is True
    assert isinstance(claim(table, rule, "m1", "t1", 200.0), ConditionFailed)
    assert table.set_paused(rule, "k", paused=False) is True
    assert isinstance(claim(table, rule, "m1", "t1", 200.0), KeyState)
    assert table.paused(rule) is False
    table.set_paused(rule, "", paused=True)
    assert table.paused(rule) is True
    table.set_paused(rule, "", paused=False)
    assert table.paused(rule) is False


def test_items_lists_the_keys_of_a_rule(table, rule):
    for key in ("a", "b/ü #1"):
        count(table, rule, "m1", "x/1", key=key)
    count(table, f"{rule}x", "m1", "x/1")
    table.set_paused(rule, "", paused=True)
    assert sorted(item.key for item in table.items(rule)) == ["a", "b/ü #1"]
    assert {item.rule for item in table.items()} >= {rule, f"{rule}x"}


def test_only_its_own_attempt_renews_a_claim(table, rule):
    count(table, rule, "m1", "a/1")
    claim(table, rule, "m1", "t1", 130.0)
    assert table.perform(RenewClaim(rule, "k", "t2", 140.0, PACE, 5.0)) is None
    renewed = table.perform(RenewClaim(rule, "k", "t1", 140.0, PACE, 5.0))
    assert (renewed.na, renewed.claimed, renewed.claim) == (175.0, 1, "t1")
    assert isinstance(claim(table, rule, "m1", "t3", 174.0, repeat=True), ConditionFailed)
    commit(table, rule, 1, 141.0)
    assert table.perform(RenewClaim(rule, "k", "t1", 150.0, PACE, 0.0)) is None


def test_a_reservation_excludes_other_holders_until_it_expires(table, rule):
    def reserve(holder, now, until):
        return table.perform(ReserveResource("~shared", f"share {rule}", holder, now, until))

    assert reserve("a", 100.0, 170.0) == 0.0
    assert reserve("b", 130.0, 200.0) == pytest.approx(40.0)
    assert reserve("a", 131.0, 195.0) == 0.0  # the holder may extend it
    assert reserve("b", 194.0, 260.0) == pytest.approx(1.0)
    assert reserve("b", 195.0, 260.0) == 0.0
