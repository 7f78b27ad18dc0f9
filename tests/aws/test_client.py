"""The generic client against the embedded AWS and scripted servers: what the estate promises holds here, too."""

import contextlib
import os
import socket
import threading

import pytest

from windlass.aws.client import AwsClient
from windlass.aws.connection_pool import ConnectionPool, NetworkOptions, Route
from windlass.core.errors import AccessDenied, AwsError, NotFound, Throttled
from windlass.estate.config import AccountConfig, EstateConfig
from windlass.estate.credentials import embedded_session
from windlass.estate.model import RegionSource
from windlass.estate.service import open_estate
from windlass.wire.pool import Endpoint
from windlass_local.server import LocalServer

ACCOUNT = "111111111111"
IDENTITY = (
    b"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::111111111111:root</Arn><UserId>u</UserId>"
    b"<Account>111111111111</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>1</RequestId>"
    b"</ResponseMetadata></GetCallerIdentityResponse>"
)
QUEUES = b'{"QueueUrls": ["http://q"]}'


@pytest.fixture(scope="module")
def aws():
    with LocalServer() as server:
        yield server


@pytest.fixture
def faults(aws):
    yield aws.gateway.faults
    aws.gateway.faults.load([])


@pytest.fixture
def client(aws):
    config = EstateConfig(
        endpoint_url=aws.url, accounts=[AccountConfig(id=ACCOUNT)], regions=["us-east-1", "eu-west-1"]
    )
    with open_estate(config, os.environ) as estate, AwsClient(estate) as opened:
        yield opened


def test_listings_errors_and_s3_control_are_as_with_botocore(client):
    for number in range(7):
        client.estate.call(ACCOUNT, "us-east-1", "s3", "CreateBucket", Bucket=f"generic-{number}")
    pages = list(client.pages(ACCOUNT, "aws-global", "s3", "ListBuckets", MaxBuckets=3, Prefix="generic-"))
    assert [len(page["Buckets"]) for page in pages] == [3, 3, 1]
    location = {"Bucket": "generic-0"}
    assert client.call(ACCOUNT, "us-east-1", "s3", "GetBucketLocation", **location) == {"LocationConstraint": None}
    with pytest.raises(NotFound, match="s3 GetBucketPolicy in us-east-1 of 111111111111: NoSuchBucket"):
        client.call(ACCOUNT, "us-east-1", "s3", "GetBucketPolicy", Bucket="not-there-at-all")
    with pytest.raises(NotFound) as caught:
        client.call(ACCOUNT, "us-east-1", "s3control", "GetPublicAccessBlock", AccountId=ACCOUNT)
    assert caught.value.code == "NoSuchPublicAccessBlockConfiguration"


def test_nothing_of_it_goes_through_a_client_of_botocore(client, monkeypatch):
    client.identity(ACCOUNT)
    monkeypatch.setattr(client.estate, "client", lambda *_: pytest.fail("a client of botocore was made"))
    client.call(ACCOUNT, "eu-west-1", "ec2", "DescribeVpcs")
    assert client.region_list(ACCOUNT).source is RegionSource.CONFIGURATION


def test_regions_are_listed_without_a_client_of_botocore(aws, monkeypatch):
    with open_estate(EstateConfig(endpoint_url=aws.url, accounts=[AccountConfig(id=ACCOUNT)]), os.environ) as estate:
        estate.identity(ACCOUNT)
        monkeypatch.setattr(estate, "client", lambda *_: pytest.fail("a client of botocore was made"))
        with AwsClient(estate) as client:
            regions = client.region_list(ACCOUNT)
    assert regions.source is RegionSource.EC2
    assert "eu-west-1" in regions.regions


def test_what_it_cannot_do_is_done_by_botocore(client):
    client.estate.call(ACCOUNT, "us-east-1", "s3", "CreateBucket", Bucket="streams")
    client.estate.call(ACCOUNT, "us-east-1", "s3", "PutObject", Bucket="streams", Key="k", Body=b"content")
    answer = client.call(ACCOUNT, "us-east-1", "s3", "GetObject", Bucket="streams", Key="k")
    assert answer["Body"].read() == b"content"


def test_a_denied_call_names_the_permission(client, faults):
    faults.load([{"kind": "access_denied", "service": "ec2"}])
    with pytest.raises(AccessDenied) as caught:
        client.call(ACCOUNT, "eu-west-1", "ec2", "DescribeVpcs")
    assert caught.value.code == "UnauthorizedOperation"
    assert "ec2:DescribeVpcs" in caught.value.hint


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("s3", "ListBuckets"),
        ("ec2", "DescribeVpcs"),
        ("dynamodb", "ListTables"),
        ("sqs", "ListQueues"),
        ("iam", "ListRoles"),
    ],
)
def test_throttling_is_retried_and_counted(client, faults, service, operation, monkeypatch):
    monkeypatch.setattr(client.estate._pacer, "_sleep", lambda _: None)
    faults.load([{"kind": "throttle", "service": service, "limit": 3}])
    client.call(ACCOUNT, "us-east-1", service, operation)
    assert client.estate.throttle_stats()[0].throttled == 3
    faults.load([{"kind": "throttle", "service": service}])
    with pytest.raises(Throttled):
        client.call(ACCOUNT, "us-east-1", service, operation)


def test_a_fault_that_passes_is_not_seen(client, faults, aws):
    faults.load([{"kind": "error", "service": "sqs", "status": 503, "code": "ServiceUnavailable", "limit": 2}])
    client.call(ACCOUNT, "us-east-1", "sqs", "ListQueues")
    assert aws.gateway.faults.dump()[0]["used"] == 2


def test_an_assumed_role_signs(aws):
    config = EstateConfig(
        endpoint_url=aws.url, accounts=[AccountConfig(id=ACCOUNT), AccountConfig(id="222222222222", role="Reader")]
    )
    with open_estate(config, os.environ) as estate, AwsClient(estate) as client:
        answer = client.call("222222222222", "us-east-1", "sts", "GetCallerIdentity")
    assert answer["Arn"] == "arn:aws:sts::222222222222:assumed-role/Reader/windlass"


def test_unknown_names_are_errors_of_ours(client):
    for service, operation, code in (
        ("nothing", "ListThings", "UnknownEndpoint"),
        ("sqs", "ListThings", "UnknownOperation"),
    ):
        with pytest.raises(AwsError) as caught:
            client.call(ACCOUNT, "us-east-1", service, operation)
        assert caught.value.code == code
    with pytest.raises(AwsError) as caught:
        client.call(ACCOUNT, "us-east-1", "sqs", "GetQueueUrl")
    assert caught.value.code == "ParamValidation"


# Servers whose every answer is scripted


class Script:
    """Answers each request with the next of `answers`, a function of the socket; GetCallerIdentity is always answered."""

    def __init__(self):
        self.answers, self.requests, self.connections = [], [], 0
        self.server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.server.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                connected, _ = self.server.accept()
                self.connections += 1
                threading.Thread(target=self.talk, args=(connected,), daemon=True).start()

    def talk(self, connected):
        with contextlib.suppress(OSError, ValueError), connected, connected.makefile("rb") as reader:
            while first := reader.readline():
                headers = {}
                while (line := reader.readline().decode().strip()) != "":
                    name, _, text = line.partition(": ")
                    headers[name.lower()] = text
                body = reader.read(int(headers.get("content-length", 0)))
                if b"GetCallerIdentity" in body:
                    connected.sendall(response(IDENTITY, "text/xml"))
                    continue
                self.requests.append((first, headers, body))
                if self.answers.pop(0)(connected) is False:
                    connected.shutdown(socket.SHUT_RDWR)
                    return

    def close(self):
        self.server.close()


def response(body, kind="application/x-amz-json-1.0", status="200 OK"):
    return (
        f"HTTP/1.1 {status}\r\nx-amzn-requestid: 1\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    ).encode() + body


def good(connected):
    connected.sendall(response(QUEUES))


def closes(_):
    return False


def half(connected):
    connected.sendall(response(QUEUES)[:-5])
    return False


@pytest.fixture
def script():
    server = Script()
    yield server
    server.close()


@pytest.fixture
def scripted(script):
    config = EstateConfig(endpoint_url=script.url, accounts=[AccountConfig(id=ACCOUNT)], read_timeout_s=0.3, retries=2)
    with open_estate(config, {}) as estate, AwsClient(estate) as client:
        client.identity(ACCOUNT)
        script.connections = 0
        yield client


def queues(client):
    return client.call(ACCOUNT, "us-east-1", "sqs", "ListQueues")["QueueUrls"]


def test_a_connection_serves_many_calls_and_says_who_calls(script, scripted):
    script.answers = [good] * 5
    assert [queues(scripted) for _ in range(5)] == [["http://q"]] * 5
    assert script.connections == 1
    assert script.requests[0][1]["user-agent"].startswith("windlass/")


def test_a_connection_that_was_closed_while_idle_is_replaced(script, scripted):
    def and_closes(connected):
        good(connected)
        return False

    script.answers = [and_closes, good]
    assert queues(scripted) == queues(scripted) == ["http://q"]
    assert scripted.estate.throttle_stats()[0].calls == 2  # the second call was one attempt


def test_a_kept_connection_that_dies_under_a_call_costs_no_attempt(script, scripted):
    script.answers = [good, closes, good]
    assert queues(scripted) == queues(scripted) == ["http://q"]
    assert scripted.estate.throttle_stats()[0].calls == 2


def test_a_lost_answer_is_asked_for_again(script, scripted):
    script.answers = [half, closes, good]
    assert queues(scripted) == ["http://q"]


def test_silence_is_a_read_timeout_after_two_attempts(script, scripted):
    script.answers = [lambda _: None] * 2
    with pytest.raises(AwsError) as caught:
        queues(scripted)
    assert caught.value.code == "ReadTimeout"
    assert len(script.requests) == 2


def test_what_always_closes_is_a_failed_connection(script, scripted):
    script.answers = [closes] * 3
    with pytest.raises(AwsError) as caught:
        queues(scripted)
    assert caught.value.code == "ConnectionFailed"


def test_what_is_no_http_is_a_failed_connection(script, scripted):
    def talks_smtp(connected):
        connected.sendall(b"220 mail.example.com\r\n")

    script.answers = [talks_smtp] * 3
    with pytest.raises(AwsError) as caught:
        queues(scripted)
    assert caught.value.code == "ConnectionFailed"


def test_a_portal_is_no_empty_listing(script, scripted):
    def portal(connected):
        connected.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>")

    script.answers = [portal] * 3
    with pytest.raises(AwsError) as caught:
        queues(scripted)
    assert caught.value.code == "InvalidResponse"


def test_nothing_listens(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    config = EstateConfig(endpoint_url=url, accounts=[AccountConfig(id=ACCOUNT)], retries=0)
    with open_estate(config, {}) as estate:
        monkeypatch.setattr(estate, "session", lambda _: embedded_session(ACCOUNT))
        with pytest.raises(AwsError) as caught:
            queues(AwsClient(estate))
    assert caught.value.code == "EndpointUnreachable"


def test_few_connections_stay_open_whatever_is_called(script):
    pool = ConnectionPool(NetworkOptions(), limit=3)
    port = script.server.getsockname()[1]
    routes = [Route(Endpoint("127.0.0.1", port, False, f"host-{number}")) for number in range(5)]
    taken = [pool.take(route) for route in routes]
    for route, connection in zip(routes, taken, strict=True):
        pool.give_back(route, connection)
    assert len(pool) == 3
    assert [connection.reusable for connection in taken] == [False, False, True, True, True]
    assert pool.take(routes[4]) is taken[4]
    taken[4].close()
    pool.close()
    assert not taken[3].reusable
    assert len(pool) == 0
