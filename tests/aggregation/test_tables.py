"""One conformance suite over every table: memory, SQLite, PostgreSQL and DynamoDB do the same."""

import itertools

import pytest

from windlass.aggregation.effects import Claim, Commit, Count, Disarm, Hold, Note, Refused, Renew, Reserve, Rotate
from windlass.aggregation.model import Item, Mode, Pace, Summary
from windlass.aggregation.tables.dynamodb import DynamoTable
from windlass.aggregation.tables.memory import MemoryTable
from windlass.aggregation.tables.sql import SqlTable
from windlass.estate.config import AccountConfig, EstateConfig
from windlass.estate.service import open_estate
from windlass.store.config import StoreConfig
from windlass.store.database import open_store
from windlass_local.server import LocalServer

ACCOUNT = "777788880021"
PACE = Pace(30)
_NAMES = itertools.count()


@pytest.fixture(scope="module")
def dynamo():
    with LocalServer() as server:
        config = EstateConfig(endpoint_url=server.url, accounts=[AccountConfig(id=ACCOUNT)], retries=0)
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
            yield call


@pytest.fixture(scope="module")
def postgres(postgres_url):
    with open_store(StoreConfig(url=postgres_url)) as opened:
        yield opened


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgresql", marks=pytest.mark.postgres), "dynamodb"])
def table(request):
    match request.param:
        case "memory":
            return MemoryTable()
        case "sqlite":
            return SqlTable(request.getfixturevalue("sqlite_store"))
        case "postgresql":
            return SqlTable(request.getfixturevalue("postgres"))
        case _:
            return DynamoTable(request.getfixturevalue("dynamo"), "aggregation")


@pytest.fixture
def rule():
    return f"rule{next(_NAMES)}"


def summary(*keys, kind="created", at="2026-11-21T10:00:00Z", size=10):
    folders = tuple(dict.fromkeys(key.rpartition("/")[0] + "/" * ("/" in key) for key in keys))
    return Summary("b", len(keys), {kind: len(keys)}, size * len(keys), folders, False, at, at, keys[:5])


def count(table, rule, mine, *keys, since=100.0, now=101.0, key="k", **more):
    return table.perform(Count(rule, key, mine, len(keys), since, now, summary(*keys, **more)))


def claim(table, rule, token, attempt, now, *, pace=PACE, again=False, key="k"):
    return table.perform(Claim(rule, key, token, attempt, now, pace, again))


def commit(table, rule, claimed, now, key="k"):
    return table.perform(Commit(rule, key, claimed, now))


def test_the_first_arms_and_the_second_only_counts(table, rule):
    first = count(table, rule, "m1", "a/1", "a/2")
    second = count(table, rule, "m2", "b/1", since=105.0, now=106.0, at="2026-11-21T10:00:09Z")
    assert (first.armed, first.dirty, first.armed_at, first.token_at) == ("m1", 2, 100.0, 101.0)
    assert (second.armed, second.dirty, second.armed_at, second.last_at) == ("m1", 3, 100.0, 106.0)
    assert second.summary.events == 3
    assert second.summary.kinds == {"created": 3}
    assert sorted(second.summary.folders) == ["a/", "b/"]
    assert (second.summary.first_at, second.summary.last_at) == ("2026-11-21T10:00:00Z", "2026-11-21T10:00:09Z")
    assert table.read(rule, "k") == second


def test_an_object_at_the_top_has_a_folder_too(table, rule):
    assert count(table, rule, "m1", "top").summary.folders == ("",)


def test_too_many_folders_are_cut_and_said(table, rule):
    for turn in range(3):
        last = count(table, rule, f"m{turn}", *(f"f{turn}-{at:02}/x" for at in range(30)))
    assert last.summary.folders_cut
    assert len(last.summary.folders) == 50
    assert last.summary.events == 90


def test_a_claim_takes_what_is_dirty_once(table, rule):
    count(table, rule, "m1", "a/1", "a/2")
    taken = claim(table, rule, "m1", "t1", 130.0)
    assert (taken.claimed, taken.claim, taken.na, taken.armed_at) == (2, "t1", 160.0, 130.0)
    assert taken.held.events == 2
    assert taken.held.folders == ("a/",)
    assert taken.summary == Summary()
    refused = claim(table, rule, "m1", "t2", 131.0)
    assert isinstance(refused, Refused)
    assert (refused.item.claim, refused.item.claimed) == ("t1", 2)


@pytest.mark.parametrize(
    ("token", "now", "why"), [("m2", 200.0, "another's token"), ("m1", 129.9, "before the window's end")]
)
def test_a_claim_is_refused(table, rule, token, now, why):
    count(table, rule, "m1", "a/1")
    refused = claim(table, rule, token, "t1", now)
    assert isinstance(refused, Refused), why
    assert refused.item.claimed == 0


def test_a_claim_of_nothing_says_so(table, rule):
    assert claim(table, rule, "m1", "t1", 200.0) == Refused(None)


def test_debounce_waits_for_quiet_but_not_for_ever(table, rule):
    pace = Pace(1, Mode.DEBOUNCE, quiet_s=10, max_wait_s=60)
    for at in range(100, 160, 5):
        count(table, rule, "m1", "a/1", since=at, now=at)
    assert isinstance(claim(table, rule, "m1", "t", 158.0, pace=pace), Refused)
    assert isinstance(claim(table, rule, "m1", "t", 160.0, pace=pace), Item)  # 60 s after the first
    commit(table, rule, 12, 161.0)
    count(table, rule, "m2", "a/1", since=170, now=170)
    assert isinstance(claim(table, rule, "m1", "t2", 179.0, pace=pace), Refused)
    assert isinstance(claim(table, rule, "m1", "t2", 180.0, pace=pace), Item)  # 10 s of quiet


def test_a_commit_covers_what_was_claimed_and_no_more(table, rule):
    count(table, rule, "m1", "a/1")
    claim(table, rule, "m1", "t1", 130.0)
    count(table, rule, "m2", "z/1", since=131.0, now=131.0)
    after = commit(table, rule, 1, 132.0)
    assert (after.dirty, after.done, after.uncovered, after.acted_at) == (2, 1, 1, 132.0)
    assert after.held == Summary()
    assert after.summary.folders == ("z/",)
    assert commit(table, rule, 1, 133.0) is None
    assert table.perform(Disarm(rule, "k", "m1")) is False  # one is uncovered


def test_disarm_needs_the_token_and_nothing_uncovered(table, rule):
    count(table, rule, "m1", "a/1")
    claim(table, rule, "m1", "t1", 130.0)
    assert table.perform(Disarm(rule, "k", "m1")) is False
    commit(table, rule, 1, 132.0)
    assert table.perform(Disarm(rule, "k", "other")) is False
    assert table.perform(Disarm(rule, "k", "m1")) is True
    assert table.read(rule, "k").armed == ""
    assert count(table, rule, "m2", "a/2", since=140.0, now=141.0).armed == "m2"
    assert table.read(rule, "k").armed_at == 140.0


def test_an_unsettled_claim_is_taken_again_with_the_same_events(table, rule):
    count(table, rule, "m1", "a/1")
    claim(table, rule, "m1", "t1", 130.0)
    count(table, rule, "m2", "b/1", since=135.0, now=135.0)
    assert isinstance(claim(table, rule, "m1", "t2", 159.0, again=True), Refused)
    assert isinstance(claim(table, rule, "m1", "t2", 165.0), Refused)  # not afresh while it is unsettled
    again = claim(table, rule, "m1", "t2", 165.0, again=True)
    assert (again.claim, again.claimed, again.held.folders, again.summary.folders) == ("t2", 1, ("a/",), ("b/",))
    assert commit(table, rule, 1, 166.0).done == 1
    assert claim(table, rule, "m1", "t3", 195.0).held.folders == ("b/",)


def test_a_failure_is_counted_for_its_own_attempt_alone(table, rule):
    count(table, rule, "m1", "a/1")
    claim(table, rule, "m1", "t1", 130.0)
    assert table.perform(Note(rule, "k", "t1", "no such share")) == 1
    assert table.perform(Note(rule, "k", "t1", "x" * 600)) == 2
    assert table.perform(Note(rule, "k", "t0", "late")) in (0, 2)
    found = table.read(rule, "k")
    assert (found.failures, found.note) == (2, "x" * 500)
    commit(table, rule, 1, 140.0)
    assert (table.read(rule, "k").failures, table.read(rule, "k").note) == (0, "")


def test_completions_are_taken_off_and_the_last_one_is_told(table, rule):
    one, two = f"{rule}-r1", f"{rule}-r2"
    count(table, rule, "m1", "a/1")
    claim(table, rule, "m1", "t1", 130.0)
    assert not table.knows(one)
    assert table.complete(one) is None
    assert table.perform(Hold(rule, "k", "t1", (one, two), 1030.0)) is True
    assert table.knows(one)
    assert table.read(rule, "k").pending == (one, two)
    assert table.complete(one) is None
    assert table.complete(one) is None  # told twice
    last = table.complete(two)
    assert (last.rule, last.key, last.attempt) == (rule, "k", "t1")
    assert isinstance(claim(table, rule, "m1", "t2", 500.0, again=True), Refused)  # its deadline is at 1030
    assert isinstance(claim(table, rule, "m1", "t2", 1030.0, again=True), Item)
    assert table.complete(two) is None  # of an older attempt
    assert table.perform(Hold(rule, "k", "t1", ("late",), 1.0)) is False


def test_a_token_is_replaced_by_whoever_knows_it(table, rule):
    assert table.perform(Rotate(rule, "k", "m1", "s1", 500.0)) is None
    count(table, rule, "m1", "a/1")
    assert table.perform(Rotate(rule, "k", "m0", "s1", 500.0)) is None
    assert table.perform(Rotate(rule, "k", "m1", "s1", 500.0)).armed == "s1"
    assert isinstance(claim(table, rule, "m1", "t1", 600.0), Refused)
    assert isinstance(claim(table, rule, "s1", "t1", 600.0), Item)
    assert table.read(rule, "k").token_at == 500.0


def test_pausing_keeps_claims_off_a_key_and_is_told_of_a_rule(table, rule):
    assert table.set_paused(rule, "k", paused=True) is False
    count(table, rule, "m1", "a/1")
    assert table.set_paused(rule, "k", paused=True) is True
    assert isinstance(claim(table, rule, "m1", "t1", 200.0), Refused)
    assert table.set_paused(rule, "k", paused=False) is True
    assert isinstance(claim(table, rule, "m1", "t1", 200.0), Item)
    assert table.paused(rule) is False
    table.set_paused(rule, "", paused=True)
    assert table.paused(rule) is True
    table.set_paused(rule, "", paused=False)
    assert table.paused(rule) is False


def test_items_lists_a_rules_keys(table, rule):
    for key in ("a", "b/ü #1"):
        count(table, rule, "m1", "x/1", key=key)
    count(table, f"{rule}x", "m1", "x/1")
    table.set_paused(rule, "", paused=True)
    assert sorted(one.key for one in table.items(rule)) == ["a", "b/ü #1"]
    assert {one.rule for one in table.items()} >= {rule, f"{rule}x"}


def test_a_claim_is_renewed_by_its_own_attempt_alone(table, rule):
    count(table, rule, "m1", "a/1")
    claim(table, rule, "m1", "t1", 130.0)
    assert table.perform(Renew(rule, "k", "t2", 140.0, PACE, 5.0)) is None
    renewed = table.perform(Renew(rule, "k", "t1", 140.0, PACE, 5.0))
    assert (renewed.na, renewed.claimed, renewed.claim) == (175.0, 1, "t1")
    assert isinstance(claim(table, rule, "m1", "t3", 174.0, again=True), Refused)
    commit(table, rule, 1, 141.0)
    assert table.perform(Renew(rule, "k", "t1", 150.0, PACE, 0.0)) is None


def test_a_resource_is_one_holders_until_its_time_is_over(table, rule):
    def reserve(holder, now, until):
        return table.perform(Reserve("~shared", f"share {rule}", holder, now, until))

    assert reserve("a", 100.0, 170.0) == 0.0
    assert reserve("b", 130.0, 200.0) == pytest.approx(40.0)
    assert reserve("a", 131.0, 195.0) == 0.0  # its holder may move it
    assert reserve("b", 194.0, 260.0) == pytest.approx(1.0)
    assert reserve("b", 195.0, 260.0) == 0.0
