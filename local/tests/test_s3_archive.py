"""Archived objects are refused until they are restored; and requester pays, metadata's size: what S3 says no to."""

import time
import urllib.error
import urllib.request
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from s3_clients import A, B, client, error_of, fresh
from windlass_local.s3.archive import RESTORE_TIMING

ARCHIVED = (403, "InvalidObjectState")


@pytest.fixture
def s3(local_aws):
    made = client(local_aws.url)
    yield made
    made.close()


@pytest.fixture
def stranger(local_aws):
    made = client(local_aws.url, account_id=B)
    yield made
    made.close()


@pytest.fixture
def box(s3):
    name = fresh()
    s3.create_bucket(Bucket=name)
    return name


def restore(s3, box, key="k", days=2, tier="Standard"):
    request = {"Days": days, "GlacierJobParameters": {"Tier": tier}}
    return s3.restore_object(Bucket=box, Key=key, RestoreRequest=request)["ResponseMetadata"]["HTTPStatusCode"]


def status_in_listings(s3, box, **more):
    request = {"Bucket": box, "OptionalObjectAttributes": ["RestoreStatus"], **more}
    listed = [
        s3.list_objects_v2(**request)["Contents"],
        s3.list_objects(**request)["Contents"],
        s3.list_object_versions(**request)["Versions"],
    ]
    result = [{entry["Key"]: entry.get("RestoreStatus") for entry in each} for each in listed]
    assert result[0] == result[1] == result[2]
    return result[0]


@pytest.mark.parametrize("storage", ["GLACIER", "DEEP_ARCHIVE"])
def test_an_archived_object_is_read_and_copied_after_its_restore_only(s3, box, storage, monkeypatch):
    monkeypatch.setattr(RESTORE_TIMING, "takes_s", 30.0)
    s3.put_object(Bucket=box, Key="k", Body=b"cold", StorageClass=storage)
    source = {"Bucket": box, "Key": "k"}

    def reads():
        upload = s3.create_multipart_upload(Bucket=box, Key="parts")["UploadId"]
        part = {"Bucket": box, "Key": "parts", "UploadId": upload, "PartNumber": 1, "CopySource": source}
        for call, asked in (
            (s3.get_object, {"Bucket": box, "Key": "k"}),
            (s3.get_object, {"Bucket": box, "Key": "k", "Range": "bytes=0-1"}),
            (s3.copy_object, {"Bucket": box, "Key": "copy", "CopySource": source}),
            (s3.copy_object, {"Bucket": box, "Key": "k", "CopySource": source, "StorageClass": "STANDARD_IA"}),
            (s3.upload_part_copy, part),
        ):
            yield lambda call=call, asked=asked: call(**asked)

    for read in reads():
        with pytest.raises(ClientError) as caught:
            read()
        error = caught.value.response
        assert (error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"]) == ARCHIVED
    head = s3.head_object(Bucket=box, Key="k")
    assert (head["StorageClass"], "Restore" in head) == (storage, False)
    assert status_in_listings(s3, box) == {"k": None}

    assert restore(s3, box) == 202
    assert s3.head_object(Bucket=box, Key="k")["Restore"] == 'ongoing-request="true"'
    assert status_in_listings(s3, box) == {"k": {"IsRestoreInProgress": True}}
    assert error_of(s3.get_object, Bucket=box, Key="k") == ARCHIVED
    assert error_of(s3.restore_object, Bucket=box, Key="k", RestoreRequest={"Days": 1}) == (
        409,
        "RestoreAlreadyInProgress",
    )

    RESTORE_TIMING.ahead_s += 60
    message = s3.head_object(Bucket=box, Key="k")["Restore"]
    assert message.startswith('ongoing-request="false", expiry-date="')
    assert message.endswith('00:00:00 GMT"')
    (result,) = status_in_listings(s3, box).values()
    assert result["IsRestoreInProgress"] is False
    days = (result["RestoreExpiryDate"] - RESTORE_TIMING.now()).total_seconds() / 86_400
    assert 2 < days <= 3  # rounded up to midnight
    assert s3.get_object(Bucket=box, Key="k")["Body"].read() == b"cold"
    assert s3.get_object(Bucket=box, Key="k")["Restore"] == message
    assert "RestoreStatus" not in s3.list_objects_v2(Bucket=box)["Contents"][0]  # nobody asked
    s3.copy_object(Bucket=box, Key="copy", CopySource=source)
    copied = s3.head_object(Bucket=box, Key="copy")
    assert ("StorageClass" in copied, "Restore" in copied) == (False, False)
    assert restore(s3, box, days=9) == 200  # it lasts longer

    RESTORE_TIMING.ahead_s += 11 * 86_400
    assert "Restore" not in s3.head_object(Bucket=box, Key="k")
    assert error_of(s3.get_object, Bucket=box, Key="k") == ARCHIVED


def test_a_version_is_restored_by_itself(s3, box):
    s3.put_bucket_versioning(Bucket=box, VersioningConfiguration={"Status": "Enabled"})
    old = s3.put_object(Bucket=box, Key="k", Body=b"old", StorageClass="GLACIER")["VersionId"]
    new = s3.put_object(Bucket=box, Key="k", Body=b"new", StorageClass="GLACIER")["VersionId"]
    s3.restore_object(Bucket=box, Key="k", VersionId=old, RestoreRequest={"Days": 1})
    RESTORE_TIMING.ahead_s += 60
    assert s3.get_object(Bucket=box, Key="k", VersionId=old)["Body"].read() == b"old"
    assert error_of(s3.get_object, Bucket=box, Key="k", VersionId=new) == ARCHIVED
    listed = s3.list_object_versions(Bucket=box, OptionalObjectAttributes=["RestoreStatus"])["Versions"]
    assert {each["VersionId"]: "RestoreStatus" in each for each in listed} == {old: True, new: False}


def test_restores_that_make_no_sense_are_refused(s3, box):
    s3.put_object(Bucket=box, Key="warm")
    s3.put_object(Bucket=box, Key="instant", StorageClass="GLACIER_IR")
    s3.put_object(Bucket=box, Key="deep", StorageClass="DEEP_ARCHIVE")
    for key in ("warm", "instant"):
        assert error_of(s3.restore_object, Bucket=box, Key=key, RestoreRequest={"Days": 1}) == ARCHIVED
        assert s3.get_object(Bucket=box, Key=key)["Body"].read() == b""
    expedited = {"Days": 1, "GlacierJobParameters": {"Tier": "Expedited"}}
    assert error_of(s3.restore_object, Bucket=box, Key="deep", RestoreRequest=expedited) == (400, "InvalidArgument")
    assert error_of(s3.restore_object, Bucket=box, Key="deep", RestoreRequest={"Days": 0}) == (400, "InvalidArgument")
    assert error_of(s3.restore_object, Bucket=box, Key="deep", RestoreRequest={}) == (400, "MalformedXML")
    assert error_of(s3.restore_object, Bucket=box, Key="none", RestoreRequest={"Days": 1}) == (404, "NoSuchKey")


def test_a_restore_sends_its_two_events(s3, box, aws):
    sqs = aws("sqs", account=A)
    queue = sqs.create_queue(QueueName=fresh("told"))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    s3.put_bucket_notification_configuration(
        Bucket=box,
        NotificationConfiguration={"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectRestore:*"]}]},
    )
    s3.put_object(Bucket=box, Key="k", StorageClass="GLACIER")
    restore(s3, box)
    told = ""
    deadline = time.monotonic() + 20
    while "ObjectRestore:Completed" not in told and time.monotonic() < deadline:
        for message in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages", ()):
            told += message["Body"]
    assert '"ObjectRestore:Post"' in told
    assert '"ObjectRestore:Completed"' in told


def allow(s3, box):
    policy = (
        f'{{"Statement": [{{"Effect": "Allow", "Principal": {{"AWS": "arn:aws:iam::{B}:root"}}, "Action": "s3:*",'
        f' "Resource": ["arn:aws:s3:::{box}", "arn:aws:s3:::{box}/*"]}}]}}'
    )
    s3.put_bucket_policy(Bucket=box, Policy=policy)


def test_a_requester_pays_bucket_is_read_by_those_who_say_that_they_pay(s3, stranger, box):
    allow(s3, box)
    s3.put_object(Bucket=box, Key="k", Body=b"paid")
    own = fresh()
    stranger.create_bucket(Bucket=own)
    source = {"Bucket": box, "Key": "k"}
    upload = stranger.create_multipart_upload(Bucket=own, Key="parts")["UploadId"]
    calls = (
        (stranger.get_object, {"Bucket": box, "Key": "k"}),
        (stranger.head_object, {"Bucket": box, "Key": "k"}),
        (stranger.list_objects_v2, {"Bucket": box}),
        (stranger.list_objects, {"Bucket": box}),
        (stranger.list_object_versions, {"Bucket": box}),
        (stranger.get_object_tagging, {"Bucket": box, "Key": "k"}),
        (stranger.put_object, {"Bucket": box, "Key": "new"}),
        (stranger.copy_object, {"Bucket": own, "Key": "k", "CopySource": source}),
        (
            stranger.upload_part_copy,
            {"Bucket": own, "Key": "parts", "UploadId": upload, "PartNumber": 1, "CopySource": source},
        ),
        (stranger.delete_objects, {"Bucket": box, "Delete": {"Objects": [{"Key": "none"}]}}),
        (stranger.delete_object, {"Bucket": box, "Key": "new"}),
    )
    for call, request in calls:
        call(**request)  # before, everything is allowed
    s3.put_bucket_request_payment(Bucket=box, RequestPaymentConfiguration={"Payer": "Requester"})
    for call, request in calls:
        assert error_of(call, **request)[0] == 403, call
        answer = call(**request, RequestPayer="requester")
        message = request["Bucket"] == box and call.__name__ != "get_object_tagging"
        assert answer.get("RequestCharged") == ("requester" if message else None), call
    stranger.get_bucket_location(Bucket=box)  # nobody is charged for that
    stranger.head_bucket(Bucket=box)
    s3.get_object(Bucket=box, Key="k")  # the owner pays anyway


def test_a_presigned_url_names_the_payer(s3, stranger, box, local_aws):
    allow(s3, box)
    s3.put_object(Bucket=box, Key="k", Body=b"paid")
    s3.put_bucket_request_payment(Bucket=box, RequestPaymentConfiguration={"Payer": "Requester"})
    plain = stranger.generate_presigned_url("get_object", Params={"Bucket": box, "Key": "k"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(plain, timeout=20)
    caught.value.close()
    assert caught.value.code == 403
    with urllib.request.urlopen(f"{plain}&x-amz-request-payer=requester", timeout=20) as answer:
        assert answer.read() == b"paid"


@pytest.mark.parametrize(("size", "fits"), [(2048, True), (2049, False)])
def test_user_metadata_beyond_two_kilobytes_is_refused(s3, box, size, fits):
    """Bytes of names and values together, without the prefix."""
    metadata = {"a" * 10: "x" * 1000, "b": "y" * (size - 1011)}
    assert sum(len(name) + len(value) for name, value in metadata.items()) == size
    s3.put_object(Bucket=box, Key="source")
    copy = {"CopySource": {"Bucket": box, "Key": "source"}, "MetadataDirective": "REPLACE"}
    for call, more in ((s3.put_object, {}), (s3.create_multipart_upload, {}), (s3.copy_object, copy)):
        request = {"Bucket": box, "Key": "k", "Metadata": metadata, **more}
        if fits:
            call(**request)
            continue
        with pytest.raises(ClientError) as caught:
            call(**request)
        error = caught.value.response["Error"]
        assert (error["Code"], error["Size"], error["MaxSizeAllowed"]) == ("MetadataTooLarge", "2049", "2048")
    locked = fresh("lock")
    s3.create_bucket(Bucket=locked, ObjectLockEnabledForBucket=True)
    if not fits:
        assert error_of(s3.put_object, Bucket=locked, Key="k", Metadata=metadata) == (400, "MetadataTooLarge")


def test_the_clock_of_restores_is_the_worlds_until_a_test_moves_it():
    assert (RESTORE_TIMING.now() - datetime.now(UTC)).total_seconds() == pytest.approx(RESTORE_TIMING.ahead_s, abs=5)
