"""When a scope without resources is asked again, and what a run learns of refusals."""

import pytest

from tests.inventory.fake import ONE, FakeCaller, denied
from windlass.core.errors import AccessDenied, AwsError, NotFound
from windlass.inventory.automatic.backoff import EmptyState, next_scan_s
from windlass.inventory.automatic.catalog_cache import AutomaticCatalog
from windlass.inventory.automatic.due_scopes import DueScopes
from windlass.inventory.automatic.presence import config_type_names, present_types
from windlass.inventory.automatic.refusals import Refusals
from windlass.inventory.automatic.type_registry import TypeRegistry, merge
from windlass.inventory.catalog import BY_NAME, CATALOG
from windlass.inventory.model import Scope, ScopeState
from windlass.inventory.resource_type import ResourceType
from windlass.inventory.scope_scan import classify

HOUR, DAY = 3600, 86400


def wait_s(empty_for, *, automatic, state=ScopeState.OK):
    scope = EmptyState(state=state, since=0, scanned=empty_for)
    return next_scan_s(scope, automatic=automatic, refusal_s=9 * DAY) - empty_for


@pytest.mark.parametrize(
    ("empty_for", "curated", "automatic"),
    [(0, 0, HOUR), (8 * 60, 60, HOUR), (8 * HOUR, HOUR, 4 * HOUR), (16 * DAY, DAY, 7 * DAY), (99 * DAY, DAY, 7 * DAY)],
)
def test_the_longer_a_scope_is_empty_the_later_it_is_asked(empty_for, curated, automatic):
    assert wait_s(empty_for, automatic=False) == curated
    assert wait_s(empty_for, automatic=True) == automatic


def test_a_refusal_is_believed_as_long_as_configured_and_a_denial_for_a_day_at_most():
    assert wait_s(0, automatic=True, state=ScopeState.UNSUPPORTED) == 9 * DAY
    assert wait_s(50 * DAY, automatic=True, state=ScopeState.DENIED) == DAY
    assert wait_s(0, automatic=True, state=ScopeState.TIMEOUT) == 0
    assert wait_s(8 * HOUR, automatic=False, state=ScopeState.UNSUPPORTED) == HOUR


def gizmo(name="gizmos.gizmo", operation="ListGizmos", service="gizmos"):
    return ResourceType(
        name=name, title="Gizmo", service=service, operation=operation, items="Gizmos", id="Arn", automatic=True
    )


HERE, THERE = Scope("1" * 12, "us-east-1", "gizmos.gizmo"), Scope("2" * 12, "eu-west-1", "gizmos.gizmo")


@pytest.mark.parametrize(
    ("code", "single_server", "refused"),
    [
        ("OptInRequired", False, {(HERE, "ListGizmos"), (HERE, "ListParts")}),
        ("NotImplemented", False, set()),
        ("NotImplemented", True, {(HERE, "ListGizmos"), (THERE, "ListGizmos")}),
        (
            "UnknownService",
            True,
            {(HERE, "ListGizmos"), (HERE, "ListParts"), (THERE, "ListGizmos"), (THERE, "ListParts")},
        ),
        ("AccessDenied", True, set()),
    ],
)
def test_a_refusal_holds_as_far_as_it_reaches(code, single_server, refused):
    refusals = Refusals(single_server=single_server)
    refusals.learn(gizmo(), HERE, AwsError("no", code=code))
    stopped = set()
    for scope in (HERE, THERE):
        for operation in ("ListGizmos", "ListParts"):
            try:
                refusals.check(gizmo(operation=operation), scope)
            except AwsError:
                stopped.add((scope, operation))
    assert stopped == refused


def test_curated_types_are_always_asked():
    refusals = Refusals(single_server=True)
    refusals.learn(BY_NAME["sqs.queue"], HERE, AwsError("no", code="UnknownService"))
    refusals.check(BY_NAME["sqs.queue"], HERE)


def test_what_a_service_rejects_without_parameters_is_unsupported_for_automatic_types_alone():
    rejected = AwsError("cluster is missing", code="ValidationException")
    assert classify(rejected) is ScopeState.FAILED
    assert classify(rejected, automatic=True) is ScopeState.UNSUPPORTED
    assert classify(NotFound("not set up", code="ResourceNotFoundException"), automatic=True) is ScopeState.UNSUPPORTED
    assert classify(AccessDenied("no", code="AccessDenied"), automatic=True) is ScopeState.DENIED


def test_a_curated_type_replaces_the_automatic_ones_of_the_same_things():
    automatic = [
        gizmo("sqs.queue", "ListQueues", "sqs"),
        gizmo("logs.log-group", "ListLogGroups", "logs"),
        gizmo("ec2.customer-gateway", "DescribeCustomerGateways", "ec2"),
    ]
    curated = [BY_NAME["sqs.queue"], BY_NAME["logs.group"]]
    assert [kind.name for kind in merge(curated, automatic)] == ["sqs.queue", "logs.group", "ec2.customer-gateway"]


def test_automatic_types_are_collected_as_configured_and_named_ones_always():
    catalog = AutomaticCatalog((gizmo(), gizmo("widgets.widget", "ListWidgets")), {"gizmos": frozenset({"us-east-1"})})

    def names(enabled, *named):
        registry = TypeRegistry(CATALOG, enabled, lambda: catalog)
        return {kind.name for kind in registry.named(named) if kind.automatic}

    assert names(False) == set()
    assert names(True) == {"gizmos.gizmo", "widgets.widget"}
    assert names(["giz*"]) == {"gizmos.gizmo"}
    assert names(False, "widgets.widget") == {"widgets.widget"}
    assert names(False, "widgets.*") == set()
    registry = TypeRegistry(CATALOG, True, lambda: catalog)
    assert registry.is_offered(gizmo(), "us-east-1")
    assert not registry.is_offered(gizmo(), "eu-west-1")
    assert registry.is_offered(gizmo("widgets.widget", service="widgets"), "eu-west-1")


def test_config_s_names_are_found():
    names = config_type_names(
        [BY_NAME["ec2.vpc-endpoint"], BY_NAME["elb.load-balancer"], BY_NAME["stepfunctions.state-machine"]]
    )
    assert names["aws::ec2::vpcendpoint"].name == "ec2.vpc-endpoint"
    assert names["aws::elasticloadbalancingv2::loadbalancer"].name == "elb.load-balancer"


def test_what_config_has_discovered_is_due_and_a_region_that_denies_it_hints_nothing():
    def counts(_, region, __):
        if region == "eu-west-1":
            raise denied()
        return {
            "resourceCounts": [{"resourceType": "AWS::EC2::VPCEndpoint", "count": 2}, {"resourceType": "AWS::X::Y"}]
        }

    caller = FakeCaller({("config", "GetDiscoveredResourceCounts"): counts})
    kinds = [BY_NAME["ec2.vpc-endpoint"], BY_NAME["sqs.queue"]]
    hinted = present_types(caller, kinds, {ONE: ["us-east-1", "eu-west-1"]})
    assert hinted == {Scope(ONE, "us-east-1", "ec2.vpc-endpoint")}
    empty = dict.fromkeys(
        [Scope(ONE, "us-east-1", kind.name) for kind in kinds], EmptyState(state=ScopeState.OK, since=0, scanned=DAY)
    )
    due = DueScopes(
        types=TypeRegistry(CATALOG, False), empty=empty, durations_s={}, now_s=DAY, refusal_s=DAY, scans_all=False
    )
    assert not any(due.is_due(kind, Scope(ONE, "us-east-1", kind.name)) for kind in kinds)
    hinted_due = due.with_present(hinted)
    assert [hinted_due.is_due(kind, Scope(ONE, "us-east-1", kind.name)) for kind in kinds] == [True, False]
