"""--require-signature: only those who know the secret of the start are served, in the header and presigned."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from lambda_functions import Lab
from windlass.cli.commands.local.status import read_page
from windlass.core.errors import AwsError
from windlass.estate.config import AccountConfig, EstateConfig
from windlass.estate.service import open_estate
from windlass_local.request import read_request
from windlass_local.server import Access, LocalServer
from windlass_local.signature import Signatures

ACCOUNT = "777777777200"
SECRET = "the-secret/of+a+start"
CALLS = {
    "s3": "list_buckets",
    "sqs": "list_queues",
    "ec2": "describe_vpcs",
    "lambda": "list_functions",
    "dynamodb": "list_tables",
    "iam": "list_roles",
    "cloudfront": "list_distributions",
    "storagegateway": "list_gateways",
    "cloudwatch": "list_metrics",
}


@pytest.fixture(scope="module")
def signed():
    with LocalServer(access=Access(require_signature=True, moto_api=True)) as server:
        yield server


@pytest.fixture
def client(signed):
    made = []

    def make(service, secret=None, key=ACCOUNT, token=None, **config):
        made.append(
            boto3.client(
                service,
                endpoint_url=signed.url,
                region_name="eu-west-1",
                aws_access_key_id=key,
                aws_secret_access_key=secret or signed.secret,
                aws_session_token=token,
                config=Config(retries={"total_max_attempts": 1}, **config),
            )
        )
        return made[-1]

    yield make
    for each in made:
        each.close()


def refused(call, *args, **kwargs):
    with pytest.raises(ClientError) as caught:
        call(*args, **kwargs)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    return caught.value.response["Error"]["Code"]


def fetch(url, method="GET", data=None, headers=()):
    request = urllib.request.Request(url, method=method, data=data, headers=dict(headers))
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


@pytest.mark.parametrize("service", CALLS)
def test_every_protocol_is_served_with_the_secret_and_refused_without(client, service):
    getattr(client(service), CALLS[service])()
    assert refused(getattr(client(service, "windlass-local"), CALLS[service])) == "SignatureDoesNotMatch"
    unknown = refused(getattr(client(service, key="AKIAUNKNOWN"), CALLS[service]))
    assert unknown == ("InvalidAccessKeyId" if service == "s3" else "UnrecognizedClientException")


def test_objects_go_through_in_every_way_that_they_are_signed(client):
    s3 = client("s3", s3={"addressing_style": "path"})
    s3.create_bucket(Bucket="signed-ways", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for key in ("plain", "a b+c", "ü/€", "x//y", "~(1)*'!", "a%2Fb"):
        s3.put_object(Bucket="signed-ways", Key=key, Body=b"x", Metadata={"some": "two  blanks"})
        assert s3.get_object(Bucket="signed-ways", Key=key)["Body"].read() == b"x"
        assert [each["Key"] for each in s3.list_objects_v2(Bucket="signed-ways", Prefix=key)["Contents"]] == [key]
    unsigned_payload = client("s3", s3={"addressing_style": "path", "payload_signing_enabled": False})
    unsigned_payload.put_object(Bucket="signed-ways", Key="unsigned", Body=b"x" * 10)


def test_presigned_urls_work_unless_they_are_altered(client):
    s3 = client("s3", s3={"addressing_style": "path"}, signature_version="s3v4")
    s3.create_bucket(Bucket="presigned-ways", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    params = {"Bucket": "presigned-ways", "Key": "a b"}
    assert fetch(s3.generate_presigned_url("put_object", Params=params), "PUT", b"hello")[0] == 200
    url = s3.generate_presigned_url("get_object", Params=params, ExpiresIn=60)
    assert fetch(url) == (200, b"hello")
    for touched in (
        url.replace("a%20b", "a%20c"),
        url.replace("X-Amz-Expires=60", "X-Amz-Expires=6000"),
        url + "&versionId=x",
        url[:-1] + "g",
    ):
        status, body = fetch(touched)
        assert (status, b"SignatureDoesNotMatch" in body) == (403, True)
    assert fetch(url, headers={"x-amz-request-payer": "requester"})[0] == 403  # not signed
    assert fetch(url, "DELETE")[0] == 403
    old = client("s3", signature_version="s3", s3={"addressing_style": "path"})
    assert fetch(old.generate_presigned_url("get_object", Params=params))[0] == 403  # signature version 2


def test_unsigned_requests_and_our_own_pages_are_closed(signed):
    assert fetch(f"{signed.url}/any-bucket/key")[0] == 403
    assert fetch(signed.url, "POST", b"Action=ListQueues")[0] == 403
    bearer = {"Authorization": f"Bearer {signed.secret}"}
    for path, method in (("/_windlass/status", "GET"), ("/%5fwindlass/status", "GET"), ("/moto-api/lib.js", "GET")):
        assert fetch(signed.url + path, method)[0] == 403
        assert fetch(signed.url + path, method, headers={"Authorization": "Bearer x"})[0] == 403
    assert fetch(f"{signed.url}/_windlass/status", headers=bearer)[0] == 200
    assert fetch(f"{signed.url}/moto-api/lib.js", headers=bearer)[0] == 200


def test_keys_that_iam_and_sts_gave_out_have_secrets_of_their_own(client):
    iam = client("iam")
    iam.create_user(UserName="signer")
    key = iam.create_access_key(UserName="signer")["AccessKey"]
    client("sqs", key=key["AccessKeyId"], secret=key["SecretAccessKey"]).list_queues()
    assert refused(client("sqs", key=key["AccessKeyId"]).list_queues) == "SignatureDoesNotMatch"
    credentials = client("sts").assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/any", RoleSessionName="session")[
        "Credentials"
    ]
    assumed = client(
        "sts", key=credentials["AccessKeyId"], secret=credentials["SecretAccessKey"], token=credentials["SessionToken"]
    ).get_caller_identity()
    assert assumed["Account"] == ACCOUNT
    iam.update_access_key(UserName="signer", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert refused(client("sqs", key=key["AccessKeyId"], secret=key["SecretAccessKey"]).list_queues)


def test_functions_call_back_with_their_roles_keys(client):
    lab = Lab(lambda service, **_: client(service))
    name = lab.function(
        "import boto3\ndef handler(event, context): return boto3.client('sts').get_caller_identity()['Account']"
    )
    answer = client("lambda").invoke(FunctionName=name)
    assert json.load(answer["Payload"]) == ACCOUNT


def _request(method, url, body, headers):
    host, _, rest = url.removeprefix("http://").partition("/")
    path, _, query = f"/{rest}".partition("?")
    sent = {name.lower(): value for name, value in headers.items()} | {"host": host}
    return read_request(method=method, path=path, query=query, headers=sent, body=body, account_of=lambda key: key)


def _signed(service, method, url, body, headers):
    request = AWSRequest(method=method, url=url, data=body, headers=headers)
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(Credentials(ACCOUNT, SECRET), service, "eu-west-1").add_auth(request)
    prepared = request.prepare()
    return _request(method, prepared.url, body, {n: _text(v) for n, v in prepared.headers.items()})


def _text(value):
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


WORDS = st.text(st.sampled_from("abz09-._~%2F%20"), min_size=1, max_size=8).filter(
    lambda word: "%" not in word.replace("%2F", "").replace("%20", "") and word.strip(".")
)
VERIFIER = Signatures(SECRET, lambda key: SECRET if key == ACCOUNT else None)


@given(
    st.sampled_from(["s3", "sqs", "lambda", "ec2", "s3control"]),
    st.sampled_from(["GET", "PUT", "POST"]),
    st.lists(WORDS, max_size=3),
    st.dictionaries(WORDS, WORDS, max_size=3),
    st.binary(max_size=20),
    st.dictionaries(
        st.sampled_from(["x-amz-meta-a", "content-type", "x-amz-date2"]), st.sampled_from(["a", "a  b", " c"])
    ),
    st.integers(0, 255),
)
def test_what_botocore_signs_is_taken_and_any_touch_is_seen(service, method, path, query, body, headers, touch):
    url = f"http://127.0.0.1:8471/{'/'.join(path)}"
    if query:
        url += "?" + "&".join(f"{name}={value}" for name, value in query.items())
    request = _signed(service, method, url, body, headers)
    assert VERIFIER.refusal(request) is None
    for change in (
        {"body": body + bytes([touch])},
        {"path": request.path + "x"},
        {"query": request.query + "&z=1"},
        {"method": "DELETE"},
        {"headers": {**request.headers, "host": "localhost:1"}},
    ):
        touched = {name: getattr(request, name) for name in ("method", "path", "query", "headers", "body")} | change
        answer = VERIFIER.refusal(read_request(**touched, account_of=lambda key: key))
        assert answer is not None
        assert answer.status in (400, 403)


@pytest.mark.parametrize(
    ("minutes", "served"), [(0, True), (14, True), (-14, True), (16, False), (-16, False), (9_000, False)]
)
def test_a_signature_in_the_header_lives_fifteen_minutes(minutes, served):
    request = _signed("sqs", "POST", "http://127.0.0.1/", b"Action=ListQueues", {})
    now = datetime.now(UTC) + timedelta(minutes=minutes)
    answer = Signatures(SECRET, lambda _: SECRET, now=lambda: now).refusal(request)
    assert (answer is None) is served


@pytest.mark.parametrize(("after_s", "served"), [(0, True), (50, True), (70, False), (-1000, False)])
def test_a_presigned_url_expires_at_its_time(after_s, served):
    request = AWSRequest(method="GET", url="http://127.0.0.1/?Action=ListQueues", data=b"")
    SigV4QueryAuth(Credentials(ACCOUNT, SECRET), "sqs", "eu-west-1", expires=60).add_auth(request)
    now = datetime.now(UTC) + timedelta(seconds=after_s)
    asked = _request("GET", request.prepare().url, b"", {})
    assert (Signatures(SECRET, lambda _: SECRET, now=lambda: now).refusal(asked) is None) is served


def test_the_command_prints_a_secret_of_each_start_and_windlass_uses_it():
    up = [
        sys.executable,
        "-m",
        "windlass",
        "local",
        "up",
        "--port",
        "0",
        "--no-populate",
        "--require-signature",
        "--with-parent",
    ]
    with subprocess.Popen(up, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        url = server.stdout.readline().strip()
        name, _, secret = server.stdout.readline().strip().partition("=")
        assert name == "AWS_SECRET_ACCESS_KEY"
        assert len(secret) >= 40

        with pytest.raises(AwsError) as refusal:
            read_page(url, "/_windlass/status")
        assert "estate.endpoint_secret" in refusal.value.hint
        assert read_page(url, "/_windlass/status", secret)["calls"] == 0
        config = EstateConfig(endpoint_url=url, endpoint_secret=secret, accounts=[AccountConfig(id=ACCOUNT)])
        with open_estate(config, {}) as estate:
            assert estate.call(ACCOUNT, "us-east-1", "s3", "ListBuckets")["Buckets"] == []
        server.stdin.close()
        assert server.wait(20) == 0
