"""Rules become alerts and deliveries: changes, findings, scopes and jobs; grouped, retried, and visible."""

import pytest

from tests.watch.world import ACCOUNT, BUCKETS, GROUPS, OPEN, REFUSALS, SENT, World, bucket, rule
from windlass.core.errors import NotFound, WindlassError
from windlass.inventory.events.attribution import attribute
from windlass.inventory.model import ChangeEvent, ScopeState
from windlass.watch.model import DeliveryStatus
from windlass.watch.rows import alert_row, delivery_row, rule_rows

OWNER = {"Tags": {"team": "web"}}


@pytest.fixture
def world(store, tmp_path):
    return World(store, tmp_path)


def test_changes_of_one_key_are_delivered_together_after_the_window(world):
    world.configure(rule(on="change", where=["type=s3.bucket"], paths=["Policy"]))
    world.collect(bucket("a"), bucket("b"), bucket("c"))
    assert world.turn(90) == [], "what existed before the first listing is no change"
    world.collect(bucket("a", Policy={"Statement": []}), bucket("b", Policy={"Statement": []}), bucket("c", Acl={}))
    assert world.turn(10) == [], "the window is open"
    [(key, titles, _)] = world.turn(60)
    assert key == "r"
    assert titles == ["s3.bucket a was updated: +Policy", "s3.bucket b was updated: +Policy"]
    assert world.turn(600) == [], "once"


def test_conditions_kinds_and_owner_narrow_a_rule_and_the_key_splits_its_deliveries(world):
    world.configure(rule(on="change", where=["owner:web"], kinds=["deleted"], key="resource"))
    world.collect(bucket("a", **OWNER), bucket("b", **OWNER), bucket("c"), bucket("d", **OWNER))
    world.turn()
    world.collect(bucket("b", **OWNER, Acl={}))
    world.turn()
    assert {key for key, _, _ in world.turn(60)} == {"arn:aws:s3:::a", "arn:aws:s3:::d"}, "c is nobody's"


def test_a_resource_that_a_later_listing_finds_is_new(world):
    world.configure(rule(on="change", kinds=["created"]))
    world.collect(bucket("a"))
    world.collect(bucket("a"), bucket("b"))
    world.turn()
    assert [titles for _, titles, _ in world.turn(60)] == [["s3.bucket b was created"]]


def test_who_made_a_change_may_become_known_after_the_scan_that_saw_it(world):
    world.configure(rule("by-people", on="change", actors=["arn:aws:iam::*:user/*"]), rule("any", on="change"))
    world.collect(bucket("a"))
    world.collect(bucket("a", Policy={}))
    world.turn()
    assert [titles for _, titles, _ in world.turn(60)] == [["s3.bucket a was updated: +Policy"]], (
        "the rule on any actor"
    )
    event = ChangeEvent(
        event_id="e1", at=world.now, source="s3.amazonaws.com", name="PutBucketPolicy", actor="arn:aws:iam::1:user/eve"
    )
    event = event.__class__(**{name: getattr(event, name) for name in event.__slots__} | {"at": change_time(world)})
    with world.store.write() as connection:
        assert attribute(connection, 1, [event]) == 1
    world.turn()
    [(_, titles, _)] = world.turn(60)
    assert titles == ["s3.bucket a was updated by arn:aws:iam::1:user/eve: +Policy"]


def change_time(world):
    from windlass.inventory.config import InventoryConfig
    from windlass.inventory.service import Inventory

    changes, _ = Inventory(world.store, lambda: None, InventoryConfig()).changes()
    return changes[0].valid_from


def group(name, **document):
    return bucket(name, scope=GROUPS, GroupName=name, **document)


def test_a_finding_is_alerted_on_when_it_begins_and_again_when_it_returns(world):
    world.configure(rule(on="finding", checks=["ec2-ssh-*"], severity="high", key="check"))
    world.collect(group("old", **OPEN), scope=GROUPS)
    world.checks.run()
    assert world.turn(90) == [], "what failed before the rule existed is no alert"
    world.collect(group("old", **OPEN), group("new", **OPEN), scope=GROUPS)
    world.checks.run()
    world.turn()
    [(key, [title], _)] = world.turn(60)
    assert key == "ec2-ssh-open"
    assert "new fails" in title
    world.checks.run()
    assert world.turn(600) == [], "it lasts"
    world.collect(group("old", **OPEN), group("new"), scope=GROUPS)
    world.checks.run()
    world.turn()
    world.collect(group("old", **OPEN), group("new", **OPEN), scope=GROUPS)
    world.checks.run()
    world.turn()
    assert len(world.turn(60)) == 1, "it failed again"


def test_a_scope_that_is_not_read_for_too_long_is_alerted_on_until_it_is_read(world):
    world.configure(rule(on="unread", unread_s=3600, types=["s3.*"]))
    world.collect(bucket("a"))
    world.turn()
    world.collect(scope=BUCKETS, state=ScopeState.DENIED, minutes=30)
    assert world.turn(60) == []
    world.turn(3600)
    [(_, [title], _)] = world.turn(60)
    assert f"s3.bucket in aws-global of {ACCOUNT} was not read since 2026-11-01 00:01Z: denied" in title
    assert world.turn(3600) == []
    world.collect(bucket("a"))
    world.turn()
    world.turn(7200)
    assert len(world.turn(60)) == 1, "unread again"


def test_a_job_that_fails_is_alerted_on(world):
    world.configure(rule(on="job", jobs=["inventory.*"]))
    world.turn()
    for kind in ("inventory.collect", "clients.scan"):
        with pytest.raises(WindlassError), world.jobs.run_new(kind, f"a {kind}", unit="x"):
            raise WindlassError("no credentials")
    world.turn()
    assert [titles for _, titles, _ in world.turn(60)] == [["The job a inventory.collect failed: no credentials"]]


def test_a_refused_delivery_is_tried_again_later_and_later_under_the_same_attempt(world):
    world.configure(rule(on="change", window_s=0))
    world.collect(bucket("a"))
    world.collect(bucket("a", Acl={}))
    REFUSALS.extend([WindlassError("the service is away"), RuntimeError("a mistake")])
    assert world.turn() == []
    [delivery] = world.watch.deliveries()
    assert (delivery.status, delivery.attempts, delivery.error) == (DeliveryStatus.PENDING, 1, "the service is away")
    assert world.turn(5) == [], "ten seconds"
    assert world.turn(5) == []
    assert world.watch.deliveries()[0].error == "RuntimeError: a mistake"
    assert world.turn(15) == []
    assert len(world.turn(5)) == 1
    [delivery] = world.watch.deliveries(status=DeliveryStatus.DELIVERED)
    assert (delivery.attempts, delivery.error) == (3, "")
    assert {attempt for _, _, attempt in SENT} == {"r-1-0"}


def test_a_delivery_is_given_up_after_three_days_and_may_be_tried_again(world):
    world.configure(rule(on="change", window_s=0))
    world.collect(bucket("a"))
    world.collect(bucket("a", Acl={}))
    REFUSALS.extend([WindlassError("away")] * 200)
    for _ in range(90):
        world.turn(3600)
    [delivery] = world.watch.deliveries(rule="r")
    assert delivery.status is DeliveryStatus.FAILED
    assert delivery.attempts > 70
    REFUSALS.clear()
    assert world.turn(3600) == []
    assert world.watch.retry("r") == 1
    assert len(world.turn()) == 1


def test_a_rule_that_is_gone_from_the_configuration_fails_its_deliveries(world):
    world.configure(rule(on="change", window_s=0))
    world.collect(bucket("a"))
    world.collect(bucket("a", Acl={}))
    world.watch.evaluate()
    world.configure()
    assert world.turn() == []
    assert "not configured any more" in world.watch.deliveries()[0].error


def test_a_preview_shows_what_would_have_been_alerted_on_and_records_nothing(world):
    world.configure(rule(on="change", paths=["Policy"]), rule("findings", on="finding", checks=["ec2-ssh-open"]))
    world.collect(bucket("a"))
    since = world.now
    world.collect(bucket("a", Policy={}))
    world.collect(group("g", **OPEN), scope=GROUPS)
    world.checks.run()
    world.watch.evaluate()
    recorded = len(world.watch.alerts())
    assert [preview.occurrence.title for preview in world.watch.preview("r", since)] == [
        "s3.bucket a was updated: +Policy"
    ]
    assert [preview.key for preview in world.watch.preview("findings", since)] == ["findings"]
    assert len(world.watch.alerts()) == recorded
    assert SENT == []
    with pytest.raises(NotFound, match="there is no rule 'findingz'"):
        world.watch.preview("findingz", since)


def test_rules_alerts_and_deliveries_are_rows(world):
    world.configure(rule(on="change", paths=["Policy"], window_s=0))
    world.collect(bucket("a"))
    world.collect(bucket("a", Policy={}))
    world.turn()
    [row] = rule_rows(world.watch)
    assert (row["watches"], row["actions"], row["delivered"]) == ({"paths": ["Policy"]}, ["python"], 1)
    assert alert_row(world.watch.alerts()[0])["facts"]["resource"] == "arn:aws:s3:::a"
    assert delivery_row(world.watch.deliveries()[0])["status"] == "delivered"
