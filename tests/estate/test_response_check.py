"""Only AWS's own, complete answers are read: for every operation of the catalogue, in each protocol."""

import contextlib
import functools
import http.server
import threading

import pytest

from tests import botocore_models
from tests.inventory.model_server import OPERATIONS, ModelServer, botocore_protocol, serialise
from tests.sweeps import sweep
from windlass.aws.client import AwsClient
from windlass.core.errors import AwsError
from windlass.estate.config import AccountConfig, EstateConfig
from windlass.estate.response_check import InvalidResponse, check_response
from windlass.estate.service import open_estate

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


@pytest.mark.parametrize(
    ("status", "content_type", "body"), [(502, "text/html", PORTAL), (429, "", b"{}"), (503, "text/plain", b"")]
)
@pytest.mark.parametrize("client", ["boto3", "generic"])
def test_an_error_that_is_no_cbor_is_the_load_balancers_not_a_parsers_crash(
    client, status, content_type, body, answering
):
    """CloudWatch speaks CBOR, and a text read as CBOR has lengths of gigabytes."""
    with answering(status, content_type, body) as (estate, generic):
        caller = estate if client == "boto3" else generic
        with pytest.raises(AwsError) as refused:
            caller.call("111111111111", "us-east-1", "cloudwatch", "ListDashboards")
    assert refused.value.code == str(status)


@pytest.fixture
def answering():
    """A server that answers everything alike, and the two callers in front of it."""

    @contextlib.contextmanager
    def serve(status, content_type, body):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers["content-length"]))
                self.send_response(status)
                self.send_header("content-type", content_type)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            url = f"http://127.0.0.1:{server.server_port}"
            config = EstateConfig(endpoint_url=url, accounts=[AccountConfig(id="111111111111")], retries=0)
            with open_estate(config, {}) as estate, AwsClient(estate) as generic:
                yield estate, generic
            server.shutdown()

    return serve


def test_what_refuses_is_quoted():
    response = {
        "status_code": 400,
        "headers": {"content-type": "application/json"},
        "body": b'{"error": "no such service"}',
    }
    with pytest.raises(InvalidResponse, match='without a request id: {"error": "no such service"}'):
        check_response(operation_model("sqs", "ListQueues"), response)


@pytest.mark.parametrize(
    ("body", "accepted"),
    [
        (b'{"QueueUrl": "http://localhost:9324/000000000000/orders"}', True),  # ElasticMQ 1.7.1
        (b'{"QueueUrl": "http://localhost:9324/000000000000/orders", "login": "/"}', False),
        (b'{"error": "sign in"}', False),
        (b"{}", False),
        (b"[]", False),
    ],
)
def test_a_queue_server_without_request_ids_is_known_by_the_members_of_its_response(body, accepted):
    response = {"status_code": 200, "headers": {"content-type": "application/json"}, "body": body}
    model = operation_model("sqs", "GetQueueUrl")
    if accepted:
        check_response(model, response)
    else:
        assert refused("sqs", "GetQueueUrl", response)
