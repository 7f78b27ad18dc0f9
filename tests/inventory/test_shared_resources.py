"""Shared resources: stored once under their owner, whoever lists them and in whatever order; no participant invents one."""

import itertools
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.inventory.test_revisions import T0, begin, inventory_of
from windlass.inventory import writer
from windlass.inventory.catalog import BY_NAME, CATALOG
from windlass.inventory.model import Query, Scope, ScopeResult, ScopeState
from windlass.inventory.observations import observe

ONE, TWO, THREE, OUTSIDE = "111111111111", "222222222222", "333333333333", "999999999999"
REGION = "eu-west-1"
OWNED = [kind for kind in CATALOG if kind.service == "ec2" and "{account}" in kind.arn and not kind.parent]


def item_of(kind, owner, *, name="a", **more):
    """An item as EC2 lists it, with its owner; every id member that the type may use is there."""
    return {kind.id.partition(" ")[0]: f"{name}-1", "OwnerId": owner, **more}


def seen(kind, account, item, region=REGION):
    scope = Scope(account, region, kind.name)
    return observe(kind, scope, item, partition="aws", salt=b"salt")


def scan(kind, account, items, at, state=ScopeState.OK, region=REGION):
    observations = tuple(seen(kind, account, item, region) for item in items) if state.complete else ()
    return ScopeResult(
        scope=Scope(account, region, kind.name), state=state, observations=observations, started_at=at, finished_at=at
    )


@pytest.mark.parametrize("kind", OWNED, ids=lambda kind: kind.name)
def test_the_answers_owner_wins_for_every_type_that_names_one(kind):
    observation = seen(kind, ONE, item_of(kind, TWO))
    assert observation is None or observation.account_id == TWO
    assert observation is None or f":{TWO}:" in observation.key
    assert ONE not in observation.key if observation else True


@pytest.mark.parametrize(("name", "member"), [("ec2.subnet", "SubnetArn"), ("ec2.security-group", "SecurityGroupArn")])
def test_the_answers_own_arn_wins(name, member):
    kind = BY_NAME[name]
    arn = f"arn:aws:ec2:{REGION}:{TWO}:{name.partition('.')[2]}/a-1"
    observation = seen(kind, ONE, {kind.id: "a-1", member: arn})
    assert (observation.arn, observation.account_id) == (arn, TWO)


def test_text_that_is_no_account_is_no_owner():
    assert seen(BY_NAME["ec2.vpc"], ONE, {"VpcId": "vpc-1", "OwnerId": "somebody"}).account_id == ONE
    assert seen(BY_NAME["ec2.vpc"], ONE, {"VpcId": "vpc-1"}).arn == f"arn:aws:ec2:{REGION}:{ONE}:vpc/vpc-1"


SUBNET = BY_NAME["ec2.subnet"]


def subnets_of(store):
    return [(row.account_id, row.resource_id) for row in inventory_of(store).list(Query(types=("ec2.subnet",))).rows]


def viewers_of(store, at=None):
    relations = inventory_of(store).relations("s-1", at=at)
    return sorted(relation.target_name for relation in relations if relation.kind == "shared-with")


def test_participants_share_one_resource_and_the_last_one_to_lose_it_ends_it(store):
    run, shared = begin(store), item_of(SUBNET, OUTSIDE, name="s")
    hours = [T0 + timedelta(hours=n) for n in range(8)]
    first = writer.write_result(store, run, scan(SUBNET, ONE, [shared, item_of(SUBNET, ONE, name="own")], hours[0]))
    second = writer.write_result(store, run, scan(SUBNET, TWO, [shared], hours[1]))
    assert (first.created, second) == (2, writer.ChangeCounts(0, 0, 0))
    assert subnets_of(store) == [(ONE, "own-1"), (OUTSIDE, "s-1")]
    assert viewers_of(store) == [ONE, TWO]
    again = [writer.write_result(store, run, scan(SUBNET, account, [shared], hours[2])) for account in (TWO,)]
    assert again == [writer.ChangeCounts(0, 0, 0)]
    assert writer.write_result(store, run, scan(SUBNET, ONE, [], hours[3])).deleted == 1, (
        "its own subnet, not the shared one"
    )
    assert viewers_of(store) == [TWO]
    assert viewers_of(store, at=hours[2]) == [ONE, TWO]
    assert writer.write_result(store, run, scan(SUBNET, TWO, [], hours[4], ScopeState.DENIED)).deleted == 0
    assert writer.write_result(store, run, scan(SUBNET, TWO, [], hours[5])).deleted == 1
    assert subnets_of(store) == []
    assert writer.write_result(store, run, scan(SUBNET, TWO, [shared], hours[6])).created == 1
    assert viewers_of(store) == [TWO]


def test_the_owners_own_listing_says_what_a_shared_resource_is(store):
    run = begin(store)
    hours = [T0 + timedelta(hours=n) for n in range(6)]
    full = item_of(SUBNET, ONE, name="s", Tags=[{"Key": "team", "Value": "net"}])
    plain = item_of(SUBNET, ONE, name="s")
    writer.write_result(store, run, scan(SUBNET, TWO, [plain], hours[0]))
    assert writer.write_result(store, run, scan(SUBNET, ONE, [full], hours[1])) == writer.ChangeCounts(0, 1, 0)
    for account in (TWO, THREE, TWO):
        assert writer.write_result(store, run, scan(SUBNET, account, [plain], hours[2])) == writer.ChangeCounts(0, 0, 0)
    assert inventory_of(store).show("s-1").tags == {"team": "net"}
    assert viewers_of(store) == [TWO, THREE]
    assert writer.write_result(store, run, scan(SUBNET, TWO, [], hours[3])).deleted == 0, (
        "not shared any longer is not gone"
    )
    assert writer.write_result(store, run, scan(SUBNET, ONE, [], hours[4])).deleted == 1
    assert viewers_of(store) == []
    assert writer.write_result(store, run, scan(SUBNET, THREE, [plain], hours[5])) == writer.ChangeCounts(0, 0, 0)


EXAMPLES = itertools.count()
VISITS = st.lists(
    st.tuples(
        st.sampled_from([ONE, TWO, THREE]),
        st.sets(st.sampled_from("abc")),
        st.booleans(),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scans=VISITS)
def test_whatever_is_listed_by_whom_each_resource_is_there_once_under_its_owner(sqlite_store, scans):
    owners, region = {"a": ONE, "b": TWO, "c": OUTSIDE}, f"r-{next(EXAMPLES)}"  # a region of this example's own
    listed: dict[str, set[str]] = {}  # by account: the ids of its last complete listing
    run, inventory = begin(sqlite_store), inventory_of(sqlite_store)
    for hour, (account, names, complete) in enumerate(scans):
        at, state = T0 + timedelta(hours=hour), ScopeState.OK if complete else ScopeState.FAILED
        items = [item_of(SUBNET, owners[name], name=name) for name in names]
        writer.write_result(sqlite_store, run, scan(SUBNET, account, items, at, state, region=region))
        if complete:
            listed[account] = set(names)
        rows = [(row.account_id, row.resource_id) for row in inventory.list(Query(regions=(region,))).rows]
        assert len(rows) == len({resource_id for _, resource_id in rows}), "stored once"
        assert all(owners[resource_id[0]] == owner for owner, resource_id in rows), "under its owner"
        assert ((OUTSIDE, "c-1") in rows) == any("c" in ids for ids in listed.values()), "there while anybody lists it"
        for owner, name in ((ONE, "a"), (TWO, "b")):
            assert (
                owner not in listed
                or ((owner, f"{name}-1") in rows) == (name in listed[owner])
                or name in {identifier for viewer, ids in listed.items() if viewer != owner for identifier in ids}
            ), "its owner's listing decides"
