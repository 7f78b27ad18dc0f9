"""What AWS did not answer is never read as "nothing there": every reader of the wire that can say so."""

import pytest

from windlass.wire import s3, sqs
from windlass.wire.errors import BadAnswer
from windlass.wire.model import Response

QUEUE = "http://localhost/111111111111/q"
CALLS = {
    "ListBuckets": (s3.list_buckets(), b"<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>"),
    "ListObjectsV2": (
        s3.list_objects("b"),
        b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>",
    ),
    "ListObjectVersions": (
        s3.list_versions("b"),
        b"<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>",
    ),
    "GetObjectTagging": (s3.tags("b", "k"), b"<Tagging><TagSet/></Tagging>"),
    "GetBucketVersioning": (s3.versioning("b"), b"<VersioningConfiguration/>"),
    "ReceiveMessage": (sqs.receive(QUEUE), b"{}"),
    "GetQueueAttributes": (sqs.get_attributes(QUEUE), b"{}"),
    "DeleteMessageBatch": (sqs.delete(QUEUE, ["handle"]), b'{"Successful": [{"Id": "0"}], "Failed": []}'),
}
FOREIGN = {
    "a captive portal": b"<!DOCTYPE html><html><body>Sign in</body></html>",
    "a portal in XHTML": b"<html><body>Sign in</body></html>",
    "another document": b"<?xml version='1.0'?><Login/>",
    "an empty body": b"",
    "blanks": b"  ",
    "a JSON list": b"[]",
    "JSON null": b"null",
}


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("foreign", FOREIGN)
def test_what_is_not_from_aws_is_no_answer(operation, foreign):
    call, _ = CALLS[operation]
    with pytest.raises(BadAnswer):
        call.read(Response(200, {}, FOREIGN[foreign]))


@pytest.mark.parametrize("operation", CALLS)
def test_a_cut_answer_is_none_wherever_it_is_cut(operation):
    call, whole = CALLS[operation]
    call.read(Response(200, {}, whole))
    for at in range(len(whole)):
        with pytest.raises(BadAnswer):
            call.read(Response(200, {}, whole[:at]))
