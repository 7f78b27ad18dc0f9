"""ACLs as S3 writes them, and as a put takes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.wire.acls import Acl, Grant, bucket_acl, grant_headers, object_acl
from windlass.wire.errors import BadResponse
from windlass.wire.model import Response

XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
BODY = f"""<?xml version="1.0" encoding="UTF-8"?>
<AccessControlPolicy xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Owner><ID>me</ID><DisplayName>x</DisplayName></Owner>
<AccessControlList>
<Grant><Grantee {XSI} xsi:type="CanonicalUser"><ID>me</ID><DisplayName>x</DisplayName></Grantee><Permission>FULL_CONTROL</Permission></Grant>
<Grant><Grantee {XSI} xsi:type="Group"><URI>http://acs.amazonaws.com/groups/global/AllUsers</URI></Grantee><Permission>READ</Permission></Grant>
<Grant><Grantee {XSI} xsi:type="CanonicalUser"><ID>you</ID></Grantee><Permission>READ</Permission></Grant>
<Grant><Grantee {XSI} xsi:type="CanonicalUser"><ID>you</ID></Grantee><Permission>READ_ACP</Permission></Grant>
</AccessControlList></AccessControlPolicy>""".encode()


def test_an_acl_is_read_and_written_for_its_new_owner():
    acl = object_acl("b", "k é", version_id="v").read(Response(200, {}, BODY))
    assert acl.owner == "me"
    assert grant_headers(acl, owner="them") == {
        "x-amz-grant-full-control": 'id="them"',
        "x-amz-grant-read": 'uri="http://acs.amazonaws.com/groups/global/AllUsers", id="you"',
        "x-amz-grant-read-acp": 'id="you"',
    }
    assert grant_headers(acl)["x-amz-grant-full-control"] == 'id="me"'


def test_what_is_its_owners_alone_needs_no_header():
    assert grant_headers(Acl("me", (Grant("id", "me", "FULL_CONTROL"),)), owner="them") == {}
    assert grant_headers(Acl("me", ())) == {}


def test_requests():
    request = object_acl("b", "k é", version_id="v1", owner="1").request
    assert (request.method, request.path, request.query) == ("GET", "/k%20%C3%A9", "acl=&versionId=v1")
    assert request.headers == (("x-amz-expected-bucket-owner", "1"),)
    assert bucket_acl("b").request.query == "acl="


@given(
    st.binary(max_size=60)
    | st.sampled_from([b"<a/>", b"<ListBucketResult/>"])
    | st.integers(0, len(BODY) - 1).map(lambda at: BODY[:at])
)
def test_any_other_answer_is_told(body):
    try:
        object_acl("b", "k").read(Response(200, {}, body))
    except BadResponse:
        return
    pytest.fail("it was taken for an ACL")


def test_a_grant_to_nobody_is_told():
    with pytest.raises(BadResponse):
        object_acl("b", "k").read(Response(200, {}, BODY.replace(b"<ID>you</ID>", b"<X>you</X>")))
