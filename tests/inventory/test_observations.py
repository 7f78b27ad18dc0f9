import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import botocore_models
from tests.sweeps import sweep
from windlass.inventory.catalog import BY_NAME, CATALOG
from windlass.inventory.model import GLOBAL, Edge, Scope
from windlass.inventory.observations import ORDERED, addresses_of, edges_of, items_of, observe, stabilise, tags_of
from windlass.inventory.paths import find

ONE = "111111111111"


def seen(kind, item, region="eu-west-1", **options):
    return observe(BY_NAME[kind], Scope(ONE, region, kind), item, partition="aws", salt=b"salt", **options)


INSTANCE = {
    "InstanceId": "i-1",
    "State": {"Name": "running"},
    "ImageId": "ami-1",
    "VpcId": "vpc-1",
    "SubnetId": "subnet-1",
    "PrivateIpAddress": "10.0.0.5",
    "PublicIpAddress": "198.51.100.7",
    "LaunchTime": datetime(2026, 1, 2, tzinfo=UTC),
    "SecurityGroups": [{"GroupId": "sg-b"}, {"GroupId": "sg-a"}],
    "NetworkInterfaces": [
        {
            "NetworkInterfaceId": "eni-1",
            "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.0.5"}, {"PrivateIpAddress": "10.0.0.6"}],
            "Ipv6Addresses": [{"Ipv6Address": "2001:DB8::0:1"}],
        }
    ],
    "Tags": [{"Key": "team", "Value": "web"}, {"Key": "Name", "Value": "front"}],
}


def test_an_instance_has_its_identity_tags_addresses_and_relations():
    found = seen("ec2.instance", INSTANCE)
    assert found.key == f"arn:aws:ec2:eu-west-1:{ONE}:instance/i-1"
    assert (found.resource_id, found.name, found.tags) == ("i-1", "front", {"Name": "front", "team": "web"})
    assert found.addresses == ("10.0.0.5", "10.0.0.6", "198.51.100.7", "2001:db8::1")
    assert Edge("in-subnet", "subnet-1", "ec2.subnet") in found.edges
    assert [edge.target for edge in found.edges if edge.kind == "in-security-group"] == ["sg-a", "sg-b"]
    assert found.document["LaunchTime"] == "2026-01-02T00:00:00Z"


@pytest.mark.parametrize(
    ("kind", "item", "addresses"),
    [
        (
            "ec2.network-interface",
            {
                "NetworkInterfaceId": "eni-1",
                "Association": {"PublicIp": "198.51.100.7"},
                "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.0.5"}],
            },
            ("10.0.0.5", "198.51.100.7"),
        ),
        ("ec2.elastic-ip", {"AllocationId": "eipalloc-1", "PublicIp": "198.51.100.7"}, ("198.51.100.7",)),
        (
            "ec2.nat-gateway",
            {
                "NatGatewayId": "nat-1",
                "State": "available",
                "NatGatewayAddresses": [{"PublicIp": "198.51.100.7", "PrivateIp": "10.0.0.9"}],
            },
            ("10.0.0.9", "198.51.100.7"),
        ),
    ],
)
def test_addresses_of_what_holds_them(kind, item, addresses):
    assert seen(kind, item).addresses == addresses


def shuffled(value, rng):
    if isinstance(value, dict):
        items = [(key, shuffled(item, rng)) for key, item in value.items()]
        rng.shuffle(items)
        return dict(items)
    if isinstance(value, list):
        items = [shuffled(item, rng) for item in value]
        rng.shuffle(items)
        return items
    return value


GROUP = {
    "GroupId": "sg-1",
    "VpcId": "vpc-1",
    "Tags": [{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "1"}],
    "IpPermissions": [
        {
            "IpProtocol": "tcp",
            "FromPort": 443,
            "IpRanges": [{"CidrIp": "10.0.0.0/8"}, {"CidrIp": "192.0.2.0/24"}],
            "UserIdGroupPairs": [{"GroupId": "sg-2"}, {"GroupId": "sg-3"}],
        },
        {"IpProtocol": "tcp", "FromPort": 22, "IpRanges": [], "UserIdGroupPairs": []},
    ],
}


@given(st.integers())
def test_the_order_in_which_aws_happens_to_answer_makes_no_difference(seed):
    rng = random.Random(seed)
    assert seen("ec2.security-group", shuffled(GROUP, rng)) == seen("ec2.security-group", GROUP)
    assert seen("ec2.instance", shuffled(INSTANCE, rng)) == seen("ec2.instance", INSTANCE)


def test_principals_and_actions_of_a_policy_come_in_any_order():
    def bucket(*accounts):
        policy = '{"Statement":[{"Effect":"Allow","Principal":{"AWS":%s},"Action":["s3:Get*","s3:List*"]}]}'
        return seen("s3.bucket", {"Name": "b", "Policy": policy % str(list(accounts)).replace("'", '"')}, GLOBAL)

    assert bucket("1", "2") == bucket("2", "1")
    assert bucket("1", "2").document != bucket("1", "3").document
    assert bucket("1", "2").document["Policy"]["Statement"][0]["Effect"] == "Allow"


@pytest.mark.parametrize(
    ("kind", "path", "one", "other"),
    [
        ("lambda.function", "Layers", {"Arn": "arn:aws:lambda:r:1:layer:b:1"}, {"Arn": "arn:aws:lambda:r:1:layer:a:1"}),
        ("s3.bucket", "Cors", {"ID": "b"}, {"ID": "a"}),
        ("s3.bucket", "Lifecycle", {"ID": "b"}, {"ID": "a"}),
        (
            "s3.bucket",
            "Policy",
            {"Statement": [{"Sid": "b"}, {"Sid": "a"}]},
            {"Statement": [{"Sid": "a"}, {"Sid": "b"}]},
        ),
        ("ecs.task-definition", "containerDefinitions", {"name": "b"}, {"name": "a"}),
        (
            "elb.load-balancer",
            "Listeners",
            {"DefaultActions": [{"Type": "b"}, {"Type": "a"}]},
            {"DefaultActions": [{"Type": "a"}, {"Type": "b"}]},
        ),
        ("autoscaling.group", "TerminationPolicies", "OldestInstance", "Default"),
        ("dynamodb.table", "KeySchema", {"AttributeName": "b"}, {"AttributeName": "a"}),
        ("glue.table", "PartitionKeys", {"Name": "year"}, {"Name": "month"}),
    ],
)
def test_where_the_order_means_something_a_new_order_is_a_change(kind, path, one, other):
    base = {
        "FunctionName": "f",
        "Name": "n",
        "DatabaseName": "d",
        "taskDefinitionArn": "t",
        "LoadBalancerName": "l",
        "AutoScalingGroupName": "g",
        "TableName": "t",
    }
    if path in ("Policy", "Listeners"):  # one document each, whose own list is turned round
        assert seen(kind, base | {path: [one]}).document != seen(kind, base | {path: [other]}).document
        return
    before, after = seen(kind, base | {path: [one, other]}), seen(kind, base | {path: [other, one]})
    assert before.document != after.document


def test_lists_that_cloudfront_wraps_are_sets_or_not_by_the_wrapper():
    document = {"Aliases": {"Items": ["b", "a"]}, "CacheBehaviors": {"Items": [{"Name": "b"}, {"Name": "a"}]}}
    assert stabilise(document) == {
        "Aliases": {"Items": ["a", "b"]},
        "CacheBehaviors": {"Items": [{"Name": "b"}, {"Name": "a"}]},
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["Id", "Name", "SubnetIds", "Records", "Items", "Layers"]), inner, max_size=3)
    ),
    max_leaves=15,
)


@given(JSON)
def test_a_stable_document_stays_as_it_is(value):
    once = stabilise(value)
    assert stabilise(once) == once


# --- every list of every document ------------------------------------------------------------------------------


def rich(shape, rng, depth=0):
    """A document of the shape: some of its members, several items a list, texts that repeat."""
    match shape.type_name:
        case "structure" if depth < 7:
            return {
                key: rich(member, rng, depth + 1)
                for key, member in shape.members.items()
                if depth < 3 or member.type_name in ("list", "structure") or rng.random() < 0.6
            }
        case "list" if depth < 7:
            return [rich(shape.member, rng, depth + 1) for _ in range(rng.randint(2, 3))]
        case "map" if depth < 7:
            return {f"key{n}": rich(shape.value, rng, depth + 1) for n in range(2)}
        case "boolean":
            return rng.random() < 0.5
        case "integer" | "long" | "float" | "double":
            return rng.randint(0, 3)
        case "structure" | "map":
            return {}
        case "list":
            return []
        case _:
            return rng.choice("abcdefgh")


def rich_item(kind, rng):
    """One item of the type with all its details, from answers in AWS's own shapes."""

    def answer(service, operation):
        return rich(botocore_models.service_model(service).operation_model(operation).output_shape, rng)

    given = dict.fromkeys(kind.parent.params, "text") if kind.parent else {}
    item = items_of(kind, answer(kind.service, kind.operation), given)[0]
    for detail in kind.details:
        result = find(detail.result, answer(detail.service or kind.service, detail.operation))
        if detail.key:
            item[detail.key] = result
        else:
            item |= result or {}
    return item


def reordered(value, arrange, kind, name="", path=()):
    """The document with every list arranged anew that is not declared ordered."""
    if name == "definition":
        return value
    if isinstance(value, dict):
        return {
            key: reordered(item, arrange, kind, name if key == "Items" else key, (*path, key))
            for key, item in value.items()
        }
    if not isinstance(value, list):
        return value
    items = [reordered(item, arrange, kind, "", (*path, "*")) for item in value]
    return items if name in ORDERED or ".".join(path) in kind.ordered else arrange(items)


@sweep("kind", CATALOG, ids=lambda kind: kind.name)
def test_the_order_of_no_list_of_any_type_makes_a_revision(kind):
    """Reversed and shuffled, every list that is not declared ordered: the same document, tags, relations and addresses."""
    rng = random.Random(kind.name)
    scope = Scope(ONE, GLOBAL if kind.once_per_account else "eu-west-1", kind.name)
    for _ in range(4):
        item = rich_item(kind, rng)
        arranged = [
            reordered(item, lambda items: items[::-1], kind),
            reordered(item, lambda items: rng.sample(items, len(items)), kind),
        ]
        before = observe(kind, scope, item, partition="aws", salt=b"salt")
        for other in arranged:
            assert observe(kind, scope, other, partition="aws", salt=b"salt") == before


def test_lists_of_plain_texts_of_lower_case_and_of_unusual_names_are_sets():
    one = {
        "Subnets": [{"SubnetIdentifier": "b"}, {"SubnetIdentifier": "a", "Extra": 1}],
        "aliases": ["b", "a"],
        "Anything": [[3, 1], [2]],
        "mixed": [{"x": 1}, "text", None, 7],
    }
    other = {
        "Subnets": one["Subnets"][::-1],
        "aliases": ["a", "b"],
        "Anything": [[2], [1, 3]],
        "mixed": one["mixed"][::-1],
    }
    assert stabilise(one) == stabilise(other)


def test_volatile_members_are_left_out():
    table = {
        "TableName": "t",
        "TableArn": "arn:aws:dynamodb:r:1:table/t",
        "ItemCount": 5,
        "GlobalSecondaryIndexes": [{"IndexName": "i", "ItemCount": 5}],
    }
    found = seen("dynamodb.table", table)
    assert "ItemCount" not in found.document
    assert found.document["GlobalSecondaryIndexes"] == [{"IndexName": "i"}]


@pytest.mark.parametrize(
    "tags",
    [
        [{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "1"}],
        [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}],
        [{"TagKey": "a", "TagValue": "1"}, {"TagKey": "b", "TagValue": "2"}],
        {"b": "2", "a": "1"},
    ],
)
def test_tags_of_every_service_look_the_same(tags):
    assert tags_of(tags) == {"a": "1", "b": "2"}


@pytest.mark.parametrize("tags", [None, [], {}])
def test_no_tags_are_no_tags(tags):
    assert tags_of(tags) == {}


def test_a_tag_without_a_value_has_the_empty_one():
    assert tags_of([{"Key": "a"}]) == {"a": ""}


def test_tags_that_could_not_be_read_are_not_written_down_as_none():
    assert "Tags" not in seen("s3.bucket", {"Name": "b"}, GLOBAL, unknown=["Tags"]).document
    assert seen("s3.bucket", {"Name": "b", "Tags": None}, GLOBAL).document["Tags"] == {}


def test_a_bucket_is_known_by_the_same_name_however_it_was_written():
    tables = [
        seen("glue.table", {"Name": "t", "DatabaseName": "d", "StorageDescriptor": {"Location": text}})
        for text in ("s3://lake/raw/2026/", "s3a://lake", "arn:aws:s3:::lake/x")
    ]
    assert {edge.target for table in tables for edge in table.edges if edge.kind == "stored-in"} == {
        "arn:aws:s3:::lake"
    }


def test_a_function_is_related_to_its_layer_not_to_one_version_of_it():
    layer = "arn:aws:lambda:eu-west-1:1:layer:common"
    function = seen("lambda.function", {"FunctionName": "f", "Layers": [{"Arn": f"{layer}:17"}]})
    listed = seen(
        "lambda.layer",
        {"LayerName": "common", "LayerArn": layer, "LatestMatchingVersion": {"LayerVersionArn": f"{layer}:18"}},
    )
    assert Edge("uses-layer", listed.key, "lambda.layer") in function.edges


def test_what_a_stack_made_belongs_to_it():
    found = seen("ec2.vpc", {"VpcId": "v", "Tags": [{"Key": "aws:cloudformation:stack-id", "Value": "arn:stack"}]})
    assert found.edges == (Edge("in-stack", "arn:stack", "cloudformation.stack"),)


def test_what_is_ended_or_has_no_identity_is_no_resource():
    assert seen("ec2.instance", {"InstanceId": "i-1", "State": {"Name": "terminated"}}) is None
    assert seen("kms.alias", {"AliasName": "alias/aws/s3", "AliasArn": "arn:x"}) is None
    assert seen("ec2.vpc", {}) is None


def test_the_zone_id_is_bare_as_other_operations_take_it():
    [item] = items_of(BY_NAME["route53.zone"], {"HostedZones": [{"Id": "/hostedzone/Z1", "Name": "x."}]})
    assert seen("route53.zone", item, GLOBAL).key == "arn:aws:route53:::hostedzone/Z1"


def test_what_aws_answered_is_left_as_it_was():
    item = {"VpcId": "v", "Tags": [{"Key": "a", "Value": "1"}], "b": [{"Id": "2"}, {"Id": "1"}]}
    seen("ec2.vpc", item)
    assert item == {"VpcId": "v", "Tags": [{"Key": "a", "Value": "1"}], "b": [{"Id": "2"}, {"Id": "1"}]}


@pytest.mark.parametrize(("kind", "item"), [("ec2.instance", INSTANCE), ("ec2.security-group", GROUP)])
def test_relations_and_addresses_can_be_told_from_a_stored_document_too(kind, item):
    # What a denied read left unknown is carried over in the document; its relations must come with it.
    found = seen(kind, item)
    assert edges_of(BY_NAME[kind], found.document) == found.edges
    assert addresses_of(BY_NAME[kind], found.document) == found.addresses
