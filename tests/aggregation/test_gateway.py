"""The gateway's own writes are recognised exactly: people's writes must not match, and the gateway must not trigger itself."""

import pytest

from windlass.aggregation.gateway import GatewayRole, written_by_gateway

ROLES = (
    GatewayRole("arn:aws:iam::111111111111:role/service/Files", "AROAFILES"),
    GatewayRole("arn:aws:iam::2:role/Bare"),
)


@pytest.mark.parametrize(
    "principal",
    [
        "storagegateway.amazonaws.com",
        "AWS:AROAFILES:anything",
        "arn:aws:sts::111111111111:assumed-role/Files/anything",
    ],
)
def test_the_service_and_its_role_are_recognised(principal):
    assert written_by_gateway(principal, ROLES)


@pytest.mark.parametrize(
    "principal",
    [
        "",
        "AWS:",
        "AWS::session",  # a role with an unknown id does not match
        "AWS:AROAFILES",
        "AWS:AROAFILES2:anything",
        "AWS:AROAOTHER:StorageGateway",  # the published design drops this one
        "AWS:AIDASTORAGEGATEWAY",
        "111111111111",
        "my-storagegateway.amazonaws.com",
        "arn:aws:sts::222222222222:assumed-role/Files/anything",
        "arn:aws:sts::111111111111:assumed-role/FilesToo/anything",
        "arn:aws:sts::111111111111:assumed-role/Files",
        "arn:aws:iam::111111111111:user/Files/anything",
        "arn:aws-cn:sts::111111111111:assumed-role/Files/anything",
    ],
)
def test_other_principals_are_not_recognised(principal):
    assert not written_by_gateway(principal, ROLES)


def test_a_shared_role_also_needs_the_gateways_session_name():
    assert written_by_gateway("AWS:AROAFILES:sgw-1", ROLES, session="sgw-1")
    assert not written_by_gateway("AWS:AROAFILES:batch", ROLES, session="sgw-1")
    assert not written_by_gateway("arn:aws:sts::111111111111:assumed-role/Files/batch", ROLES, session="sgw-1")
    assert written_by_gateway("storagegateway.amazonaws.com", session="sgw-1")
