"""S3 events: their records, and that they arrive at queues, topics and EventBridge."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from s3_clients import A, B, client, error_of, fresh
from windlass_local.s3.event_records import Origin, S3Event, bridge_event, detail_type, event_key, record

ORIGIN = Origin(principal_id="AWS:1", account_id=A, source_ip="127.0.0.1", request_id="R", host_id="H")


def notice(**changed: Any) -> S3Event:
    options: dict[str, Any] = {
        "name": "s3:ObjectCreated:Put",
        "at": datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
        "bucket": "box",
        "bucket_arn": "arn:aws:s3:::box",
        "region": "eu-west-1",
        "owner_account_id": A,
        "key": "in/a b+c.txt",
        "size_bytes": 3,
        "etag": "e",
        "version_id": "v",
        "sequencer": "01",
        "origin": ORIGIN,
    }
    return S3Event(**{**options, **changed})


def test_keys_are_encoded_as_s3_does() -> None:
    assert event_key("in/a b+c(1)é.txt") == "in/a+b%2Bc%281%29%C3%A9.txt"


def test_a_record_has_what_aws_documents() -> None:
    [result] = record(notice(), "conf")["Records"]
    assert result["eventTime"] == "2026-01-02T03:04:05.678Z"
    assert (result["eventVersion"], result["eventName"], result["awsRegion"]) == (
        "2.1",
        "ObjectCreated:Put",
        "eu-west-1",
    )
    assert result["s3"]["configurationId"] == "conf"
    assert result["s3"]["object"] == {
        "key": "in/a+b%2Bc.txt",
        "size": 3,
        "eTag": "e",
        "versionId": "v",
        "sequencer": "01",
    }
    assert result["s3"]["bucket"]["ownerIdentity"]["principalId"].startswith("A")


def test_a_deletion_has_no_size() -> None:
    gone = record(notice(name="s3:ObjectRemoved:Delete", version_id=""), "conf")["Records"][0]["s3"]["object"]
    assert gone == {"key": "in/a+b%2Bc.txt", "sequencer": "01"}
    event = bridge_event(notice(name="s3:ObjectRemoved:DeleteMarkerCreated"), "id")
    assert (event["detail-type"], event["detail"]["deletion-type"]) == ("Object Deleted", "Delete Marker Created")
    assert event["time"] == "2026-01-02T03:04:05Z"


def test_detail_types() -> None:
    assert detail_type("s3:ObjectCreated:CompleteMultipartUpload") == "Object Created"
    assert detail_type("s3:ObjectTagging:Delete") == "Object Tags Deleted"
    assert detail_type("s3:ReducedRedundancyLostObject") == ""


class Wired:
    """A bucket whose events go to a queue, and that queue."""

    def __init__(self, url: str) -> None:
        self.s3, self.sqs = client(url), client(url, "sqs")
        self.queue_name = fresh("events")
        self.queue_url = self.sqs.create_queue(QueueName=self.queue_name)["QueueUrl"]
        self.arn = f"arn:aws:sqs:us-east-1:{A}:{self.queue_name}"
        self.box = fresh()
        self.s3.create_bucket(Bucket=self.box)

    def notify(self, **more: Any) -> None:
        configuration = {
            "QueueArn": self.arn,
            "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
            "Id": "all",
            **more,
        }
        self.configure({"QueueConfigurations": [configuration]})
        assert self.messages(1)[0]["Event"] == "s3:TestEvent"

    def configure(self, configuration: dict[str, Any]) -> None:
        self.s3.put_bucket_notification_configuration(Bucket=self.box, NotificationConfiguration=configuration)

    def messages(self, count: int, *, wait_s: float = 10) -> list[dict[str, Any]]:
        result: list[dict[str, Any]] = []
        deadline = time.monotonic() + wait_s
        while len(result) < count and time.monotonic() < deadline:
            got = self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in got.get("Messages", []):
                result.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        assert len(result) == count
        return result

    def records(self, count: int) -> list[dict[str, Any]]:
        return [each["Records"][0] for each in self.messages(count)]


@pytest.fixture
def wired(local_aws: Any) -> Any:
    made = Wired(local_aws.url)
    yield made
    made.s3.close()
    made.sqs.close()


def test_every_kind_of_change_sends_one_event_with_rising_sequencers(wired: Wired) -> None:
    wired.notify()
    s3, box = wired.s3, wired.box
    put = s3.put_object(Bucket=box, Key="a b", Body=b"xyz", Tagging="t=1")
    s3.copy_object(Bucket=box, Key="copy", CopySource=f"{box}/a b")
    upload_id = s3.create_multipart_upload(Bucket=box, Key="big")["UploadId"]
    etag = s3.upload_part(Bucket=box, Key="big", UploadId=upload_id, PartNumber=1, Body=b"1")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    s3.complete_multipart_upload(Bucket=box, Key="big", UploadId=upload_id, MultipartUpload=parts)
    s3.delete_object(Bucket=box, Key="a b")
    s3.put_bucket_versioning(Bucket=box, VersioningConfiguration={"Status": "Enabled"})
    marker = s3.delete_objects(Bucket=box, Delete={"Objects": [{"Key": "copy"}]})["Deleted"][0]
    result = sorted(wired.records(5), key=lambda each: each["s3"]["object"]["sequencer"])
    assert [each["eventName"] for each in result] == [
        "ObjectCreated:Put",
        "ObjectCreated:Copy",
        "ObjectCreated:CompleteMultipartUpload",
        "ObjectRemoved:Delete",
        "ObjectRemoved:DeleteMarkerCreated",
    ]
    first = result[0]
    assert first["s3"]["object"]["key"] == "a+b"
    assert first["responseElements"]["x-amz-request-id"] == put["ResponseMetadata"]["RequestId"]
    assert first["userIdentity"]["principalId"] == f"AWS:{A}"
    assert "versionId" not in first["s3"]["object"]
    assert result[2]["s3"]["object"]["eTag"].endswith("-1")
    assert result[4]["s3"]["object"]["versionId"] == marker["DeleteMarkerVersionId"]


def test_events_keep_the_order_of_the_changes(wired: Wired) -> None:
    wired.notify()
    for number in range(30):
        wired.s3.put_object(Bucket=wired.box, Key="same", Body=str(number).encode())
    sequencers = [each["s3"]["object"]["sequencer"] for each in wired.records(30)]
    assert len(set(sequencers)) == 30
    assert sequencers == sorted(sequencers)


def test_filters(wired: Wired) -> None:
    rules = [{"Name": "prefix", "Value": "in/"}, {"Name": "suffix", "Value": ".csv"}]
    wired.notify(Filter={"Key": {"FilterRules": rules}}, Events=["s3:ObjectCreated:Put"])
    for key in ("in/a.csv", "out/a.csv", "in/a.txt"):
        wired.s3.put_object(Bucket=wired.box, Key=key, Body=b"")
    wired.s3.copy_object(Bucket=wired.box, Key="in/b.csv", CopySource=f"{wired.box}/in/a.csv")
    wired.s3.put_object(Bucket=wired.box, Key="in/last.csv", Body=b"")
    assert [each["s3"]["object"]["key"] for each in wired.records(2)] == ["in/a.csv", "in/last.csv"]


def test_the_configuration_is_given_back_with_eventbridge(wired: Wired) -> None:
    rules = [{"Name": "Prefix", "Value": "in/"}]
    queue = {
        "Id": "q",
        "QueueArn": wired.arn,
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": rules}},
    }
    lower = {**queue, "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "in/"}]}}}
    wired.configure({"QueueConfigurations": [lower], "EventBridgeConfiguration": {}})
    result = wired.s3.get_bucket_notification_configuration(Bucket=wired.box)
    assert (result["QueueConfigurations"], result["EventBridgeConfiguration"]) == ([queue], {})
    wired.configure({})
    assert "QueueConfigurations" not in wired.s3.get_bucket_notification_configuration(Bucket=wired.box)


def test_a_destination_that_is_not_there_is_refused_and_the_old_configuration_stays(wired: Wired) -> None:
    wired.notify()
    bad = {"QueueConfigurations": [{"QueueArn": f"{wired.arn}-none", "Events": ["s3:ObjectCreated:*"]}]}
    call = {"Bucket": wired.box, "NotificationConfiguration": bad}
    assert error_of(wired.s3.put_bucket_notification_configuration, **call) == (400, "InvalidArgument")
    [kept] = wired.s3.get_bucket_notification_configuration(Bucket=wired.box)["QueueConfigurations"]
    assert kept["QueueArn"] == wired.arn
    wired.s3.put_bucket_notification_configuration(**call, SkipDestinationValidation=True)


def test_topics_and_eventbridge(wired: Wired, local_aws: Any) -> None:
    sns, events = client(local_aws.url, "sns"), client(local_aws.url, "events")
    topic = sns.create_topic(Name=fresh("topic"))["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=wired.arn)
    rule = fresh("rule")
    pattern = {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": {"bucket": {"name": [wired.box]}}}
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": wired.arn}])
    topics = [{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}]
    wired.configure({"TopicConfigurations": topics, "EventBridgeConfiguration": {}})
    assert json.loads(wired.messages(1)[0]["Message"])["Event"] == "s3:TestEvent"
    put = wired.s3.put_object(Bucket=wired.box, Key="a b", Body=b"xyz")
    both = wired.messages(2)
    [topical] = [each for each in both if "Message" in each]
    assert json.loads(topical["Message"])["Records"][0]["s3"]["object"]["key"] == "a+b"
    [bridged] = [each["detail"] for each in both if "detail" in each]
    assert bridged["object"]["key"] == "a b"
    assert (bridged["object"]["size"], bridged["reason"], bridged["requester"]) == (3, "PutObject", A)
    assert bridged["request-id"] == put["ResponseMetadata"]["RequestId"]
    sns.close()
    events.close()


def test_a_queue_of_another_account(wired: Wired, local_aws: Any) -> None:
    sqs = client(local_aws.url, "sqs", account_id=B)
    name = fresh("theirs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    theirs = {"QueueArn": f"arn:aws:sqs:us-east-1:{B}:{name}", "Events": ["s3:ObjectCreated:*"]}
    wired.configure({"QueueConfigurations": [theirs]})
    body = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"][0]["Body"]
    assert json.loads(body)["Event"] == "s3:TestEvent"
    sqs.close()
