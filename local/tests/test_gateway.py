"""The one port: faults to order in every protocol, unknown operations as AWS errors, the call log, accounts, reset."""

import json
import socket
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError

from windlass_local.exceptions import ConfigError
from windlass_local.faults import FaultRule, Faults
from windlass_local.moto_names import missing_names
from windlass_local.request import read_request
from windlass_local.server import LocalServer

OPERATIONS = {
    "s3": ("list_buckets", {}),
    "ec2": ("describe_vpcs", {}),
    "sqs": ("list_queues", {}),
    "dynamodb": ("list_tables", {}),
    "iam": ("list_roles", {}),
    "lambda": ("list_functions", {}),
    "sns": ("list_topics", {}),
    "cloudfront": ("list_distributions", {}),
    "kms": ("list_keys", {}),
    "rds": ("describe_db_instances", {}),
    "storagegateway": ("list_gateways", {}),
}


@pytest.fixture
def client(local_aws):
    made = []

    def make(service, account="777777777777", region="eu-west-1"):
        one = boto3.client(
            service,
            endpoint_url=local_aws.url,
            region_name=region,
            aws_access_key_id=account,
            aws_secret_access_key="x",
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )
        made.append(one)
        return one

    yield make
    for entry in made:
        entry.close()
    local_aws.gateway.faults.load([])


@pytest.mark.parametrize("service", OPERATIONS)
@pytest.mark.parametrize("kind", ["throttle", "access_denied", "error"])
def test_ordered_faults_speak_the_services_own_protocol(client, local_aws, service, kind):
    operation, params = OPERATIONS[service]
    getattr(client(service), operation)(**params)
    local_aws.gateway.faults.load([{"kind": kind, "service": service, "status": 400, "code": "MadeUp"}])
    with pytest.raises(ClientError) as caught:
        getattr(client(service), operation)(**params)
    code = caught.value.response["Error"]["Code"]
    if kind == "error":
        assert code == "MadeUp"
    elif kind == "access_denied":
        assert code in ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
    else:
        assert code in (
            "SlowDown",
            "RequestLimitExceeded",
            "RequestThrottled",
            "ThrottlingException",
            "ProvisionedThroughputExceededException",
        )


def test_a_dropped_connection_is_dropped(client, local_aws):
    local_aws.gateway.faults.load([{"kind": "drop", "service": "sqs", "limit": 1}])
    with pytest.raises((ConnectionClosedError, EndpointConnectionError)):
        client("sqs").list_queues()
    client("sqs").list_queues()


def _asked(**facts):
    headers = {
        "authorization": f"AWS4-HMAC-SHA256 Credential=777777777777/20261120/{facts.pop('region', 'eu-west-1')}/{facts.pop('service', 's3')}/aws4_request"
    }
    return read_request(
        **(
            {
                "method": "GET",
                "path": "/b/k",
                "query": "",
                "headers": headers,
                "body": b"",
                "account_of": lambda key: key,
            }
            | facts
        )
    )


def test_a_call_whose_client_disconnected_is_not_executed(client, local_aws):
    """The client makes it again: carried out, half of an object would be there, and what must be new would be there already."""
    s3, bucket = client("s3"), "half-a-call"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    key = "AWS4-HMAC-SHA256 Credential=777777777777/20260101/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=x"
    host, port = local_aws.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as half:
        half.sendall(
            f"PUT /{bucket}/o HTTP/1.1\r\nHost: {host}\r\nAuthorization: {key}\r\nContent-Length: 10\r\n\r\nhello".encode()
        )
    with socket.create_connection(
        (host, int(port))
    ) as whole:  # after it, so that it has been looked at when this is answered
        whole.sendall(
            f"PUT /{bucket}/p HTTP/1.1\r\nHost: {host}\r\nAuthorization: {key}\r\nContent-Length: 5\r\n\r\nhello".encode()
        )
        assert whole.recv(100).startswith(b"HTTP/1.1 200")
    assert [content["Key"] for content in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["p"]


def test_the_same_seed_drops_the_same_calls():
    def dropped(random_seed):
        faults = Faults([FaultRule(kind="drop", probability=0.3)], random_seed=random_seed)
        return [faults.decide(_asked(), 0.0).outcome is not None for _ in range(200)]

    assert dropped(5) == dropped(5) != dropped(6)
    assert 30 < sum(dropped(5)) < 90


def test_a_throttle_lets_its_rate_through():
    faults = Faults([FaultRule(kind="throttle", rate=10)])
    passed = sum(faults.decide(_asked(), at / 100).outcome is None for at in range(1000))
    assert 95 <= passed <= 120, "ten seconds of ten a second, and one burst"


def test_latencies_add_up_and_rules_match_by_globs():
    faults = Faults(
        [
            FaultRule(kind="latency", latency_ms=10),
            FaultRule(kind="latency", latency_ms=5, operation="Get*", region="eu-*"),
            FaultRule(kind="drop", account="1*"),
        ]
    )
    assert faults.decide(_asked(), 0.0).delay_s == pytest.approx(0.015)
    assert faults.decide(_asked(region="us-east-1"), 0.0).delay_s == pytest.approx(0.010)


def test_a_broken_rule_is_refused(local_aws):
    request = urllib.request.Request(f"{local_aws.url}/_windlass/faults", method="PUT", data=b'[{"kind": "tsunami"}]')
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    assert "tsunami" in caught.value.read().decode()
    caught.value.close()


def test_unknown_operations_are_aws_errors_not_pages(client):
    for service, operation, params in (
        ("pricing", "describe_services", {}),
        ("service-quotas", "get_association_for_service_quota_template", {}),
        ("cloudtrail", "lookup_events", {}),
        ("ssm", "describe_association_executions", {"AssociationId": "a" * 36}),
        ("elasticache", "describe_cache_engine_versions", {}),
    ):
        with pytest.raises(ClientError) as caught:
            getattr(client(service), operation)(**params)
        assert caught.value.response["Error"]["Code"] == "NotImplemented", operation
        assert "does not implement" in caught.value.response["Error"]["Message"]


def test_accounts_are_apart_and_a_role_leads_into_another(client):
    client("sqs", account="777777777771").create_queue(QueueName="mine")
    assert "QueueUrls" not in client("sqs", account="777777777772").list_queues()
    role = "arn:aws:iam::777777777771:role/Reader"
    credentials = client("sts", account="777777777772").assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    inside = client("sqs", account=credentials["AccessKeyId"])
    assert inside.list_queues()["QueueUrls"][0].endswith("/777777777771/mine")


def test_the_call_log_has_caller_and_operation(client, local_aws):
    client("ec2", account="777777777773", region="ap-southeast-2").describe_subnets()
    with urllib.request.urlopen(f"{local_aws.url}/_windlass/calls?account_id=777777777773") as answer:
        (call,) = json.load(answer)["calls"]
    assert (call["service"], call["operation"], call["region"], call["status"]) == (
        "ec2",
        "DescribeSubnets",
        "ap-southeast-2",
        200,
    )
    assert "Boto3" in call["user_agent"]


@pytest.mark.parametrize(
    ("method", "path", "query", "operation"),
    [
        ("GET", "/", "", "ListBuckets"),
        ("GET", "/b", "list-type=2", "ListObjectsV2"),
        ("GET", "/b", "versions", "ListObjectVersions"),
        ("GET", "/b", "publicAccessBlock", "GetPublicAccessBlock"),
        ("GET", "/b", "object-lock", "GetObjectLockConfiguration"),
        ("GET", "/b", "metrics", "ListBucketMetricsConfigurations"),
        ("PUT", "/b", "tagging", "PutBucketTagging"),
        ("PUT", "/b/k", "", "PutObject"),
        ("PUT", "/b/k", "partNumber=1&uploadId=x", "UploadPart"),
        ("HEAD", "/b/k", "", "HeadObject"),
        ("POST", "/b", "delete", "DeleteObjects"),
        ("DELETE", "/b", "", "DeleteBucket"),
    ],
)
def test_operations_are_recognised_by_method_and_query(method, path, query, operation):
    assert _asked(method=method, path=path, query=query).operation == operation


def test_sixteen_writers_lose_no_update(client):
    table = client("dynamodb")
    table.create_table(
        TableName="counter",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
    )

    def add(_):
        table.update_item(
            TableName="counter",
            Key={"k": {"S": "a"}},
            UpdateExpression="ADD n :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(add, range(600)))
    assert table.get_item(TableName="counter", Key={"k": {"S": "a"}})["Item"]["n"]["N"] == "600"


def test_expired_items_are_gone(client):
    table = client("dynamodb")
    table.create_table(
        TableName="ttl",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
    )
    table.update_time_to_live(TableName="ttl", TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"})
    table.put_item(TableName="ttl", Item={"k": {"S": "old"}, "until": {"N": "1000"}})
    table.put_item(TableName="ttl", Item={"k": {"S": "new"}, "until": {"N": "99999999999"}})
    import time

    time.sleep(1.1)
    assert [item["k"]["S"] for item in table.scan(TableName="ttl")["Items"]] == ["new"]


def test_a_file_share_is_stale_until_it_is_refreshed(client, local_aws):
    s3, gateways = client("s3"), client("storagegateway")
    s3.create_bucket(Bucket="behind-a-share", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="behind-a-share", Key="a/1", Body=b"")
    gateway = gateways.activate_gateway(
        ActivationKey="A" * 10, GatewayName="g1", GatewayTimezone="GMT", GatewayRegion="eu-west-1"
    )["GatewayARN"]
    role = "arn:aws:iam::777777777777:role/gateway"
    share = gateways.create_nfs_file_share(
        ClientToken="token", GatewayARN=gateway, Role=role, LocationARN="arn:aws:s3:::behind-a-share"
    )["FileShareARN"]
    s3.put_object(Bucket="behind-a-share", Key="a/2", Body=b"")
    s3.put_object(Bucket="behind-a-share", Key="b/1", Body=b"")

    def files():
        with urllib.request.urlopen(f"{local_aws.url}/_windlass/fileshares/{share.rpartition('/')[2]}") as answer:
            return json.load(answer)

    assert files()["files"] == ["a/1"]
    gateways.refresh_cache(FileShareARN=share, FolderList=["/a"], Recursive=True)
    with pytest.raises(ClientError) as caught:
        gateways.refresh_cache(FileShareARN=share)
    assert caught.value.response["Error"]["Code"] == "InvalidGatewayRequestException"
    while files()["refreshing"]:
        pass
    assert files()["files"] == ["a/1", "a/2"]
    described = gateways.describe_nfs_file_shares(FileShareARNList=[share])["NFSFileShareInfoList"][0]
    assert described["LocationARN"] == "arn:aws:s3:::behind-a-share"
    with pytest.raises(ClientError):
        gateways.describe_smb_file_shares(FileShareARNList=[share] * 11)


def test_it_binds_loopback_only():
    with pytest.raises(ConfigError, match="cannot listen on 0.0.0.0"):
        LocalServer(host="0.0.0.0")


def test_every_private_name_of_moto_is_there():
    assert missing_names() == []
