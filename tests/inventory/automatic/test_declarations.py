"""Types from a model: which operations make one, and what is derived for it."""

import pytest

from tests.inventory.automatic.gizmos import gizmos
from windlass.inventory.automatic.declarations import declare_types
from windlass.inventory.automatic.exclusions import exclusion_of, exclusions
from windlass.inventory.automatic.identity import identity_of, text_identity
from windlass.inventory.automatic.nouns import kebab, noun_of_operation, noun_of_shape, singular
from windlass.inventory.automatic.owner_defaults import request_of
from windlass.inventory.automatic.service_model import ModelSource
from windlass.inventory.automatic.volatile_members import is_volatile


@pytest.fixture
def types():
    return {kind.name: kind for kind in declare_types(ModelSource(service="gizmos", document=gizmos()))}


def test_lists_of_identified_items_make_types_and_nothing_else_does(types):
    assert sorted(types) == ["gizmos.folder", "gizmos.gizmo", "gizmos.part"]
    assert all(kind.automatic for kind in types.values())


def test_a_type_is_listed_identified_and_narrowed_to_the_account(types):
    gizmo = types["gizmos.gizmo"]
    assert (gizmo.operation, gizmo.items, gizmo.title) == ("ListGizmos", "Gizmos", "Gizmo")
    assert (gizmo.id, gizmo.arn, gizmo.label) == ("GizmoArn || GizmoId || GizmoName", "GizmoArn", "GizmoName")
    assert (gizmo.tags, dict(gizmo.request)) == ("Tags", {"ResourceOwner": "SELF", "IncludeShared": False})


def test_members_that_change_by_themselves_stay_out_of_the_document(types):
    assert sorted(types["gizmos.gizmo"].volatile) == ["LastAccessedTime", "MessageCount"]


def test_a_child_is_listed_for_each_item_of_its_one_parent_and_identified_within_it(types):
    part = types["gizmos.part"]
    assert (part.parent.operation, part.parent.items, dict(part.parent.params)) == (
        "ListGizmos",
        "Gizmos",
        {"GizmoId": "GizmoId"},
    )
    assert dict(part.parent.request) == {"ResourceOwner": "SELF", "IncludeShared": False}
    assert part.id == "join('/', [GizmoId, PartName || ''])"


def test_a_list_of_names_is_a_type_and_a_list_of_other_texts_is_none(types):
    assert (types["gizmos.folder"].wrap, types["gizmos.folder"].id) == ("Name", "Name")


def test_an_operation_that_no_paging_rule_understands_makes_no_type():
    source = ModelSource(service="gizmos", document=gizmos(), unpageable=frozenset({"ListGizmos"}))
    assert [kind.name for kind in declare_types(source)] == ["gizmos.folder"]


@pytest.mark.parametrize(
    ("operation", "noun"),
    [
        ("DescribeDBClusters", "db-cluster"),
        ("ListWebACLs", "web-acl"),
        ("ListClustersV2", "cluster"),
        ("GetRestApis", "rest-api"),
        ("ListPolicies", "policy"),
        ("DescribeAddresses", "address"),
        ("DescribeCaches", "cache"),
        ("ListSchemas", "schema"),
        ("ListAnalyses", "analysis"),
        ("DescribeVpcEndpointConnections", "vpc-endpoint-connection"),
    ],
)
def test_an_operation_names_its_type(operation, noun):
    assert kebab(noun_of_operation(operation)) == noun


def test_nouns_of_shapes_lose_their_endings():
    assert [noun_of_shape(name) for name in ("LogGroupSummary", "ClusterV2", "Summary")] == [
        "LogGroup",
        "Cluster",
        "Summary",
    ]
    assert [singular(word) for word in ("Statuses", "Status", "Data", "Boxes")] == ["Status", "Status", "Data", "Box"]


def test_ids_are_ranked_and_a_foreign_arn_is_no_id():
    members = {name: {"type": "string"} for name in ("name", "widgetId", "arn", "roleArn")}
    assert identity_of(members, ["Widget"]).id == "arn || widgetId || name"
    assert identity_of({"RoleArn": {"type": "string"}}, ["Widget"]) is None
    assert identity_of({"WidgetId": {"type": "long"}}, ["Widget"]) is None


def test_texts_are_identified_by_the_name_of_their_list():
    assert text_identity("clusterArns", "Cluster").arn == "Arn"
    assert text_identity("projects", "Project").id == "Name"
    assert text_identity("colours", "Palette") is None


def test_owner_defaults_fit_the_shape():
    listed = {"type": "list"}
    assert request_of("ec2", "DescribeImages", {"Owners": listed}) == {"Owners": ["self"]}
    assert request_of("iam", "ListPolicies", {"Scope": {"type": "string", "enum": ["All", "Local"]}}) == {
        "Scope": "Local"
    }
    assert request_of("x", "ListThings", {"Scope": {"type": "string", "enum": ["GLOBAL"]}}) == {}
    assert request_of("x", "ListThings", {"AwsAccountId": {"type": "string"}}) == {"AwsAccountId": "{account}"}


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("secretsmanager", "GetSecretValue"),
        ("ce", "GetAnomalyMonitors"),
        ("rds", "DescribeEvents"),
        ("ec2", "DescribeRegions"),
        ("elasticache", "DescribeReservedCacheNodesOfferings"),
        ("cloudwatch", "ListMetrics"),
        ("guardduty", "ListFindings"),
        ("transcribe", "ListTranscriptionJobs"),
        ("logs", "DescribeLogStreams"),
        ("cognito-idp", "ListUsers"),
        ("s3", "ListObjectsV2"),
    ],
)
def test_an_exclusion_has_a_reason(service, operation):
    assert len(exclusion_of(service, operation).reason) > 10


def test_what_is_a_resource_is_not_excluded():
    kept = [
        ("stepfunctions", "ListActivities"),
        ("rds", "DescribeDBProxies"),
        ("glue", "GetJobs"),
        ("iot", "ListThingTypes"),
    ]
    assert [exclusion_of(*each) for each in kept] == [None] * len(kept)
    assert all(exclusion.reason for exclusion in exclusions())


@pytest.mark.parametrize(
    ("name", "kind", "volatile"),
    [
        ("LastAccessedDate", "timestamp", True),
        ("lastHeartbeatTime", "timestamp", True),
        ("LatestRestorableTime", "timestamp", True),
        ("runningTasksCount", "integer", True),
        ("itemCount", "long", True),
        ("AvailableIpAddressCount", "integer", True),
        ("preSignedUrl", "string", True),
        ("LastModifiedTime", "timestamp", False),
        ("DesiredCount", "integer", False),
        ("VolumeSize", "integer", False),
        ("AvailabilityZone", "string", False),
        ("LastBackupPolicy", "string", False),
        ("ActiveDirectoryId", "string", False),
    ],
)
def test_volatile_members_are_told_by_name_and_kind(name, kind, volatile):
    assert is_volatile(name, kind) is volatile
