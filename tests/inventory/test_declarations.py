"""What a declaration can say beyond one listing: parents of parents, one call per text, absence, a home region, measures."""

from tests.inventory.fake import ONE, FakeCaller, collect, denied, gone
from windlass.core.errors import AwsError
from windlass.inventory.model import GLOBAL, ScopeState

REGION = "us-east-1"


def only(results, kind):
    [result] = [one for (_, region, name), one in results.items() if name == kind and region in (REGION, GLOBAL)]
    return result


def load_balancers(more=None):
    """Two load balancers, a listener each, and a rule each."""
    answers = {
        ("elbv2", "DescribeLoadBalancers"): {
            "LoadBalancers": [{"LoadBalancerArn": "lb-1"}, {"LoadBalancerArn": "lb-2"}]
        },
        ("elbv2", "DescribeListeners"): lambda _account, _region, params: {
            "Listeners": [{"ListenerArn": f"listener-of-{params['LoadBalancerArn']}"}]
        },
        ("elbv2", "DescribeRules"): lambda _account, _region, params: {
            "Rules": [
                {"RuleArn": f"rule-of-{params['ListenerArn']}", "IsDefault": False},
                {"RuleArn": f"default-of-{params['ListenerArn']}", "IsDefault": True},
            ]
        },
        ("elbv2", "DescribeTags"): {"TagDescriptions": [{"Tags": []}]},
    }
    return FakeCaller(answers | (more or {}), region_names=(REGION,))


def test_a_parent_s_parent_is_listed_first_and_its_parameters_stay_with_it():
    caller = load_balancers()
    result = only(collect(caller, "elb.listener-rule")[1], "elb.listener-rule")
    assert {observation.resource_id for observation in result.observations} == {
        "rule-of-listener-of-lb-1",
        "rule-of-listener-of-lb-2",
    }
    asked = [params for *_, operation, params in caller.log if operation == "DescribeRules"]
    assert sorted(map(str, asked)) == [f"{{'ListenerArn': 'listener-of-lb-{number}'}}" for number in (1, 2)]


def test_a_parameter_of_the_parent_s_own_listing_can_be_passed_on():
    answers = {
        ("ecs", "ListClusters"): {"clusterArns": ["c"]},
        ("ecs", "ListServices"): {"serviceArns": ["s"]},
        ("ecs", "DescribeTaskSets"): {"taskSets": [{"taskSetArn": "t"}]},
    }
    caller = FakeCaller(answers, region_names=(REGION,))
    result = only(collect(caller, "ecs.task-set")[1], "ecs.task-set")
    assert [observation.resource_id for observation in result.observations] == ["t"]
    assert caller.log[-1][3:] == ("DescribeTaskSets", {"cluster": "c", "service": "s"})


def test_what_is_not_kept_is_asked_for_no_details():
    caller = load_balancers()
    collect(caller, "elb.listener-rule")
    assert caller.counts()["DescribeTags"] == 2


def test_a_middle_parent_that_is_gone_but_still_listed_leaves_the_children_unknown():
    missing = {("elbv2", "DescribeListeners"): gone("LoadBalancerNotFound")}
    result = only(collect(load_balancers(missing), "elb.listener-rule")[1], "elb.listener-rule")
    assert (result.state, result.error_code) == (ScopeState.FAILED, "Contradiction")


def test_a_middle_parent_that_left_its_listing_has_no_children():
    listings = iter([["lb-1", "lb-2"], ["lb-1"]])
    answers = {
        ("elbv2", "DescribeLoadBalancers"): lambda *_: {
            "LoadBalancers": [{"LoadBalancerArn": arn} for arn in next(listings)]
        },
        ("elbv2", "DescribeListeners"): lambda _account, _region, params: (
            {"Listeners": [{"ListenerArn": "l"}]}
            if params["LoadBalancerArn"] == "lb-1"
            else gone("LoadBalancerNotFound")
        ),
    }
    result = only(collect(load_balancers(answers), "elb.listener-rule")[1], "elb.listener-rule")
    assert result.state is ScopeState.OK
    assert [observation.resource_id for observation in result.observations] == ["rule-of-l"]


def roles(more=None):
    answers = {
        ("iam", "ListRoles"): {"Roles": [{"RoleName": "r", "Arn": f"arn:aws:iam::{ONE}:role/r"}]},
        ("iam", "GetRole"): {"Role": {"RoleName": "r", "RoleLastUsed": {"Region": REGION}}},
        ("iam", "ListAttachedRolePolicies"): {"AttachedPolicies": []},
        ("iam", "ListRolePolicies"): {"PolicyNames": ["read", "write"]},
        ("iam", "GetRolePolicy"): lambda _account, _region, params: {
            "PolicyDocument": {"Statement": [{"Action": f"s3:{params['PolicyName']}"}]}
        },
    }
    return FakeCaller(answers | (more or {}), region_names=(REGION,))


def test_a_detail_for_each_text_is_a_map_of_them():
    [role] = only(collect(roles(), "iam.role")[1], "iam.role").observations
    assert role.document["InlinePolicies"] == ["read", "write"]
    assert role.document["InlinePolicyDocuments"] == {
        name: {"Statement": [{"Action": f"s3:{name}"}]} for name in ("read", "write")
    }
    assert role.tags == {}
    assert role.unknown == frozenset()


def test_one_unreadable_text_leaves_the_detail_unknown():
    def document(_account, _region, params):
        return denied() if params["PolicyName"] == "write" else {"PolicyDocument": {}}

    result = only(collect(roles({("iam", "GetRolePolicy"): document}), "iam.role")[1], "iam.role")
    assert result.state is ScopeState.PARTIAL
    assert [observation.unknown for observation in result.observations] == [{"InlinePolicyDocuments"}]


def test_without_the_texts_their_detail_is_unknown_and_not_empty():
    result = only(collect(roles({("iam", "ListRolePolicies"): denied()}), "iam.role")[1], "iam.role")
    assert [observation.unknown for observation in result.observations] == [{"InlinePolicies", "InlinePolicyDocuments"}]


def test_a_measure_is_shown_and_makes_no_document():
    [role] = only(collect(roles(), "iam.role")[1], "iam.role").observations
    assert role.measures == {"last_used": {"Region": REGION}}
    assert "RoleLastUsed" not in role.document


def test_an_absence_is_a_complete_listing_of_nothing():
    for code, state in (("NoSuchEntity", ScopeState.OK), ("InternalError", ScopeState.FAILED)):
        caller = FakeCaller({("iam", "GetAccountPasswordPolicy"): AwsError("x", code=code)})
        result = only(collect(caller, "iam.password-policy")[1], "iam.password-policy")
        assert (result.state, result.observations) == (state, ())


def test_a_refusal_is_an_absence_only_by_its_message():
    for message, state in (("Macie is not enabled.", ScopeState.OK), ("not authorized", ScopeState.DENIED)):
        error = denied()
        error.code, error.message = "AccessDeniedException", message
        caller = FakeCaller({("macie2", "GetMacieSession"): error}, region_names=(REGION,))
        assert only(collect(caller, "macie.session")[1], "macie.session").state is state


def test_a_global_service_is_called_in_its_home_region():
    accelerator = {"AcceleratorArn": f"arn:aws:globalaccelerator::{ONE}:accelerator/a"}
    caller = FakeCaller({("globalaccelerator", "ListAccelerators"): {"Accelerators": [accelerator]}})
    result = only(collect(caller, "globalaccelerator.accelerator")[1], "globalaccelerator.accelerator")
    assert {region for _, region, *_ in caller.log} == {"us-west-2"}
    assert [observation.region for observation in result.observations] == [GLOBAL]
    caller.partition = lambda _account: "aws-us-gov"
    caller.log.clear()
    collect(caller, "globalaccelerator.accelerator")
    assert {region for _, region, *_ in caller.log} == {GLOBAL}


def test_an_attachment_belongs_to_the_owner_of_what_it_attaches():
    attachment = {
        "TransitGatewayAttachmentId": "tgw-attach-1",
        "State": "available",
        "ResourceOwnerId": "333333333333",
        "TransitGatewayOwnerId": ONE,
    }
    answers = {("ec2", "DescribeTransitGatewayAttachments"): {"TransitGatewayAttachments": [attachment]}}
    kind = "ec2.transit-gateway-attachment"
    [one] = only(collect(FakeCaller(answers, region_names=(REGION,)), kind)[1], kind).observations
    assert one.account_id == "333333333333"
    assert one.arn == f"arn:aws:ec2:{REGION}:333333333333:transit-gateway-attachment/tgw-attach-1"


def test_the_units_of_an_organization_are_listed_at_every_level():
    below = {"r": ["ou-1", "ou-2"], "ou-1": ["ou-3"], "ou-3": ["ou-4"]}
    answers = {
        ("organizations", "ListRoots"): {"Roots": [{"Id": "r"}]},
        ("organizations", "ListOrganizationalUnitsForParent"): lambda _account, _region, params: {
            "OrganizationalUnits": [
                {"Id": unit, "Arn": f"arn:aws:organizations::{ONE}:ou/o-1/{unit}"}
                for unit in below.get(params["ParentId"], ())
            ]
        },
        ("organizations", "ListTagsForResource"): {"Tags": []},
    }
    result = only(collect(FakeCaller(answers), "organizations.unit")[1], "organizations.unit")
    found = {observation.document["Id"]: observation.document["ParentId"] for observation in result.observations}
    assert found == {"ou-1": "r", "ou-2": "r", "ou-3": "ou-1", "ou-4": "ou-3"}
    assert {edge.target for observation in result.observations for edge in observation.edges} == {"r", "ou-1", "ou-3"}
