"""Objects too large for one copy: equal part layouts, equal ETags, and everything that belongs to them, over forty shapes."""

import itertools
import threading

import pytest

from tests.replication.direct.local import copy_pair
from tests.replication.direct.shapes import row
from windlass.core.errors import NotFound
from windlass.replication.direct.copying.parts import part_ranges, uniform
from windlass_local.s3.limits import LIMITS

MIB = 1 << 20
LAYOUTS = {
    "one put": None,
    "equal parts": [5 * MIB, 5 * MIB, 1000],
    "odd parts": [6 * MIB, 5 * MIB + 17, 7 * MIB, 1],
    "one part": [5 * MIB + 5],
}
HEADERS = {
    "bare": {},
    "content": {
        "ContentType": "text/x-log; charset=utf-8",
        "CacheControl": "no-store",
        "ContentEncoding": "gzip",
        "ContentLanguage": "de",
        "ContentDisposition": "attachment; filename=a.txt",
    },
    "metadata": {"Metadata": {"owner": "team web", "odd": "a=b&c  d"}},
    "redirect": {"WebsiteRedirectLocation": "/elsewhere.html"},
    "class": {"StorageClass": "STANDARD_IA", "Metadata": {"k": "v"}},
}
TAGS = {"untagged": "", "tagged": "team=web&empty=&odd%20key=a%26b%3Dc"}
SHAPES = list(itertools.product(LAYOUTS, HEADERS, TAGS))
KEPT = (
    "ContentType",
    "CacheControl",
    "ContentEncoding",
    "ContentLanguage",
    "ContentDisposition",
    "Metadata",
    "StorageClass",
    "WebsiteRedirectLocation",
    "ContentLength",
)


def body_of(sizes):
    size = sum(sizes) if sizes else 5 * MIB + 321
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def put(client, bucket, key, layout, headers, tags):
    sizes, extra = LAYOUTS[layout], HEADERS[headers] | ({"Tagging": tags} if tags else {})
    body = body_of(sizes)
    if sizes is None:
        client.put_object(Bucket=bucket, Key=key, Body=body, **extra)
        return body
    upload = client.create_multipart_upload(Bucket=bucket, Key=key, **extra)["UploadId"]
    parts = []
    for number, first, last in part_ranges(sizes):
        etag = client.upload_part(
            Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=body[first : last + 1]
        )["ETag"]
        parts.append({"PartNumber": number, "ETag": etag})
    client.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts})
    return body


def copied(aws, tmp_path, pair, **more):
    engine = aws.engine(tmp_path, **({"largest_bytes": MIB, "part_bytes": 5 * MIB} | more))
    return copy_pair(engine, pair, seed_id="s", versions=False, stop=threading.Event(), on_progress=lambda _: None)


@pytest.mark.parametrize(("layout", "headers", "tags"), SHAPES, ids=["-".join(shape) for shape in SHAPES])
def test_forty_shapes_arrive_as_they_were(aws, tmp_path, layout, headers, tags):
    pair = aws.pair()
    source, target = aws.s3(), aws.s3("eu-west-1")
    body = put(source, pair.source.bucket, "large é+/x", layout, headers, TAGS[tags])
    moved = copied(aws, tmp_path, pair)
    assert (moved.copied, moved.failed) == (1, 0), moved.failures
    before = source.head_object(Bucket=pair.source.bucket, Key="large é+/x")
    after = target.head_object(Bucket=pair.destination.bucket, Key="large é+/x")
    assert {name: after.get(name) for name in KEPT} == {name: before.get(name) for name in KEPT}
    if LAYOUTS[layout] is not None:
        assert after["ETag"] == before["ETag"], "another part layout"
    got = target.get_object(Bucket=pair.destination.bucket, Key="large é+/x")["Body"].read()
    assert got == body
    tagged = [
        client.get_object_tagging(Bucket=bucket, Key="large é+/x")["TagSet"]
        for client, bucket in ((source, pair.source.bucket), (target, pair.destination.bucket))
    ]
    assert tagged[0] == tagged[1]
    for client, bucket in ((source, pair.source.bucket), (target, pair.destination.bucket)):
        client.delete_object(Bucket=bucket, Key="large é+/x")  # forty times two large bodies are much memory


def test_small_objects_arrive_with_all_that_belongs_to_them(aws, tmp_path):
    pair = aws.pair()
    source, target = aws.s3(), aws.s3("eu-west-1")
    for name, extra in HEADERS.items():
        source.put_object(Bucket=pair.source.bucket, Key=name, Body=name.encode(), Tagging="a=b", **extra)
    moved = copied(aws, tmp_path, pair)
    assert (moved.copied, moved.failed) == (len(HEADERS), 0), moved.failures
    for name in HEADERS:
        before = source.head_object(Bucket=pair.source.bucket, Key=name)
        after = target.head_object(Bucket=pair.destination.bucket, Key=name)
        expected = [entry for entry in KEPT if entry != "WebsiteRedirectLocation"]  # S3 never copies that one by itself
        assert {entry: after.get(entry) for entry in expected} == {entry: before.get(entry) for entry in expected}, name
        assert target.get_object_tagging(Bucket=pair.destination.bucket, Key=name)["TagSet"]


def test_s3_refuses_one_copy_of_what_is_copied_in_parts(aws, tmp_path, monkeypatch):
    """The rule itself, at a size that a test can have: without parts, the object fails; with them, it arrives."""
    monkeypatch.setattr(LIMITS, "copy_bytes", 6 * MIB)
    pair = aws.pair()
    body = put(aws.s3(), pair.source.bucket, "large", "odd parts", "bare", "")
    refused = copied(aws, tmp_path, pair, largest_bytes=1 << 40)
    assert (refused.copied, refused.failed) == (0, 1)
    assert refused.failures[0].code == "InvalidRequest"
    monkeypatch.setattr(LIMITS, "copy_bytes", 8 * MIB)
    moved = copied(aws, tmp_path, pair, largest_bytes=8 * MIB)
    assert (moved.copied, moved.failed) == (1, 0), moved.failures
    got = aws.s3("eu-west-1").get_object(Bucket=pair.destination.bucket, Key="large")
    assert got["Body"].read() == body
    assert got["ETag"] == aws.s3().head_object(Bucket=pair.source.bucket, Key="large")["ETag"]


@pytest.mark.parametrize("operation", ["UploadPartCopy", "CompleteMultipartUpload", "GetObjectTagging"])
def test_a_copy_that_fails_leaves_no_parts_behind(aws, tmp_path, operation):
    pair = aws.pair()
    put(aws.s3(), pair.source.bucket, "large", "equal parts", "bare", "")
    aws.faults([{"kind": "access_denied", "service": "s3", "operation": operation}])
    moved = copied(aws, tmp_path, pair)
    aws.faults([])
    assert (moved.copied, moved.failed) == (0, 1)
    assert moved.failures[0].code == "AccessDenied"
    assert "Uploads" not in aws.s3("eu-west-1").list_multipart_uploads(Bucket=pair.destination.bucket)


def test_parts_in_bad_weather(aws, tmp_path):
    pair = aws.pair()
    body = put(aws.s3(), pair.source.bucket, "large", "odd parts", "metadata", "a=b")
    aws.faults(
        [
            {"kind": "error", "service": "s3", "operation": "UploadPartCopy", "probability": 0.5, "limit": 3},
            {"kind": "drop", "service": "s3", "operation": "UploadPartCopy", "probability": 0.5, "limit": 2},
            {"kind": "error", "service": "s3", "operation": "CompleteMultipartUpload", "limit": 1},
        ]
    )
    moved = copied(aws, tmp_path, pair)
    aws.faults([])
    assert (moved.copied, moved.failed) == (1, 0), moved.failures
    assert aws.s3("eu-west-1").get_object(Bucket=pair.destination.bucket, Key="large")["Body"].read() == body


def test_parts_cover_every_byte_once():
    for size, part in ((11, 5), (10, 5), (1, 5), (10**6, 7), (5 * 1024**4, 5)):
        sizes = uniform(size, part)
        assert sum(sizes) == size
        assert len(sizes) <= 10_000
        ranges = list(part_ranges(sizes))
        assert ranges[0][1] == 0
        assert ranges[-1][2] == size - 1
        assert all(one[2] + 1 == other[1] for one, other in itertools.pairwise(ranges))


def test_a_deleted_object_is_reported(aws, tmp_path):
    pair = aws.pair()
    from windlass.replication.direct.bucket_pair import BucketPair

    async def go():
        sides = await BucketPair.open(
            pair, lambda account_id, region: aws.access(account_id, region, "s3"), largest=1, part_bytes=5 * MIB
        )
        try:
            await sides.parts().copy(row("nothing", 10**7))
        finally:
            await sides.close()

    import asyncio

    with pytest.raises(NotFound):
        asyncio.run(go())
