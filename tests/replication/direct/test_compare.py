"""Comparisons that go deeper than ETags: checksums where ETags say nothing, and content."""

import threading

import pytest

from tests.replication.direct.local import verify_pair
from windlass.core.errors import Interrupted
from windlass.replication.comparison import Compare

MIB = 1 << 20


def verified(aws, tmp_path, pair, **more):
    return verify_pair(aws.engine(tmp_path), pair, stop=threading.Event(), on_progress=lambda _: None, **more)


def put_in_parts(client, bucket, key, body, **more):
    upload = client.create_multipart_upload(Bucket=bucket, Key=key, **more)["UploadId"]
    parts = []
    for number, first in enumerate(range(0, len(body), 5 * MIB), 1):
        sent = client.upload_part(
            Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=body[first : first + 5 * MIB]
        )
        parts.append({"PartNumber": number, "ETag": sent["ETag"]})
    client.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts})


def a_pair_with_opaque_etags(aws):
    """`equal` and `rotten` have equal sizes and ETags that say nothing; checksums of the whole; `bare` has none in common."""
    pair = aws.pair()
    source, target = aws.s3(), aws.s3("eu-west-1")
    body = bytes(range(256)) * (6 * MIB // 256)
    rotten = body[:-1] + b"!"
    kept = {"ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT"}
    for key, there in (("equal", body), ("rotten", rotten)):
        put_in_parts(source, pair.source.bucket, key, body, **kept)
        target.put_object(Bucket=pair.destination.bucket, Key=key, Body=there, ChecksumAlgorithm="CRC32")
    source.put_object(Bucket=pair.source.bucket, Key="same", Body=b"same")
    target.put_object(Bucket=pair.destination.bucket, Key="same", Body=b"same")
    return pair


def test_opaque_etags_are_no_corruption_and_checksums_tell(aws, tmp_path):
    pair = a_pair_with_opaque_etags(aws)
    shallow = verified(aws, tmp_path, pair, by=Compare.SIZE)
    assert (shallow.objects, shallow.unknown, shallow.different, shallow.complete) == (3, 0, 0, True)
    deep = verified(aws, tmp_path, pair)
    assert (deep.objects, deep.different) == (3, 1), deep
    assert deep.examples["different"] == ("rotten",)
    assert deep.unknown == 0


def test_a_sample_is_read_on_both_sides(aws, tmp_path):
    pair = a_pair_with_opaque_etags(aws)
    result = verified(aws, tmp_path, pair, by=Compare.SIZE, sample=10)
    assert (result.objects, result.read, result.unknown, result.different) == (3, 3, 0, 1)
    assert result.examples["different"] == ("rotten",)
    few = verified(aws, tmp_path, pair, sample=1)
    assert (few.objects, few.read) == (3, 1)


def test_a_comparison_can_be_stopped(aws, tmp_path):
    pair = aws.pair()
    aws.fill(pair.source.bucket, [f"{at:05}" for at in range(3000)])
    stop = threading.Event()
    stop.set()
    with pytest.raises(Interrupted):
        verify_pair(aws.engine(tmp_path), pair, stop=stop, on_progress=lambda _: None)
