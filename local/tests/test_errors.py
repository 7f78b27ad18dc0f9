"""Errors in the protocol of the call: botocore's own parser must find the code, for every service it knows."""

import botocore.session
import pytest
from botocore.awsrequest import HeadersDict
from botocore.parsers import create_parser

from windlass_local.errors import error_response
from windlass_local.request import Request, read_request
from windlass_local.rest_routes import rest_operation

MESSAGE = "Rate <exceeded> & more\n" * 20
SESSION = botocore.session.get_session()


def call_of(service, model, protocol):
    """A call as the SDK of `protocol` makes it, as far as the answer depends on it."""
    operation = model.operation_names[0]
    headers = {
        "json": {"x-amz-target": f"{model.metadata.get('targetPrefix')}.{operation}"},
        "query": {"content-type": "application/x-www-form-urlencoded; charset=utf-8"},
        "ec2": {"content-type": "application/x-www-form-urlencoded; charset=utf-8"},
        "smithy-rpc-v2-cbor": {"smithy-protocol": "rpc-v2-cbor"},
    }.get(protocol, {})
    return Request(
        method="POST",
        path="/",
        query="",
        headers=headers,
        body=b"",
        region="eu-west-1",
        account_id="1" * 12,
        access_key="",
        service="s3control" if service == "s3control" else model.signing_name,
        operation=operation,
    )


def parsed(answer, protocol, model):
    response = {"status_code": answer.status, "headers": HeadersDict(dict(answer.headers)), "body": answer.body}
    return create_parser(protocol).parse(response, model.operation_model(model.operation_names[0]).output_shape)


OFTEN = [
    "s3",
    "s3control",
    "sqs",
    "dynamodb",
    "ec2",
    "iam",
    "sts",
    "lambda",
    "sns",
    "cloudwatch",
    "ses",
    "sesv2",
    "sdb",
    "route53",
    "cloudfront",
]


@pytest.mark.parametrize("services", [OFTEN, pytest.param(None, marks=pytest.mark.slow, id="all")])
def test_the_sdk_of_every_service_finds_the_code_and_the_message(services):
    wrong = []
    for service in services or SESSION.get_available_services():
        model = SESSION.get_service_model(service)
        protocol = model.resolved_protocol
        answer = error_response(call_of(service, model, protocol), 400, "Throttling", MESSAGE)
        error = parsed(answer, protocol, model)["Error"]
        if (error["Code"], error["Message"]) != ("Throttling", MESSAGE):
            wrong.append((service, protocol, error))
    assert wrong == []


@pytest.mark.parametrize("protocol", ["json", "query", "smithy-rpc-v2-cbor"])
def test_a_service_of_several_protocols_answers_in_the_one_that_was_used(protocol):
    model = SESSION.get_service_model("cloudwatch")
    answer = error_response(call_of("cloudwatch", model, protocol), 400, "InvalidNextToken", "é")
    assert parsed(answer, protocol, model)["Error"] == {"Code": "InvalidNextToken", "Message": "é"} | (
        {"Type": "Sender"} if protocol == "query" else {}
    )


def test_a_head_has_no_body():
    model = SESSION.get_service_model("s3")
    call = call_of("s3", model, "rest-xml")
    head = Request(**{name: getattr(call, name) for name in call.__slots__} | {"method": "HEAD"})
    assert error_response(head, 403, "AccessDenied", "no").body == b""


@pytest.mark.parametrize(
    ("service", "method", "path", "operation"),
    [
        ("lambda", "GET", "/2015-03-31/functions", "ListFunctions"),
        ("lambda", "GET", "/2015-03-31/functions/", "ListFunctions"),
        ("lambda", "POST", "/2015-03-31/functions/f/invocations", "Invoke"),
        ("lambda", "GET", "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A1%3Afunction%3Af", "ListTags"),
        ("elasticfilesystem", "GET", "/2015-02-01/file-systems", "DescribeFileSystems"),
        ("access-analyzer", "GET", "/analyzer", "ListAnalyzers"),
        ("apigateway", "GET", "/v2/apis", "GetApis"),
        ("apigateway", "GET", "/restapis", "GetRestApis"),
        ("ses", "GET", "/v2/email/identities/example.org", "GetEmailIdentity"),
        ("s3control", "GET", "/v20180820/jobs", "ListJobs"),
        ("route53", "GET", "/2013-04-01/hostedzone", "ListHostedZones"),
        ("eks", "GET", "/clusters/c", "DescribeCluster"),
        ("eks", "GET", "/nothing/of/the/sort", ""),
        ("sqs", "GET", "/", ""),
        ("no-such-service", "GET", "/", ""),
    ],
)
def test_a_rest_call_is_named_by_its_path(service, method, path, operation):
    assert rest_operation(service, method, path) == operation


def test_a_cbor_call_is_named_by_its_path():
    result = read_request(
        method="POST",
        path="/service/GraniteServiceVersion20100801/operation/ListMetrics",
        query="",
        body=b"",
        headers={
            "smithy-protocol": "rpc-v2-cbor",
            "authorization": "AWS4-HMAC-SHA256 Credential=1/20261120/us-east-1/monitoring/aws4_request",
        },
        account_of=lambda key: key,
    )
    assert (result.service, result.operation) == ("monitoring", "ListMetrics")
