"""Only AWS's own, complete answers are read: for every operation of the catalogue, in each protocol."""

import functools

import pytest

from tests import botocore_models
from tests.inventory.model_server import OPERATIONS, ModelServer, botocore_protocol, serialise
from tests.sweeps import sweep
from windlass.estate.response_check import InvalidResponse, check_response

PORTAL = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Wi-Fi</body></html>"


@functools.cache
def operation_model(service, operation):
    return botocore_models.service_model(service).operation_model(operation)


@functools.cache
def genuine(service, operation):
    status, headers, body = serialise(service, operation, ModelServer(2).answer(service, operation, {}))
    return {"status_code": status, "headers": headers, "body": body}


def refused(service, operation, response):
    with pytest.raises(InvalidResponse):
        check_response(operation_model(service, operation), response)
    return True


every_operation = sweep("service, operation", sorted(OPERATIONS))
JSON = [
    (service, operation)
    for service, operation in sorted(OPERATIONS)
    if botocore_protocol(service) in ("json", "rest-json") and operation != "GetBucketPolicy"
]
"""Operations whose answers are JSON; a policy is any text."""


@every_operation
def test_what_aws_answers_is_accepted_and_nothing_else_is(service, operation):
    real = genuine(service, operation)
    check_response(operation_model(service, operation), real)
    assert refused(service, operation, real | {"body": PORTAL, "headers": {"content-type": "text/html"}})
    html = {"content-type": "text/html"} | {name: text for name, text in real["headers"].items() if "request" in name}
    assert refused(service, operation, real | {"body": PORTAL, "headers": html})
    assert refused(service, operation, real | {"body": b""})
    assert refused(service, operation, {"status_code": 404, "headers": {"content-type": "text/html"}, "body": PORTAL})
    assert refused(service, operation, {"status_code": 302, "headers": {"location": "http://portal/"}, "body": b""})


@sweep("service, operation", JSON)
def test_a_body_that_was_cut_off_anywhere_is_no_answer(service, operation):
    """Of JSON: botocore itself refuses XML that is cut off (tests/inventory/test_faults.py)."""
    real = genuine(service, operation)
    size = len(real["body"])
    for at in {1, size // 3, size // 2, size - 1}:
        assert refused(service, operation, real | {"body": real["body"][:at]})


def xml_operations():
    """Operations whose answers are XML: JSON documents have no root element."""
    for service, operation in sorted(OPERATIONS):
        content_type = genuine(service, operation)["headers"].get("content-type", "")
        if "xml" in content_type and operation != "GetBucketPolicy":
            yield service, operation


def test_another_operations_document_is_no_answer():
    cases = list(xml_operations())
    assert len(cases) > 100
    sweep("service, operation", cases)(is_refused_for_another_root)()


def is_refused_for_another_root(service, operation):
    real = genuine(service, operation)
    for root in (b"Error", b"ErrorResponse", b"html", b"LoginPage"):
        body = b"<?xml version='1.0'?><" + root + b"></" + root + b">"
        assert refused(service, operation, real | {"body": body})


def test_s3_sends_some_documents_without_a_content_type():
    # A recorded answer (versity/versitygw issue 1693): GetObjectTagging comes without one.
    body = (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><TagSet><Tag>'
        b"<Key>key</Key><Value>value</Value></Tag></TagSet></Tagging>"
    )
    headers = {"x-amz-id-2": "x", "x-amz-request-id": "5CXWRF8B9TBSJ3H6", "server": "AmazonS3"}
    check_response(operation_model("s3", "GetObjectTagging"), {"status_code": 200, "headers": headers, "body": body})
    assert refused("s3", "GetBucketVersioning", {"status_code": 200, "headers": headers, "body": body})


def test_a_required_list_that_is_missing_is_no_answer():
    headers = {"x-amzn-requestid": "1", "content-type": "application/x-amz-json-1.1"}
    for body in (b"{}", b'{"StreamNames": []}', b"[]", b"null", b'"text"'):
        assert refused("kinesis", "ListStreams", {"status_code": 200, "headers": headers, "body": body})
    whole = b'{"StreamNames": [], "HasMoreStreams": false}'
    check_response(operation_model("kinesis", "ListStreams"), {"status_code": 200, "headers": headers, "body": whole})


def test_a_queue_server_without_request_ids_is_believed_by_its_content_type():
    response = {
        "status_code": 200,
        "headers": {"content-type": "application/x-amz-json-1.0"},
        "body": b'{"QueueUrls": []}',
    }
    check_response(operation_model("sqs", "ListQueues"), response)


def test_overload_is_retried_whoever_says_it():
    for status in (500, 502, 503, 504, 429):
        response = {"status_code": status, "headers": {"content-type": "text/html"}, "body": PORTAL}
        check_response(operation_model("sqs", "ListQueues"), response)
