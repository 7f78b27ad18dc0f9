"""Plans: nodes, zones, moved keys, cost, and refusals before any call to AWS."""

from datetime import UTC, datetime, timedelta

import pytest

from windlass.core.errors import UsageError
from windlass.memcached.cost import price_of
from windlass.memcached.model import Apply, Cluster, Node, PendingChanges, Quota, Traffic
from windlass.memcached.placement import choose_removals, choose_zones, new_ids, spread
from windlass.memcached.plan import PlanAction, ScaleRequest, node_ids, plan_create, plan_delete, plan_scale
from windlass.memcached.report import plan_text
from windlass.memcached.rows import plan_value

BORN = datetime(2026, 1, 1, tzinfo=UTC)
QUOTA = Quota(per_cluster=60, per_region=300, in_use=30, source="applied")


def node(number, zone="a", *, born=0, host="127.0.0.1", port=0):
    return Node(
        node_id=f"{number:04}",
        status="available",
        zone=f"us-east-1{zone}",
        created_at=BORN + timedelta(days=born),
        host=host,
        port=port or 20000 + 31 * number,
    )


def cluster(count=6, zones="abc", **more):
    nodes = tuple(node(number, zones[number % len(zones)], born=number) for number in range(1, count + 1))
    about = {
        "account_id": "111111111111",
        "region": "us-east-1",
        "name": "web",
        "arn": "",
        "status": "available",
        "node_type": "cache.r7g.large",
        "version": "1.6.22",
        "count": count,
        "nodes": nodes,
    }
    return Cluster(**(about | more))


def scale(cluster, to, *, quota=QUOTA, traffic=None, price=None, **options):
    return plan_scale(cluster, ScaleRequest(to, **options), quota=quota, traffic=traffic, price=price, advised=50)


def test_the_newest_node_of_the_fullest_zone_is_removed_first():
    nodes = [
        node(1, "a", born=1),
        node(2, "a", born=9),
        node(3, "a", born=3),
        node(4, "b", born=8),
        node(5, "b", born=2),
        node(6, "c", born=20),
    ]
    assert choose_removals(nodes, 1) == ("0002",), "0006 is newer, but alone in its zone"
    assert choose_removals(nodes, 3) == ("0002", "0004", "0003")
    assert choose_removals(nodes, 0) == ()


@pytest.mark.parametrize(("before", "to"), [(30, 26), (26, 6), (7, 2), (60, 1)])
def test_zones_stay_even_after_removals(before, to):
    plan = scale(cluster(before), to)
    assert spread(plan.zones_after) <= 1
    assert sum(plan.zones_after.values()) == to


def test_new_nodes_fill_the_emptiest_zones_and_the_lowest_ids():
    assert choose_zones({"a": 3, "b": 1}, ("a", "b", "c"), 4) == ("c", "b", "c", "b")
    assert new_ids(["0001", "0003"], 3) == ("0002", "0004", "0005")
    plan = scale(cluster(6), 30)
    (step,) = plan.steps
    assert (plan.action, step.add[0], step.add[-1], len(step.zones)) == (PlanAction.SCALE_OUT, "0007", "0030", 24)
    assert set(plan.zones_after.values()) == {10}


def test_a_cluster_in_one_zone_stays_in_it_by_default():
    assert scale(cluster(3, "a"), 5).zones_after == {"us-east-1a": 5}
    assert scale(cluster(3, "a"), 5, zones=("us-east-1b",)).zones_after == {"us-east-1a": 3, "us-east-1b": 2}


def test_scale_in_moves_only_the_removed_nodes_keys():
    plan = scale(cluster(30), 26, step=2)
    assert plan.moved.ketama_spread == 0
    assert abs(sum(step.moved.ketama for step in plan.steps) - plan.moved.ketama) < 0.01
    assert abs(plan.moved.ketama - 4 / 30) < 0.05
    assert plan.worst.ketama < plan.moved.ketama
    assert any("modulo" in warning for warning in plan.warnings), "steps make it worse for modulo clients"
    assert not scale(cluster(30), 26).warnings


def test_predictable_addresses_make_the_ring_exact():
    nodes = tuple(node(n, host=f"web.x1y2.{n:04}.use1.cache.amazonaws.com", port=11211) for n in range(1, 7))
    foreseen = scale(cluster(nodes=nodes), 30)
    assert foreseen.moved.ketama_spread == 0
    unknown = scale(cluster(6), 30)
    assert 0 < unknown.moved.ketama_spread < 0.02
    assert abs(unknown.moved.ketama - 0.8) < 0.02
    assert unknown.moved.modulo == pytest.approx(0.8)


def test_the_hit_rate_dip_is_that_of_the_worst_step():
    plan = scale(cluster(6), 5, traffic=Traffic(0.9, 1000.0, "x"))
    assert plan.hit_rate_after(plan.moved.ketama) == pytest.approx(0.9 * (1 - plan.moved.ketama))
    assert plan.misses_per_s(plan.moved.ketama) == pytest.approx(900 * plan.moved.ketama)
    assert scale(cluster(6), 5).hit_rate_after(0.5) is None


def test_a_price_is_listed_scaled_or_configured():
    exact = price_of("cache.r7g.large", "us-east-1", {})
    assert (exact.monthly(10), exact.exact) == (pytest.approx(0.219 * 7300), True)
    assert not price_of("cache.r7g.large", "eu-west-1", {}).exact
    assert price_of("cache.r7g.large", "eu-west-1", {"cache.r7g.large": 0.1}).hourly == 0.1
    assert price_of("cache.r99.large", "us-east-1", {}) is None
    assert price_of("cache.r7g.large", "xx-west-1", {}) is None


@pytest.mark.parametrize(
    ("to", "quota", "code"),
    [
        (21, QUOTA, ""),
        (60, QUOTA, ""),
        (61, QUOTA, "NodeQuotaForClusterExceeded"),
        (60, Quota(per_cluster=60, per_region=300, in_use=250, source="applied"), "NodeQuotaForCustomerExceeded"),
        (61, Quota(per_cluster=60, per_region=300, in_use=6, source="default"), ""),
        (200, Quota(per_cluster=None, per_region=None, in_use=6, source="unknown", problem="AccessDenied"), ""),
    ],
)
def test_only_an_applied_quota_refuses_a_plan(to, quota, code):
    plan = scale(cluster(6), to, quota=quota)
    assert (plan.refusal.code if plan.refusal else "") == code
    if code:
        assert f"--desired-value {to if 'Cluster' in code else 304}" in plan.refusal.hint
    assert any("50 nodes" in warning for warning in plan.warnings) is (to > 50)
    assert any("quota" in warning for warning in plan.warnings) is (quota.source != "applied" and to > 60)


def test_a_smaller_cluster_never_exceeds_a_quota():
    lowered = Quota(per_cluster=20, per_region=20, in_use=60, source="applied")
    assert scale(cluster(60), 40, quota=lowered).refusal is None


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"to": 0}, "at least one node"),
        ({"to": 5, "remove": ("0099",)}, "no node 0099"),
        ({"to": 4, "remove": ("0001",)}, "names 1 nodes"),
        ({"to": 9, "remove": ("0001",)}, "removes 0"),
        ({"to": 3, "step": 1, "apply": Apply.MAINTENANCE}, "only the latest pending"),
        ({"to": 3, "pause_s": 60.0}, "--pause needs a --step"),
        ({"to": 3, "step": 3, "pause_s": 60.0}, "--pause needs a --step"),
        ({"to": 3, "step": -1}, "negative"),
    ],
)
def test_contradictory_requests_are_usage_errors(options, says):
    with pytest.raises(UsageError, match=says):
        scale(cluster(6), options.pop("to"), **options)


def test_named_nodes_are_removed_in_the_given_order():
    plan = scale(cluster(6), 3, remove=("0002", "0005", "0001"), step=2)
    assert [step.remove for step in plan.steps] == [("0002", "0005"), ("0001",)]
    assert [(step.before, step.to) for step in plan.steps] == [(6, 4), (4, 3)]


def test_pending_changes_are_replaced_cancelled_or_refused():
    shrinking = cluster(6, pending=PendingChanges(count=4, remove=("0005", "0006")))
    assert "replaced" in scale(shrinking, 5).replaces
    cancelled = scale(shrinking, 6)
    assert (cancelled.action, len(cancelled.steps)) == (PlanAction.CANCEL, 1)
    assert "cancelled" in plan_text(cancelled)
    assert scale(cluster(6), 6).action is PlanAction.NOTHING
    growing = cluster(6, pending=PendingChanges(count=10))
    assert "cannot be lowered" in scale(growing, 8).refusal.message
    assert scale(growing, 12).steps[0].zones == (), "AWS has chosen zones for the four that wait"


def test_the_text_of_a_plan_has_every_consequence():
    plan = scale(
        cluster(30),
        26,
        step=2,
        pause_s=600.0,
        traffic=Traffic(0.95, 2000.0, "CloudWatch, last hour"),
        price=price_of("cache.r7g.large", "us-east-1", {}),
    )
    text = plan_text(plan)
    for words in (
        "30 → 26 nodes",
        "step 1 of 2",
        "10 m",
        "ketama",
        "modulo",
        "95.0 % →",
        "misses/s",
        "us-east-1a:",
        "a month (-",
        "26 of 60",
    ):
        assert words in text, words
    assert "nothing to change" in plan_text(scale(cluster(6), 6))
    value = plan_value(plan)
    assert value["cost"]["change_usd"] == pytest.approx(-4 * 730 * 0.219, abs=0.01)
    assert value["steps"][0]["hit_rate_after"]["ketama"] < 0.95


def test_creation_spreads_over_zones_and_deletion_loses_all_keys():
    plan = plan_create(
        "1" * 12,
        "us-east-1",
        "web",
        nodes=30,
        zones=("a", "b", "c"),
        request={"CacheNodeType": "cache.r7g.large"},
        quota=QUOTA,
        price=None,
        advised=50,
    )
    assert plan.zones_after == {"a": 10, "b": 10, "c": 10}
    assert (plan.request["AZMode"], len(plan.request["PreferredAvailabilityZones"])) == ("cross-az", 30)
    assert plan.refusal is None
    plan = plan_delete(cluster(6), price=None, traffic=None)
    assert plan.moved.ketama == 1.0
    assert "all of them" in plan_text(plan)


@pytest.mark.parametrize("words", [("0007", "0008"), ("7", "8"), ("7", "0008", "07")])
def test_node_ids_are_accepted_with_and_without_zeros(words):
    assert node_ids(words) == ("0007", "0008")


@pytest.mark.parametrize(
    ("name", "node_type", "problem"),
    [
        ("1st", "cache.r7g.large", "not a valid cluster name"),
        ("a--b", "cache.r7g.large", "not a valid cluster name"),
        ("a-", "cache.r7g.large", "not a valid cluster name"),
        ("a" * 51, "cache.r7g.large", "not a valid cluster name"),
        ("sess\0ions", "cache.r7g.large", "not a valid cluster name"),
        ("sessions", "r7g.large", "node type"),
        ("sessions", "", "node type"),
    ],
)
def test_names_and_node_types_are_checked_in_the_plan(name, node_type, problem):
    with pytest.raises(UsageError, match=problem):
        plan_create(
            "111122223333",
            "us-east-1",
            name,
            nodes=2,
            zones=(),
            request={"CacheNodeType": node_type},
            quota=QUOTA,
            price=None,
            advised=20,
        )
